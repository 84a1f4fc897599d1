import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  BUCKET_COUNT,
  BUCKETS,
  bucketLowerMs,
  bucketMiddleMs,
  bucketOf,
  Histogram,
  meanOf,
  mergeHistograms,
  mergePair,
  quantile,
  UNITS_PER_MS,
  unpackHistogram,
} from "../src/measure/histogram.ts";
import { HistogramStore } from "../src/measure/histogram-store.ts";
import { HistogramSum } from "../src/measure/histogram-sum.ts";
import { histogramOf } from "./fixtures/reports/run.ts";

const TEN_US = 0.01;
const TEN_MIN = 600_000;
/** Evenly spread over the orders of magnitude. */
const durations = fc
  .double({ min: Math.log(TEN_US), max: Math.log(TEN_MIN), noNaN: true })
  .map((x) => Math.min(TEN_MIN, Math.max(TEN_US, Math.exp(x))));
const samples = fc.array(durations, { maxLength: 60 });

describe("HistogramStore", () => {
  it("gives back what any other reads of it, whatever lies beside it", () => {
    const store = new HistogramStore();
    const counts = fc.array(
      fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 })),
      { minLength: 1, maxLength: 400 },
    );
    const packed = fc.record({
      max: fc.nat({ max: 900 }),
      from: fc.nat({ max: 1_300 }),
      counts: counts.map((n) => n.join(",")),
    });
    fc.assert(
      fc.property(fc.array(packed), (all) => {
        const kept = all.map(store.keep);
        const read = kept.map(({ unit, count, max, buckets }) => ({ unit, count, max, buckets }));
        assert.deepEqual(read, all.map(unpackHistogram));
      }),
    );
  });
});

describe("record", () => {
  const any = fc.oneof(
    durations,
    fc.double({ min: -3, max: 30, noNaN: true }),
    fc.constantFrom(-1, 0, 13.1072, 13_421.7728, 859_000),
  );

  it("counts a value in its bucket, and keeps the largest one and how many came before their time", () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (values) => {
        const histogram = new Histogram();
        const counts = new Uint32Array(BUCKET_COUNT);
        for (const ms of values) {
          histogram.record(ms);
          const at = bucketOf(ms);
          counts[at] = (counts[at] ?? 0) + 1;
        }
        assert.deepEqual(histogram.counts, counts);
        assert.equal(histogram.max, values.length === 0 ? -1 : Math.max(0, ...values));
        assert.equal(histogram.known, Math.min(histogram.max, 13.107));
        assert.equal(histogram.below, values.filter((ms) => ms < -1).length);
      }),
    );
  });
});

describe("mergePair", () => {
  it("gives what mergeHistograms gives", () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const pair = [histogramOf(...a), histogramOf(...b)] as const;
        assert.deepEqual(mergePair(...pair), mergeHistograms(pair));
      }),
    );
  });
});

describe("HistogramSum", () => {
  it("gives what mergeHistograms gives, of few and of many, however they are kept", () => {
    fc.assert(
      fc.property(fc.array(samples, { maxLength: 20 }), (all) => {
        const store = new HistogramStore();
        const parts = all.map((of) => histogramOf(...of));
        const sum = new HistogramSum();
        for (const [i, { max, buckets, ...part }] of parts.entries()) {
          if (i % 2 === 0) {
            sum.add({ ...part, max, buckets });
            continue;
          }
          const counts = new Array<number>(BUCKET_COUNT).fill(0);
          for (let at = 0; at < buckets.length; at += 2) {
            counts[buckets[at] ?? 0] = buckets[at + 1] ?? 0;
          }
          sum.add(store.keep({ max, from: 0, counts: counts.join(",") }));
        }
        assert.deepEqual(sum.toData(), mergeHistograms(parts));
      }),
      { numRuns: 50 },
    );
  });

  it("gives a single one whole that was kept as bytes", () => {
    const sum = new HistogramSum();
    sum.add(new HistogramStore().keep({ max: 1, from: bucketOf(1), counts: "2" }));
    assert.deepEqual({ ...sum.toData() }, histogramOf(1, 1));
  });
});

