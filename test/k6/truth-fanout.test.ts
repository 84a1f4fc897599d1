/** What subscribers get of a relay that loses, repeats and drops, the real k6 counts as its ledger has it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deliveryOf } from "../../src/report/class-report.ts";
import { zerosOf } from "../../src/report/zeros.ts";
import { FanRelay, right } from "../k6-world/fan-relay.ts";
import { runFanout } from "./fan-server.ts";

describe("run fanout", () => {
  it("counts what was lost, repeated, delivered to others, and dropped in silence", async () => {
    const relay = new FanRelay({
      deliver: ({ place, subscription, eventPlace, event }, { subscriptions }) => {
        if (subscription.place === 3 && eventPlace >= 100) {
          subscription.ended = true;
          return [];
        }
        if (place % 100 === 7) return [];
        if (place % 100 === 8)
          return [...right(), { afterMs: 20, counts: ["frames", "duplicate"] }];
        if (place % 100 !== 9) return right();
        const to = subscriptions.find(
          ({ filters }) => !filters[0]?.authors?.includes(event.pubkey),
        );
        const counts = ["frames", "unexpected", "wrongSubscription"] as const;
        return to === undefined ? right() : [...right(), { afterMs: 5, to, counts }];
      },
    });
    const report = await runFanout(relay);
    const { bytes: _, inverted, invertedTies, ...totals } = deliveryOf(report).totals;
    const { bytes: __, inverted: ___, invertedTies: ____, ...zeros } = zerosOf("delivery");
    assert.deepEqual(totals, { ...zeros, lostSubscriptions: 1, ...relay.counts });
    assert.equal(totals.due, 1_000);
    // A repeated or strange frame is no delivery, and timers of the relay keep their order.
    assert.deepEqual([inverted, invertedTies], [0, 0]);
    const named = report.errors.filter((error) => error.class === "subscription");
    assert.deepEqual(
      named.map(({ code, count }) => [code, count]),
      [["silence", 1]],
    );
  });
});
