import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Slice } from "../src/measure/slice.ts";
import { LiveRun } from "../src/node/live.ts";
import { histogramOf, planOf, pool, rowOf, sliceOf, TYPES } from "./fixtures/reports/run.ts";

const NOW = 1_000_000;
const ROWS = TYPES.length;

function runWith(...slices: readonly Partial<Slice>[]): LiveRun {
  const live = new LiveRun(planOf({ CLIENTS: "2000" }), pool);
  slices.forEach((slice, seq) => {
    live.add(sliceOf({ seq, ...slice }), NOW);
  });
  return live;
}

const connecting = { phase: "connect", windowStartMs: null, connectionsOpen: 1_234 } as const;
const error = { class: "connect", code: "refused", count: 3, firstAtSec: 0, example: "" };
const sent = {
  classes: { publish: [rowOf(1, { scheduled: 200, attempted: 200, accepted: 150 })] },
  histograms: { "publish.response.1": histogramOf(4, 4, 4) },
};

describe("the progress line", () => {
  const table: readonly (readonly [
    name: string,
    slices: readonly Partial<Slice>[],
    laterMs: number,
    line: string,
  ])[] = [
    ["before anything is known", [], 0, "connect  0/2,000 connections, 0 errors"],
    [
      "while connecting",
      [{ ...connecting, errors: [error] }],
      0,
      "connect  1,234/2,000 connections, 3 errors",
    ],
    [
      "in the warm-up",
      [{ phase: "warmup", windowStartMs: 5_000, atMs: 1_000 }],
      1_500,
      "warm-up  10/2,000 connections, 3 s left",
    ],
    [
      "in a warm-up that is over, before the next slice",
      [{ phase: "warmup", windowStartMs: 5_000, atMs: 1_000 }],
      9_000,
      "warm-up  10/2,000 connections, 0 s left",
    ],
    [
      "in the window",
      [{ ...sent, windowStartMs: 1_000, atMs: 3_000 }],
      0,
      "window   10/2,000 connections, 100 of 100 events/s, 150 accepted, 0 failed or unsent, 0 errors, response p95 4.00 ms, 8 s left",
    ],
    [
      "in the window without an answer",
      [{ windowStartMs: 1_000, atMs: 3_000 }],
      0,
      "window   10/2,000 connections, 0 of 100 events/s, 0 accepted, 0 failed or unsent, 0 errors, response p95 not measured, 8 s left",
    ],
    [
      "in the drain",
      [{ ...sent, phase: "drain", windowStartMs: 1_000, atMs: 11_000 }],
      5_000,
      "drain    10/2,000 connections, 20 of 100 events/s, 150 accepted, 0 failed or unsent, 0 errors, response p95 4.00 ms, 0 s left",
    ],
    [
      "at the end",
      [{ ...sent, phase: "done", windowStartMs: 1_000, atMs: 11_000, connectionsOpen: 0 }],
      0,
      "done     0/2,000 connections, 20 of 100 events/s, 150 accepted, 0 failed or unsent, 0 errors, response p95 4.00 ms, 0 s left",
    ],
  ];
  for (const [name, slices, laterMs, line] of table) {
    it(`is right ${name}`, () => assert.equal(runWith(...slices).describe(NOW + laterMs), line));
  }
});

describe("LiveRun", () => {
  it("shows the rate of the last seconds, and what was not sent among what failed", () => {
    const second = (i: number): Partial<Slice> => ({
      windowStartMs: 1_000,
      atMs: 2_000 + i * 1_000,
      classes: {
        publish: [
          i < 4
            ? rowOf(1, { scheduled: 100, attempted: 100, accepted: 100 })
            : rowOf(1, { scheduled: 100, noConnection: 100 }),
        ],
      },
    });
    const line = (seconds: number) =>
      runWith(...Array.from({ length: seconds }, (_, i) => second(i))).describe(NOW);
    assert.match(line(4), / 100 of 100 events\/s, 400 accepted, 0 failed or unsent, /);
    assert.match(line(6), / 33 of 100 events\/s, 400 accepted, 200 failed or unsent, /);
    assert.match(line(7), / 0 of 100 events\/s, 400 accepted, 300 failed or unsent, /);
  });

  it("is in the phase of the VU that is furthest behind", () => {
    const live = runWith({ phase: "drain" }, { ...connecting, vu: 2 });
    assert.match(live.describe(NOW), /^connect {2}1,244\/2,000/);
    live.add(sliceOf({ vu: 2, seq: 1, phase: "window" }), NOW);
    assert.match(live.describe(NOW), /^window /);
  });

  it("counts nothing of the warm-up", () => {
    const live = runWith({
      classes: { publish: [rowOf(1 + ROWS, { scheduled: 500, attempted: 500, accepted: 500 })] },
      histograms: { [`publish.response.${1 + ROWS}`]: histogramOf(9) },
    });
    assert.match(live.describe(NOW), / 0 accepted, .*response p95 not measured/);
  });

  it("takes the earliest window as the start, and keeps every slice", () => {
    const live = runWith(
      { windowStartMs: 3_000, atMs: 4_000 },
      { vu: 2, windowStartMs: 2_000, atMs: 4_000 },
      { vu: 3, windowStartMs: null },
    );
    assert.equal(live.windowStartUnixMs, NOW - 2_000);
    assert.equal(live.slices.length, 3);
  });
});
