import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readClock } from "../src/node/run/relay-clock.ts";

/** A relay whose clock is ahead by so much, so far away; both in a time of their own. */
function relayOf(aheadMs: number, wayMs: readonly number[], startMs: number) {
  let nowMs = startMs;
  let looks = 0;
  return {
    now: () => nowMs,
    pause: async (ms: number) => {
      assert.ok(ms >= 500 && ms < 1_501, `${ms}`);
      nowMs += ms;
    },
    ask: async () => {
      const way = wayMs[looks++ % wayMs.length] ?? 1;
      nowMs += way;
      const date = Math.floor((nowMs + aheadMs) / 1_000) * 1_000;
      nowMs += way / 2;
      return date;
    },
  };
}

describe("a clock held against the relay's", () => {
  it("is within what it says it may be wrong by, whatever the way there takes", async () => {
    const relays = fc.record({
      aheadMs: fc.integer({ min: -7_200_000, max: 7_200_000 }),
      wayMs: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 7 }),
      startMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    });
    await fc.assert(
      fc.asyncProperty(relays, async ({ aheadMs, wayMs, startMs }) => {
        const reading = await readClock(relayOf(aheadMs, wayMs, startMs));
        assert.ok(reading !== null);
        const { aheadMs: read, uncertainMs } = reading;
        assert.ok(Math.abs(read - aheadMs) <= uncertainMs, `${read} ± ${uncertainMs}`);
        // The way there and back, and what seven halvings leave of a second.
        assert.ok(uncertainMs <= Math.max(...wayMs) * 1.5 + 12, `± ${uncertainMs}`);
      }),
      { numRuns: 100 },
    );
  });

  it("is not measured by a relay without `Date`", async () => {
    assert.equal(await readClock({ ...relayOf(0, [1], 0), ask: async () => null }), null);
  });

  it("is as uncertain as a `Date` that somebody keeps", async () => {
    const reading = await readClock({ ...relayOf(0, [1], 5_000), ask: async () => 5_000 });
    assert.ok((reading?.uncertainMs ?? 0) > 1_000, JSON.stringify(reading));
  });
});
