import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Histogram, packHistogram } from "../src/measure/histogram.ts";
import {
  decodeSlice,
  encodeSlice,
  type PackedSlice,
  SLICE_MARK,
  type Slice,
  sliceLengthMs,
} from "../src/measure/slice.ts";
import { histogramOf, rowOf, sliceOf } from "./fixtures/reports/run.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  // UTF-16 units one by one: surrogates come alone too.
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom("::", ":", '"', "\\", "\n", "\r\n", "\u2028", "\ud800", "é", "😀", "\\u003a"),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join("")),
);

const withErrors = (...texts: readonly string[]) =>
  sliceOf({
    classes: { publish: [rowOf(0, { scheduled: 3, attempted: 2, accepted: 1 })] },
    errors: texts.map((text) => ({
      class: "reject",
      code: text,
      count: 1,
      firstAtSec: 0.25,
      example: text,
      stack: text,
    })),
  });

const DURATIONS = [1, 2.5];
const withHistogram = (slice: Slice): Slice => ({
  ...slice,
  histograms: { "publish.response.0": histogramOf(...DURATIONS) },
});

/** As a VU hands it out, with two durations recorded. */
function packed(slice: Slice): PackedSlice {
  const histogram = new Histogram();
  for (const ms of DURATIONS) histogram.record(ms);
  return {
    ...slice,
    histograms: {
      "publish.response.0": packHistogram(histogram.detach() ?? assert.fail("nothing recorded")),
    },
  };
}

describe("encodeSlice", () => {
  it("comes back as it was, whatever the texts in it", () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 3 }), (texts) => {
        const slice = withErrors(...texts);
        assert.deepEqual(decodeSlice(encodeSlice(packed(slice))), withHistogram(slice));
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives one line that k6 does not take for a group", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = encodeSlice(packed(withErrors(text)));
        assert.ok(!encoded.includes("::"));
        assert.ok(!/[\r\n]/.test(encoded));
      }),
      { numRuns: 1_000 },
    );
  });

  it("outlives UTF-8, as a log line must", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = encodeSlice(packed(withErrors(text)));
        const read = new TextDecoder().decode(new TextEncoder().encode(encoded));
        assert.deepEqual(decodeSlice(read), withHistogram(withErrors(text)));
      }),
    );
  });
});

describe("decodeSlice", () => {
  it("gives null for a line that was cut off anywhere", () => {
    const encoded = encodeSlice(packed(withErrors('a "text" with :: in it')));
    for (let end = 0; end < encoded.length; end++) {
      assert.equal(decodeSlice(encoded.slice(0, end)), null, `cut at ${end}`);
    }
  });

  for (const text of ["", "a log line", `x${SLICE_MARK}{}`, `${SLICE_MARK}`, `${SLICE_MARK}null`]) {
    it(`gives null for \`${text}\``, () => assert.equal(decodeSlice(text), null));
  }
});

describe("sliceLengthMs", () => {
  it("cuts every window into at least 60 slices and, from a minute on, at most 600", () => {
    const seconds = fc.oneof(
      fc.double({ min: 1, max: 120, noNaN: true }),
      fc.double({ min: 1, max: 86_400, noNaN: true }),
      fc.integer({ min: 1, max: 86_400 }),
    );
    fc.assert(
      fc.property(seconds, (durationSec) => {
        const slices = Math.ceil((durationSec * 1_000) / sliceLengthMs(durationSec));
        assert.ok(slices >= 60, `${slices} slices`);
        if (durationSec >= 60) assert.ok(slices <= 600, `${slices} slices`);
      }),
      { numRuns: 2_000 },
    );
  });

  const table: readonly (readonly [durationSec: number, ms: number])[] = [
    [1, 10],
    [10, 100],
    [59, 500],
    [60, 1_000],
    [600, 1_000],
    [3_600, 10_000],
    [86_400, 144_000],
  ];
  for (const [durationSec, ms] of table) {
    it(`is ${ms} ms for ${durationSec} s`, () => assert.equal(sliceLengthMs(durationSec), ms));
  }
});
