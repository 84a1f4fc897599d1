/** `connect --on-open auth` under the real k6, against a relay that verifies who its clients say they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay } from "../../src/node/relay/relay.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import { connect } from "./harness.ts";
import { assertBelieved, assertEnded } from "./held-up.ts";

test("has each client let in by its own signature, and served then", async () => {
  const relay = await startRelay({ port: 0, file: ":memory:", authRequired: true });
  try {
    const run = await connect(
      { url: relay.url, firstTaken: new Promise(() => {}) },
      {
        ...{ mode: "hold", clients: 30, "connect-rate": 30, hold: 1, "on-open": "auth" },
        ...{ "ack-timeout": 5_000, threshold: "nostr_auth_failed: rate==0" },
      },
    );
    const { report } = run;
    const { connection, auth } = report.classes;
    assertBalanced(report);
    const { needed, sent, accepted, askedAgain } = auth?.totals ?? {};
    assert.deepEqual([needed, sent, accepted, askedAgain], [30, 30, 30, 30]);
    assert.deepEqual([connection.totals.usable, connection.totals.refused], [30, 0]);
    assert.equal(auth?.times.signing.count, 30);
    assert.deepEqual(report.errors, []);
    assertBelieved(report);
    assertEnded(run, report, 0);
  } finally {
    await relay.close();
  }
});
