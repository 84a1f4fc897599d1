import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { relateLooks, watchOutages } from "../src/node/companion/outage-watch.ts";
import { sliceOf } from "./fixtures/reports/run.ts";

/** A clock that is moved by hand; the port as a test says. */
function world(takesAt: (ms: number) => boolean) {
  let nowMs = 0;
  let run: (() => void) | null = null;
  const tries: number[] = [];
  const watch = watchOutages(
    async () => {
      tries.push(nowMs);
      return takesAt(nowMs);
    },
    {
      nowMs: () => nowMs,
      every(_, each) {
        run = each;
        return () => {
          run = null;
        };
      },
    },
  );
  return {
    watch,
    tries,
    async until(ms: number) {
      // What was tried at once has its answer first.
      await new Promise((resolve) => setImmediate(resolve));
      while (nowMs < ms) {
        nowMs += 150;
        run?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

describe("the port in an outage", () => {
  it("is tried while no connection is open, and not before or behind", async () => {
    const { watch, tries, until } = world((ms) => ms >= 900);
    watch.observe(sliceOf({ phase: "connect", connectionsOpen: 0 }));
    watch.observe(sliceOf({ connectionsOpen: 10 }));
    await until(300);
    assert.deepEqual(tries, []);
    watch.observe(sliceOf({ connectionsOpen: 0 }));
    await until(1_500);
    watch.observe(sliceOf({ connectionsOpen: 3 }));
    await until(2_100);
    assert.deepEqual(tries, [300, 450, 600, 750, 900]);
    assert.deepEqual(watch.stop(), [{ firstRefusedMs: 300, lastRefusedMs: 750, firstOpenMs: 900 }]);
  });

  it("is tried again in the next outage, over all VUs, and no more when the run is over", async () => {
    const { watch, tries, until } = world(() => false);
    for (const vu of [1, 2]) watch.observe(sliceOf({ vu, connectionsOpen: 1 }));
    watch.observe(sliceOf({ vu: 1, connectionsOpen: 0 }));
    await until(300);
    assert.deepEqual(tries, [], "one VU has a connection");
    watch.observe(sliceOf({ vu: 2, connectionsOpen: 0 }));
    await until(450);
    watch.observe(sliceOf({ vu: 2, connectionsOpen: 1 }));
    watch.observe(sliceOf({ vu: 2, connectionsOpen: 0 }));
    await until(600);
    watch.observe(sliceOf({ vu: 1, phase: "done", connectionsOpen: 0 }));
    await until(1_200);
    assert.deepEqual(tries, [300, 450, 450, 600]);
    assert.deepEqual(
      watch.stop().map(({ lastRefusedMs, firstOpenMs }) => [lastRefusedMs, firstOpenMs]),
      [
        [450, null],
        [600, null],
      ],
    );
  });

  it("is told in seconds of the window", () => {
    const look = { firstRefusedMs: 5_250, lastRefusedMs: null, firstOpenMs: 6_000 };
    assert.deepEqual(relateLooks([look], 2_000), [
      { firstRefusedSec: 3.25, lastRefusedSec: null, firstOpenSec: 4 },
    ]);
    assert.deepEqual(relateLooks([look], null), []);
  });
});
