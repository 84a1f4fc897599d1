import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  BUCKET_COUNT,
  bucketOf,
  type DetachedHistogram,
  packHistogram,
  unpackHistogram,
} from "../src/measure/histogram.ts";
import {
  ACCEPTED,
  ATTEMPTED,
  COLUMNS,
  LOST,
  openEvents,
  POOL_EXHAUSTED,
  SCHEDULED,
} from "../src/measure/outcome.ts";
import { noLinkCounts, Recorder } from "../src/measure/recorder.ts";
import { rowOf } from "./fixtures/reports/run.ts";

const detachedOf = (ms: number): DetachedHistogram => {
  const counts = new Uint32Array(BUCKET_COUNT);
  counts[bucketOf(ms)] = 1;
  return { max: ms, counts };
};
const countOf = (detached: DetachedHistogram | undefined): number =>
  detached === undefined ? 0 : unpackHistogram(packHistogram(detached)).count;

describe("Recorder", () => {
  it("hands over what was counted, by row, and starts again from nothing", () => {
    const recorder = new Recorder(4);
    recorder.count(1, SCHEDULED);
    recorder.count(1, ATTEMPTED);
    recorder.count(1, ACCEPTED);
    recorder.count(3, SCHEDULED);
    recorder.count(3, POOL_EXHAUSTED);
    recorder.response[1]?.record(2);
    recorder.service[1]?.record(1);
    recorder.connect.record(3);
    recorder.scheduleLag.record(4);
    recorder.loopLag.record(5);
    recorder.link.notices++;
    recorder.inFlight.sum += 6;
    recorder.inFlight.overMs++;
    recorder.error("reject", "blocked", 0.5, "blocked: go away");
    assert.deepEqual(recorder.take(), {
      counts: [
        rowOf(1, { scheduled: 1, attempted: 1, accepted: 1 }),
        rowOf(3, { scheduled: 1, poolExhausted: 1 }),
      ],
      link: { ...noLinkCounts(), notices: 1 },
      histograms: {
        r1: detachedOf(2),
        s1: detachedOf(1),
        connect: detachedOf(3),
        lag: detachedOf(4),
        loop: detachedOf(5),
      },
      errors: [
        {
          class: "reject",
          code: "blocked",
          count: 1,
          firstAtSec: 0.5,
          example: "blocked: go away",
        },
      ],
      inFlight: { sum: 6, overMs: 1 },
    });
    assert.deepEqual(recorder.take(), {
      counts: [],
      link: noLinkCounts(),
      histograms: {},
      errors: [],
      inFlight: { sum: 0, overMs: 0 },
    });
  });

  it("loses and doubles nothing, wherever the cuts fall", () => {
    const step = fc.record({
      row: fc.nat(3),
      column: fc.nat(COLUMNS.length - 1),
      ms: fc.nat(1_000),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const recorder = new Recorder(4);
        const taken: ReturnType<Recorder["take"]>[] = [];
        for (const { row, column, ms, cut } of steps) {
          recorder.count(row, column);
          recorder.response[row]?.record(ms);
          if (cut) taken.push(recorder.take());
        }
        taken.push(recorder.take());
        for (let row = 0; row < 4; row++) {
          const own = steps.filter((s) => s.row === row);
          COLUMNS.forEach((_, column) => {
            const counted = taken.flatMap(({ counts }) => counts.filter(([r]) => r === row));
            const sum = counted.reduce((n, cells) => n + (cells[column + 1] ?? 0), 0);
            assert.equal(sum, own.filter((s) => s.column === column).length);
          });
          const recorded = taken.reduce((n, t) => n + countOf(t.histograms[`r${row}`]), 0);
          assert.equal(recorded, own.length);
        }
      }),
    );
  });

  it("keeps one error a class and code, with its first time, text and stack", () => {
    const recorder = new Recorder(1);
    recorder.error("script", "timer", 1, "first", "at a");
    recorder.error("script", "timer", 2, "second");
    recorder.error("script", "open", 3, "x".repeat(10_000));
    const [timer, open] = recorder.take().errors;
    assert.deepEqual(timer, {
      class: "script",
      code: "timer",
      count: 2,
      firstAtSec: 1,
      example: "first",
      stack: "at a",
    });
    assert.equal(open?.example.length, 160);
  });

  it("tells what a relay said apart by what it means, and by the types that it met", () => {
    const recorder = new Recorder(4);
    recorder.said("reject", "blocked", 1, "blocked: event kind 7 not allowed", { row: 3 });
    recorder.said("reject", "blocked", 2, "blocked: event kind 8 not allowed", { row: 1 });
    recorder.said("reject", "blocked", 3, "blocked: pubkey not allowed", { row: 1 });
    recorder.eventError("timeout", "no OK", 4, "no OK in 1 ms", 2);
    const told = recorder.take().errors.map((e) => [e.code, e.reason, e.count, e.rows]);
    assert.deepEqual(told, [
      [
        "blocked",
        "kind",
        2,
        [
          [3, 1],
          [1, 1],
        ],
      ],
      ["blocked", "policy", 1, [[1, 1]]],
      ["no OK", undefined, 1, [[2, 1]]],
    ]);
  });

  it("does not change what it handed over", () => {
    const recorder = new Recorder(1);
    recorder.count(0, SCHEDULED);
    recorder.error("notice", "other", 0, "text");
    const taken = recorder.take();
    const before = structuredClone(taken);
    recorder.count(0, LOST);
    recorder.error("notice", "other", 0, "text");
    recorder.link.dropped++;
    assert.deepEqual(taken, before);
  });
});

describe("openEvents", () => {
  it("tells what waits from what is in flight", () => {
    const [, ...cells] = rowOf(0, { scheduled: 10, attempted: 6, accepted: 3, noConnection: 1 });
    const counts = Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i] ?? 0]));
    assert.deepEqual(openEvents(counts as Parameters<typeof openEvents>[0]), {
      waiting: 3,
      inFlight: 3,
    });
  });
});
