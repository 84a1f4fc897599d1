import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { coolDown, type Resting, restAfter, UNKNOWN } from "../src/node/capacity/cooling.ts";

const REST: Resting = { cpuPercent: 1, lookMs: 3 };

/** A relay that is as `at` says so many ms after its trial; each look takes 400 ms. */
function relay(at: (ms: number) => Resting, signal = new AbortController().signal) {
  let ms = 0;
  return {
    nowMs: () => ms,
    wait: async (more: number) => {
      ms += more;
    },
    look: async () => {
      ms += 400;
      return at(ms);
    },
    signal,
  };
}

describe("cooling down", () => {
  it("waits until the processor of the relay is back to its rest", async () => {
    const busy = relay((ms) => ({ cpuPercent: ms < 5_000 ? 95 : 4, lookMs: 3 }));
    const { cooledSec, aged, found } = await coolDown(REST, busy);
    assert.deepEqual([cooledSec, aged, found.cpuPercent], [5.8, false, 4]);
  });

  it("waits until it answers as soon as at first, where its processes can't be seen", async () => {
    const slow = relay((ms) => ({ cpuPercent: null, lookMs: ms < 3_000 ? 40 : 3.5 }));
    const { cooledSec, aged } = await coolDown({ ...REST, cpuPercent: null }, slow);
    assert.deepEqual([cooledSec, aged], [3.1, false]);
  });

  it("waits for both, and no longer than half a minute: then it aged", async () => {
    for (const now of [
      { cpuPercent: 40, lookMs: 3 },
      { cpuPercent: 1, lookMs: 6 },
      { cpuPercent: 1, lookMs: null },
    ]) {
      const { cooledSec, aged } = await coolDown(
        REST,
        relay(() => now),
      );
      assert.equal(aged, true, JSON.stringify(now));
      assert.ok(cooledSec >= 30 && cooledSec < 31, `${cooledSec}`);
    }
  });

  it("takes a fifth more for the same, and what a host adds to little", async () => {
    const base = { cpuPercent: 50, lookMs: 100 };
    const held = [base, { cpuPercent: 59, lookMs: 119 }, { cpuPercent: null, lookMs: 100 }];
    for (const now of held)
      assert.equal(
        (
          await coolDown(
            base,
            relay(() => now),
          )
        ).aged,
        false,
      );
    const nearly = { cpuPercent: 6, lookMs: 5 };
    assert.equal(
      (
        await coolDown(
          REST,
          relay(() => nearly),
        )
      ).cooledSec,
      0.4,
    );
  });

  it("waits for nothing that was not known, nor when it is stopped", async () => {
    const hot = { cpuPercent: 100, lookMs: 900 };
    assert.equal(
      (
        await coolDown(
          UNKNOWN,
          relay(() => hot),
        )
      ).cooledSec,
      0.4,
    );
    const stopped = relay(() => hot, AbortSignal.abort());
    assert.deepEqual((await coolDown(REST, stopped)).cooledSec, 0.4);
  });

  it("holds a relay against its first idleness and its first answers behind the warm-up, or anew once it aged", () => {
    const cooled = (cpuPercent: number, lookMs: number, aged = false) => ({
      ...{ cooledSec: 1, aged, found: { cpuPercent, lookMs } },
    });
    const idle = restAfter(UNKNOWN, cooled(1, 9), { isWarmup: true });
    assert.deepEqual(idle, { cpuPercent: 1, lookMs: null });
    const warm = restAfter(idle, cooled(5, 3), { isWarmup: false });
    assert.deepEqual(warm, { cpuPercent: 1, lookMs: 3 });
    assert.deepEqual(restAfter(warm, cooled(2, 4), { isWarmup: false }), warm);
    const aged = restAfter(warm, cooled(9, 20, true), { isWarmup: false });
    assert.deepEqual(aged, { cpuPercent: 9, lookMs: 20 });
  });
});
