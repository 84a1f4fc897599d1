import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { coarseLowerMs, coarsen } from "../src/measure/histogram.ts";
import { seriesOf } from "../src/report/series.ts";
import { histogramOf, rowOf, sliceOf, TYPES } from "./fixtures/reports/run.ts";

const axis = { rows: TYPES.length, sliceMs: 100, durationMs: 1_000, windowStartMs: 1_000 };

describe("seriesOf", () => {
  it("gives each slice its own times, of all event types and VUs together", () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    const [first, second] = seriesOf(
      [
        sliceOf({
          histograms: {
            r0: histogramOf(...values.slice(0, 30)),
            r1: histogramOf(...values.slice(30)),
            s0: histogramOf(5, 6, 7),
            lag: histogramOf(0.5, 0.5),
            // Rows of the warm-up do not count.
            [`r${TYPES.length}`]: histogramOf(5_000),
          },
        }),
        sliceOf({ vu: 2, histograms: { loop: histogramOf(9), lag: histogramOf(3) } }),
        sliceOf({ index: 1, seq: 1, histograms: {} }),
      ],
      axis,
    );
    assert.ok(first && second);
    const about = (value: number | null, ms: number) =>
      assert.ok(value !== null && Math.abs(value - ms) <= ms * 0.01, `${value} for ${ms}`);
    about(first.p50, 50);
    about(first.p90, 90);
    about(first.p95, 95);
    about(first.p99, 99);
    about(first.p999, 100);
    about(first.serviceP50, 6);
    about(first.serviceP99, 7);
    about(first.scheduleLagP99, 3);
    about(first.loopLagP99, 9);
    for (const key of ["p50", "p999", "serviceP99", "scheduleLagP99", "loopLagP99"] as const) {
      assert.equal(second[key], null, key);
    }
    assert.deepEqual(second.responseBuckets, []);
  });

  it("counts every outcome, and what was not sent as one", () => {
    const counts = { duplicate: 1, superseded: 2, lost: 3, timedOut: 4 };
    const unsent = { backpressure: 10, noConnection: 20, poolExhausted: 30 };
    const [point] = seriesOf([sliceOf({ counts: [rowOf(0, { ...counts, ...unsent })] })], axis);
    assert.deepEqual({ ...point, ...counts, unsent: 60 }, point);
  });
});

describe("coarsen", () => {
  it("keeps every count, in the bucket that holds its values, four to a doubling", () => {
    const ms = fc.double({ min: 0, max: 800_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(ms, { maxLength: 60 }), (values) => {
        const coarse = coarsen(histogramOf(...values));
        const pairs = coarse.flatMap((index, i) =>
          i % 2 === 0 ? [[index, coarse[i + 1] ?? 0] as const] : [],
        );
        for (const [i, [index, count]] of pairs.entries()) {
          assert.ok(i === 0 || index > (pairs[i - 1]?.[0] ?? 0), "in rising order");
          // A fine bucket's lower edge may round across: what falls there is counted by its index.
          const within = values.filter(
            (v) =>
              v >= coarseLowerMs(index) * (1 - 1e-9) && v < coarseLowerMs(index + 1) * (1 + 1e-9),
          );
          assert.ok(count <= within.length, `${count} in ${index}`);
        }
        assert.equal(
          pairs.reduce((sum, [, count]) => sum + count, 0),
          values.length,
        );
      }),
    );
    assert.ok(Math.abs(coarseLowerMs(44) / coarseLowerMs(40) - 2) < 1e-9);
  });
});
