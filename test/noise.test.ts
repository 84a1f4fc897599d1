import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noiseOf } from "../src/report/noise.ts";
import { histogramOf, rowOf, sliceOf } from "./fixtures/reports/run.ts";

/** Twenty slices of 100 ms; the response times of the last two are others. */
const slices = Array.from({ length: 20 }, (_, index) =>
  sliceOf({
    seq: index,
    index,
    counts: [rowOf(0, { accepted: index < 18 ? 10 : 5 }), rowOf(2, { accepted: 1_000 })],
    histograms: { r0: histogramOf(index < 18 ? 1 : 3), r2: histogramOf(9_000) },
  }),
);

describe("noiseOf", () => {
  it("gives the range over tenths of the window, without the warm-up's rows", () => {
    const { parts, responseP50, acceptedEps } = noiseOf(slices, 2, 100, 2_000);
    assert.equal(parts, 10);
    assert.deepEqual(responseP50?.map(Math.round), [1, 3]);
    assert.deepEqual(acceptedEps, [50, 100]);
  });

  it("leaves out what is before and behind the window", () => {
    const outside = [-1, 20, 25].map((index) =>
      sliceOf({ index, histograms: { r0: histogramOf(500) }, counts: [rowOf(0, { accepted: 9 })] }),
    );
    assert.deepEqual(
      noiseOf([...slices, ...outside], 2, 100, 2_000),
      noiseOf(slices, 2, 100, 2_000),
    );
  });

  it("is no band where a part had no answer", () => {
    const { responseP99, acceptedEps } = noiseOf(slices.slice(2), 2, 100, 2_000);
    assert.equal(responseP99, null);
    assert.deepEqual(acceptedEps, [0, 100]);
  });
});
