/** The read-back after a run: finds what is there, and names what the relay said it took and has not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay } from "../../src/node/relay/relay.ts";
import { publishOf } from "../../src/report/class-report.ts";
import type { Published } from "../faulty-relay/relay.ts";
import { assertTrue, type Flags, publish, withRelay } from "./harness.ts";
import { assertEnded } from "./held-up.ts";

/** These runs ask no relay beforehand. */
const stored = { kinds: null, why: "no relay was asked beforehand (--force)" };
const THOUSAND: Flags = { audit: true, rate: 500, duration: 2 };

test("finds every acknowledged event, the warm-up's too, in the embedded relay", async () => {
  const relay = await startRelay({ port: 0, file: ":memory:" });
  try {
    // As many as it verifies beside whatever else this machine does.
    const flags = { audit: true, rate: 40, duration: 2, warmup: 1 } as const;
    const run = await publish({ url: relay.url, firstTaken: new Promise(() => {}) }, flags);
    const { totals, warmup } = publishOf(run.report);
    const acknowledged = totals.accepted + (warmup?.accepted ?? 0);
    assert.equal(acknowledged, 120, JSON.stringify(totals));
    assert.deepEqual(run.report.audit, {
      checked: acknowledged,
      found: acknowledged,
      missing: [],
      missingCount: 0,
      excused: 0,
      acknowledged,
      stored,
    });
    assertEnded(run, run.report, 0);
  } finally {
    await relay.close();
  }
});

test("names the one event in a thousand that a relay acknowledged and lost", () => {
  const lost: string[] = [];
  const keeps = ({ event, place }: Published) => {
    const isKept = place % 1_000 !== 499;
    if (!isKept) lost.push(event.id);
    return isKept;
  };
  return withRelay({ keeps }, async (relay) => {
    const run = await publish(relay, THOUSAND);
    assert.equal(run.report.run.stopReason, null);
    assert.equal(lost.length, 1);
    assert.deepEqual(run.report.audit, {
      checked: 1_000,
      found: 999,
      missing: lost,
      missingCount: 1,
      excused: 0,
      acknowledged: 1_000,
      stored,
    });
    assertEnded(run, run.report, 99);
    assert.match(run.stdout, /read-back +999 of 1,000 .* 1 missing/);
    assert.ok(run.stdout.includes(lost[0] ?? "none was lost"));
  });
});

test("asks each of two relays for what it acknowledged itself", () => {
  const lost: string[] = [];
  const keepsAll = () => true;
  const keepsMost = ({ event, place }: Published) => {
    const isKept = place !== 3 && place !== 40;
    if (!isKept) lost.push(event.id);
    return isKept;
  };
  return withRelay({ keeps: keepsAll }, (whole) =>
    withRelay({ keeps: keepsMost }, async (holed) => {
      const relay = { url: `${whole.url},${holed.url}`, firstTaken: whole.firstTaken };
      const run = await publish(relay, { audit: true, rate: 100 });
      const { report } = run;
      assert.equal(whole.ledger.events.length + holed.ledger.events.length, 100);
      assert.deepEqual([report.audit?.checked, report.audit?.found], [100, 98]);
      assert.deepEqual(new Set(report.audit?.missing), new Set(lost));
      assertEnded(run, run.report, 99);
    }),
  );
});

test("says not measured, and why, of a relay that takes no reader", () =>
  // The read-back's own connection is the first, held over the run, and tried again behind it.
  withRelay({ handshake: (place) => (place > 0 && place < 5 ? "open" : 403) }, async (relay) => {
    const run = await publish(relay, { audit: true });
    assert.equal(run.report.audit, null);
    assert.match(run.stderr, /read-back +127\.0\.0\.1:\d+: not measured: no connection: .*403/);
    assertEnded(run, run.report, 0);
  }));

test("leaves a run without --audit alone", () =>
  withRelay({ keeps: () => false }, async (relay) => {
    const run = await publish(relay);
    assertTrue(run, relay, { exitCode: 0 });
    assert.equal(run.report.audit, null);
    assert.equal(relay.ledger.taken, 4);
  }));
