/** The series of runs from a second to an hour, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { accept, reject } from "./faulty-relay/frames.ts";
import { figuresOf } from "./fixtures/reports/figures.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { hold, refusal } from "./k6-world/trial.ts";

describe("the series", () => {
  for (const seconds of [1, 5, 59, 61, 600, 3_600]) {
    it(`has at least 60 points for ${seconds} s, whose sums are the totals, with an outage in them`, async () => {
      // Out of reach for the third sixth of the window, which begins at 1 s.
      const [outMs, backMs] = [1_000 + (seconds * 1_000) / 3, 1_000 + (seconds * 1_000) / 2];
      let refused = 0;
      const relay = misbehave(({ event, place }) => [
        place % 7 === 0 ? reject(event.id, "pow", "pow: 20") : accept(event.id, 1),
      ]);
      const { report } = await hold(relay, {
        variables: { DURATION_SEC: String(seconds), RATE_EPS: String(600 / seconds) },
        conditions: {
          handshake: (_, atMs) => {
            if (atMs < outMs || atMs >= backMs) return "open";
            refused++;
            return { error: refusal };
          },
          at: [
            [
              outMs,
              (sockets) => {
                relay.ledger.cuts.push(...sockets.map(() => "1012"));
                sockets[0]?.dropAll(1_012);
              },
            ],
          ],
        },
        beside: {
          get errors() {
            return refused === 0 ? {} : { "connect/refused": refused };
          },
        },
      });
      assert.equal(report.classes.connection.totals.dropped, 4);
      const { series, sliceSec } = figuresOf(report).throughput;
      assert.ok(series.length >= 60 && series.length <= 602, `${series.length} points`);
      for (const [i, { t, connectionsOpen }] of series.entries()) {
        assert.ok(Math.abs(t - i * sliceSec) < 0.002, `point ${i} at ${t}`);
        const endMs = 1_000 + (t + sliceSec) * 1_000;
        if (endMs <= outMs) assert.equal(connectionsOpen, 4, `at ${t}`);
        // Right behind the drop none is open; a try may open one as soon as the relay is back.
        if (endMs > outMs && endMs <= backMs) assert.equal(connectionsOpen, 0, `at ${t}`);
        if (endMs > backMs + 6_000) assert.equal(connectionsOpen, 4, `at ${t}`);
      }
    });
  }
});
