import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noiseOf } from "../src/report/noise.ts";
import { histogramOf, rowOf, rowOfClass, sliceOf } from "./fixtures/reports/run.ts";

/** Twenty slices of 100 ms; the response times of the last two are others. */
const slices = Array.from({ length: 20 }, (_, index) =>
  sliceOf({
    seq: index,
    index,
    classes: {
      publish: [rowOf(0, { accepted: index < 18 ? 10 : 5 }), rowOf(2, { accepted: 1_000 })],
    },
    histograms: {
      "publish.response.0": histogramOf(index < 18 ? 1 : 3),
      "publish.response.2": histogramOf(9_000),
    },
  }),
);

/** Two rows of publishes: the third is of the warm-up. */
const NAMES = {
  publish: ["video", "view"],
  query: ["feed"],
};

describe("noiseOf", () => {
  it("gives the range over tenths of the window, without the warm-up's rows", () => {
    const { parts, classes } = noiseOf(slices, NAMES, 100, 2_000);
    assert.equal(parts, 10);
    assert.deepEqual(classes.publish?.responseP50?.map(Math.round), [1, 3]);
    assert.deepEqual(classes.publish?.donePerSec, [50, 100]);
  });

  it("has a band of each class that sends by a schedule, of its own times", () => {
    const asked = slices.map((slice) => ({
      ...slice,
      classes: { ...slice.classes, query: [rowOfClass("query", 0, { eose: 2 })] },
      histograms: {
        ...slice.histograms,
        "query.response.0": histogramOf(7),
        "query.service.0": histogramOf(500),
      },
    }));
    const { classes } = noiseOf(asked, NAMES, 100, 2_000);
    assert.deepEqual(Object.keys(classes), ["publish", "query"]);
    assert.deepEqual(classes.query?.donePerSec, [20, 20]);
    assert.deepEqual(classes.query?.responseP99?.map(Math.round), [7, 7]);
    assert.deepEqual(classes.publish, noiseOf(slices, NAMES, 100, 2_000).classes.publish);
  });

  it("leaves out what is before and behind the window", () => {
    const outside = [-1, 20, 25].map((index) =>
      sliceOf({
        index,
        histograms: { "publish.response.0": histogramOf(500) },
        classes: { publish: [rowOf(0, { accepted: 9 })] },
      }),
    );
    assert.deepEqual(
      noiseOf([...slices, ...outside], NAMES, 100, 2_000),
      noiseOf(slices, NAMES, 100, 2_000),
    );
  });

  it("is no band where a part had no answer", () => {
    const { publish } = noiseOf(slices.slice(2), NAMES, 100, 2_000).classes;
    assert.equal(publish?.responseP99, null);
    assert.deepEqual(publish?.donePerSec, [0, 100]);
  });
});