describe("buckets", () => {
  it("have a middle within 1 % of every value from 10 µs to 10 min", () => {
    fc.assert(
      fc.property(durations, (ms) => {
        const middle = bucketMiddleMs(bucketOf(ms));
        assert.ok(Math.abs(middle - ms) <= ms * 0.01, `${middle} for ${ms}`);
      }),
      { numRuns: 5_000 },
    );
  });

  it("follow each other without a gap, and hold their own lower edge and middle", () => {
    for (let index = 0; index < BUCKET_COUNT; index++) {
      const lower = bucketLowerMs(index);
      const upper = bucketLowerMs(index + 1);
      assert.ok(lower < upper, `bucket ${index} is empty`);
      const middle = bucketMiddleMs(index);
      assert.ok(lower < middle && middle < upper);
      assert.equal(bucketOf(middle), index);
      // A hair above the edge: division and multiplication may lose the last bit.
      assert.equal(bucketOf(lower * (1 + 1e-12)), index);
    }
    assert.equal(bucketLowerMs(0), 0);
  });

  it("rise with the value", () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        assert.ok(a <= b ? bucketOf(a) <= bucketOf(b) : bucketOf(a) >= bucketOf(b));
      }),
    );
  });

  const edges: readonly (readonly [ms: number, bucket: number])[] = [
    [-1, 0],
    [-0, 0],
    [0, 0],
    [Number.MIN_VALUE, 0],
    [858_993.4, BUCKET_COUNT - 1],
    [1e12, BUCKET_COUNT - 1],
    [Number.POSITIVE_INFINITY, BUCKET_COUNT - 1],
  ];
  for (const [ms, bucket] of edges) {
    it(`put ${ms} ms into bucket ${bucket}`, () => assert.equal(bucketOf(ms), bucket));
  }
});

it("what a histogram calls known is in the table, at its own bucket, and no new maximum", () => {
  const values = fc.array(fc.double({ min: -5, max: 2_000_000, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1 }), (recorded, share) => {
      const histogram = new Histogram();
      assert.equal(histogram.known, -1);
      for (const ms of recorded) histogram.record(ms);
      const ms = histogram.known * share;
      assert.equal(BUCKETS[(ms * UNITS_PER_MS) >>> 0], bucketOf(ms));
      assert.ok(histogram.known <= histogram.max && histogram.known >= Math.min(13, histogram.max));
      histogram.detach();
      assert.equal(histogram.known, -1);
    }),
  );
});

describe("mergeHistograms", () => {
  const whole = (parts: readonly (readonly number[])[]) => histogramOf(...parts.flat());

  it("gives what recording everything into one gives", () => {
    fc.assert(
      fc.property(fc.array(samples, { maxLength: 6 }), (parts) => {
        const merged = mergeHistograms(parts.map((part) => histogramOf(...part)));
        assert.deepEqual(merged, whole(parts));
      }),
    );
  });

  it("is commutative and associative", () => {
    fc.assert(
      fc.property(samples, samples, samples, (x, y, z) => {
        const [a, b, c] = [histogramOf(...x), histogramOf(...y), histogramOf(...z)];
        assert.deepEqual(mergeHistograms([a, b]), mergeHistograms([b, a]));
        assert.deepEqual(
          mergeHistograms([mergeHistograms([a, b]), c]),
          mergeHistograms([a, mergeHistograms([b, c])]),
        );
      }),
    );
  });

  it("leaves its parts as they were", () => {
    const part = histogramOf(1, 2, 3);
    const before = structuredClone(part);
    mergeHistograms([part, part]);
    assert.deepEqual(part, before);
  });

  it("survives JSON", () => {
    fc.assert(
      fc.property(fc.array(durations), (values) => {
        const data = histogramOf(...values);
        assert.deepEqual(JSON.parse(JSON.stringify(data)), data);
      }),
    );
  });
});

