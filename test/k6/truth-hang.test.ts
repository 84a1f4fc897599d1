/** Runs end, and their figures are whole, whatever a relay leaves undone. These tests take long. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertTrue, publish, withRelay } from "./harness.ts";

describe("a run ends, and its figures are whole,", { concurrency: true }, () => {
  test("when the relay never answers a Close frame", () =>
    withRelay({ ignoresClose: true }, async (relay) => {
      const run = await publish(relay);
      assertTrue(run, relay, {
        exitCode: 0,
        errors: { "close/unanswered": 4 },
        stopReason: /Close frames unanswered/,
      });
    }));

  test("when the relay pings in bursts and drops each connection that begins to close", () =>
    withRelay({ pings: { each: 20, everyMs: 20 } }, async (relay) => {
      const run = await publish(relay, { clients: 40 });
      assertTrue(run, relay, { exitCode: 0 });
      const { startedAt, endedAt } = run.report.run;
      assert.ok(Date.parse(endedAt) - Date.parse(startedAt) < 15_000, `${startedAt} to ${endedAt}`);
    }));

  test("when handshakes never end", () =>
    // One client's first, given up in the run, and its second, under way when the run ends.
    withRelay(
      { handshake: (place) => (place === 2 || place > 3 ? "silent" : "open") },
      async (relay) => {
        const run = await publish(relay);
        const { due, opened, failed, unfinished } = run.report.classes.connection.totals;
        assert.deepEqual([due, opened, failed, unfinished], [5, 3, 1, 1]);
        assertTrue(run, relay, {
          exitCode: 99,
          errors: { "connect/timeout": 1, "connect/unfinished": 1 },
          stopReason: /handshakes or .* unanswered/,
        });
      },
    ));
});