describe("quantile", () => {
  it("is within 1 % of the exact one", () => {
    const qs = fc.constantFrom(0, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1);
    fc.assert(
      fc.property(fc.array(durations, { minLength: 1, maxLength: 500 }), qs, (values, q) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN;
        const got = quantile(histogramOf(...values), q) ?? Number.NaN;
        assert.ok(Math.abs(got - exact) <= exact * 0.01, `${got} for ${exact}`);
      }),
      { numRuns: 300 },
    );
  });

  it("never leaves the range of what was recorded", () => {
    assert.equal(quantile(histogramOf(1.234_567), 0.5), 1.234_567);
    assert.equal(quantile(histogramOf(0, 0, 0), 0.99), 0);
  });

  it("takes the rank of the exact share where floating point has a hair more", () => {
    const data = histogramOf(...Array.from({ length: 999 }, () => 1), 100);
    for (const q of [0.999, 99.9 / 100]) assert.ok((quantile(data, q) ?? 100) < 1.01, `${q}`);
    assert.equal(quantile(data, 0.999_1), 100);
  });

  it("is null without data", () => {
    for (const q of [0, 0.5, 1]) assert.equal(quantile(histogramOf(), q), null);
  });
});

describe("meanOf", () => {
  it("is within 1 % of the exact one, and never above what was recorded", () => {
    fc.assert(
      fc.property(fc.array(durations, { minLength: 1, maxLength: 200 }), (values) => {
        const exact = values.reduce((sum, v) => sum + v, 0) / values.length;
        const got = meanOf(histogramOf(...values)) ?? Number.NaN;
        assert.ok(Math.abs(got - exact) <= exact * 0.01, `${got} for ${exact}`);
        assert.ok(got <= Math.max(...values), `${got} is above all of ${values}`);
      }),
    );
  });

  it("is null without data", () => assert.equal(meanOf(histogramOf()), null));
});

describe("Histogram", () => {
  it("keeps count and the largest value itself", () => {
    const { count, max } = histogramOf(3, 1, 2.345_678);
    assert.deepEqual({ count, max }, { count: 3, max: 3 });
  });

  it("counts a negative duration as 0", () => {
    const { count, max, buckets } = histogramOf(-5);
    assert.deepEqual({ count, max, buckets }, { count: 1, max: 0, buckets: [0, 1] });
  });

  it("is empty and as good as new after what it held was handed over", () => {
    fc.assert(
      fc.property(samples, samples, (before, after) => {
        const histogram = new Histogram();
        for (const value of before) histogram.record(value);
        histogram.detach();
        assert.deepEqual(histogram.toData(), histogramOf());
        for (const value of after) histogram.record(value);
        assert.deepEqual(histogram.toData(), histogramOf(...after));
      }),
    );
  });

  it("does not grow with what is recorded", () => {
    const histogram = new Histogram();
    for (let i = 0; i < 200_000; i++) histogram.record((i % 1_000) / 7);
    const { count, buckets } = histogram.toData();
    assert.equal(count, 200_000);
    assert.ok(buckets.length <= 2 * BUCKET_COUNT);
    const once = new Histogram();
    for (let i = 0; i < 1_000; i++) once.record(i / 7);
    assert.equal(buckets.length, once.toData().buckets.length);
  });

  it("lists its buckets in rising order, each once and none empty", () => {
    fc.assert(
      fc.property(fc.array(durations), (values) => {
        const { buckets, count } = histogramOf(...values);
        const indices = buckets.filter((_, i) => i % 2 === 0);
        const counts = buckets.filter((_, i) => i % 2 === 1);
        assert.deepEqual(
          indices,
          [...new Set(indices)].sort((a, b) => a - b),
        );
        assert.ok(counts.every((n) => n > 0));
        assert.equal(
          counts.reduce((sum, n) => sum + n, 0),
          count,
        );
      }),
    );
  });
});
