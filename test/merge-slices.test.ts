import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { mergeHistograms, quantile } from "../src/measure/histogram.ts";
import type { Column } from "../src/measure/outcome.ts";
import { noLinkCounts } from "../src/measure/recorder.ts";
import type { Slice } from "../src/measure/slice.ts";
import { type Merged, mergeSlices } from "../src/report/merge-slices.ts";
import { histogramOf, rowOf, sliceOf, TYPES } from "./fixtures/reports/run.ts";

const SLICE_MS = 100;
const WINDOW_SLICES = 10;
const DURATION_MS = SLICE_MS * WINDOW_SLICES;
const ROWS = TYPES.length;

const ANSWERED = ["accepted", "duplicate", "superseded", "rejected"] as const;
const SENT = [...ANSWERED, "timedOut", "lost"] as const;
const UNSENT = ["backpressure", "noConnection", "poolExhausted"] as const;
/** What may become of an event until the run is cut off. */
type Fate = (typeof SENT)[number] | (typeof UNSENT)[number] | "in flight" | "waiting";

interface ModelEvent {
  readonly vu: number;
  readonly row: number;
  /** Slices in which it was due and in which it ended; the drain goes on behind the window. */
  readonly at: number;
  readonly end: number;
  readonly fate: Fate;
}

const modelEvent: fc.Arbitrary<ModelEvent> = fc
  .record({
    vu: fc.integer({ min: 1, max: 3 }),
    row: fc.nat(2 * ROWS - 1),
    at: fc.nat(WINDOW_SLICES - 1),
    took: fc.nat(5),
    fate: fc.constantFrom<Fate>(...SENT, ...UNSENT, "in flight", "waiting"),
  })
  .map(({ took, ...event }) => ({ ...event, end: event.at + took }));

const modelRun = fc.record({
  events: fc.array(modelEvent, { maxLength: 80 }),
  /** How many slices later each VU began. */
  lateStarts: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)),
});
type ModelRun = typeof modelRun extends fc.Arbitrary<infer T> ? T : never;

/** The slices that VUs of these events would hand in. */
function slicesOf({ events, lateStarts }: ModelRun): Slice[] {
  return [1, 2, 3].flatMap((vu) => {
    const windowStartMs = 1_000 + (lateStarts[vu - 1] ?? 0) * SLICE_MS;
    const inWindow = Array.from({ length: WINDOW_SLICES + 6 }, (_, index) => {
      const due = events.filter((e) => e.vu === vu && e.at === index);
      const ended = events.filter((e) => e.vu === vu && e.end === index);
      const counts = Array.from({ length: 2 * ROWS }, (_, row) => rowFor(row, due, ended));
      const histograms = Array.from({ length: ROWS }, (_, row) => responsesFor(row, ended));
      return sliceOf({
        vu,
        seq: index,
        index,
        phase: index < WINDOW_SLICES ? "window" : "drain",
        windowStartMs,
        atMs: windowStartMs + (index + 1) * SLICE_MS,
        counts: counts.filter(([, ...cells]) => cells.some((n) => n > 0)),
        histograms: Object.assign({}, ...histograms),
        link: { ...noLinkCounts(), notices: due.length },
        connectionsOpen: vu * 100 + index,
        errors: [
          { class: "notice", code: "x", count: 1, firstAtSec: 0, example: `${vu}/${index}` },
        ],
        inFlight: { sum: due.length, overMs: 1 },
      });
    });
    return inWindow;
  });
}

function rowFor(row: number, due: readonly ModelEvent[], ended: readonly ModelEvent[]) {
  const scheduled = due.filter((e) => e.row === row);
  const isSent = (e: ModelEvent) => e.fate === "in flight" || SENT.some((s) => s === e.fate);
  const counts: Partial<Record<Column, number>> = {
    scheduled: scheduled.length,
    attempted: scheduled.filter(isSent).length,
  };
  for (const column of [...SENT, ...UNSENT]) {
    counts[column] = ended.filter((e) => e.row === row && e.fate === column).length;
  }
  return rowOf(row, counts);
}

function responsesFor(row: number, ended: readonly ModelEvent[]) {
  const answered = ended.filter((e) => e.row === row && ANSWERED.some((a) => a === e.fate));
  return answered.length === 0
    ? {}
    : { [`r${row}`]: histogramOf(...answered.map((e) => 1 + e.end - e.at)) };
}

const merge = (slices: readonly Slice[]): Merged =>
  mergeSlices(slices, TYPES, SLICE_MS, DURATION_MS);

function assertBalance(c: Merged["counts"]): void {
  assert.equal(c.scheduled, c.attempted + c.backpressure + c.noConnection + c.poolExhausted);
  assert.equal(
    c.attempted,
    c.accepted + c.duplicate + c.superseded + c.rejected + c.timedOut + c.lost,
  );
}

describe("mergeSlices", () => {
  it("balances, with what was open counted as lost or backpressure", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = merge(slicesOf(run));
        for (const counts of [
          merged.counts,
          merged.warmup,
          ...merged.byType.map((t) => t.counts),
        ]) {
          assertBalance(counts);
        }
        const window = run.events.filter((e) => e.row < ROWS);
        const fates = (...fates: Fate[]) => window.filter((e) => fates.includes(e.fate)).length;
        assert.equal(merged.counts.scheduled, window.length);
        assert.equal(merged.counts.lost, fates("lost", "in flight"));
        assert.equal(merged.counts.backpressure, fates("backpressure", "waiting"));
        for (const column of [...ANSWERED, "timedOut", "noConnection", "poolExhausted"] as const) {
          assert.equal(merged.counts[column], fates(column), column);
        }
      }),
    );
  });

  it("balances when any slices are missing at the end of a VU", () => {
    fc.assert(
      fc.property(modelRun, fc.tuple(fc.nat(16), fc.nat(16), fc.nat(16)), (run, kept) => {
        const merged = merge(slicesOf(run).filter((s) => s.seq < (kept[s.vu - 1] ?? 0)));
        assertBalance(merged.counts);
        assertBalance(merged.warmup);
        for (const n of Object.values(merged.counts)) assert.ok(n >= 0);
      }),
    );
  });

  it("keeps the warm-up apart", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = merge(slicesOf(run));
        const window = { ...run, events: run.events.filter((e) => e.row < ROWS) };
        assert.equal(merged.warmup.scheduled, run.events.length - window.events.length);
        const alone = merge(slicesOf(window));
        assert.deepEqual(merged.counts, alone.counts);
        assert.deepEqual(merged.byType, alone.byType);
      }),
    );
  });

  it("does not care for the order of slices, nor for slices that come twice", () => {
    const shuffled = modelRun.chain((run) => {
      const slices = slicesOf(run);
      return fc.record({
        slices: fc.constant(slices),
        mixed: fc
          .tuple(fc.shuffledSubarray(slices, { minLength: slices.length }), fc.subarray(slices))
          .map(([all, again]) => [...all, ...again]),
      });
    });
    fc.assert(
      fc.property(shuffled, ({ slices, mixed }) => assert.deepEqual(merge(mixed), merge(slices))),
      { numRuns: 50 },
    );
  });

  it("has a series whose sums are the totals", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const { series, counts } = merge(slicesOf(run));
        for (const column of [
          "scheduled",
          "attempted",
          "accepted",
          "duplicate",
          "superseded",
          "rejected",
          "timedOut",
        ] as const) {
          const sum = series.reduce((n, point) => n + point[column], 0);
          assert.equal(sum, counts[column], column);
        }
        series.forEach((point, i) => {
          assert.equal(point.t, (i * SLICE_MS) / 1_000);
        });
      }),
    );
  });

  it("merges histograms of all VUs and types exactly", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = merge(slicesOf(run));
        const answered = run.events.filter(
          (e) => e.row < ROWS && ANSWERED.some((a) => a === e.fate),
        );
        const all = mergeHistograms(merged.byType.map((t) => t.response));
        assert.deepEqual(all, histogramOf(...answered.map((e) => 1 + e.end - e.at)));
      }),
    );
  });

  it("sums what belongs to no event type", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = merge(slicesOf(run));
        assert.equal(merged.link.notices, run.events.length);
        const looks = WINDOW_SLICES + 6;
        assert.ok(Math.abs((merged.meanInFlight ?? 0) - run.events.length / looks) < 1e-9);
      }),
    );
  });

  it("gives nothing for no slices", () => {
    const merged = merge([]);
    assert.equal(merged.counts.scheduled, 0);
    assert.deepEqual(merged.series, []);
    assert.equal(merged.windowStartMs, null);
    assert.equal(merged.measuredMs, 0);
    assert.equal(merged.startSkewMs, null);
    assert.equal(merged.meanInFlight, null);
    assert.equal(merged.clockDriftMs, null);
    assert.equal(merged.vusDone, 0);
  });

  it("shows timeouts of the drain behind the window", () => {
    const { series } = merge([
      sliceOf({ counts: [rowOf(1, { scheduled: 2, attempted: 2 })] }),
      sliceOf({ seq: 1, phase: "drain", index: 14, counts: [rowOf(1, { timedOut: 2 })] }),
    ]);
    assert.equal(series.length, 15);
    assert.equal(series.at(-1)?.timedOut, 2);
  });

  it("puts what a slice of the warm-up holds of the window into the first slice", () => {
    const { series } = merge([
      sliceOf({
        phase: "warmup",
        index: -1,
        counts: [
          rowOf(1, { scheduled: 1, attempted: 1, accepted: 1 }),
          rowOf(1 + ROWS, { scheduled: 5, attempted: 5, accepted: 5 }),
        ],
      }),
      sliceOf({ seq: 1, counts: [rowOf(1, { scheduled: 2, attempted: 2, accepted: 2 })] }),
    ]);
    assert.equal(series[0]?.accepted, 3);
  });

  it("leaves a gap where nothing was answered, and holds open connections over it", () => {
    const { series } = merge([
      sliceOf({ histograms: { r0: histogramOf(5) }, connectionsOpen: 4 }),
      sliceOf({ vu: 2, connectionsOpen: 3 }),
      sliceOf({ seq: 2, index: 2, connectionsOpen: 2 }),
    ]);
    assert.deepEqual(
      series.map(({ p50, connectionsOpen }) => [p50 && Math.round(p50), connectionsOpen]),
      [
        [5, 7],
        [null, 7],
        [null, 5],
      ],
    );
  });

  it("puts VUs that began later on the time line of the first", () => {
    const { series, startSkewMs } = merge([
      sliceOf({ counts: [rowOf(0, { scheduled: 1 })] }),
      sliceOf({ vu: 2, windowStartMs: 1_300, counts: [rowOf(0, { scheduled: 7 })] }),
    ]);
    assert.equal(startSkewMs, 300);
    assert.deepEqual(
      series.map((point) => point.scheduled),
      [1, 0, 0, 7],
    );
  });

  it("counts errors by class and code, with the earliest text, most frequent first", () => {
    const error = (code: string, count: number, firstAtSec: number, example: string) => ({
      class: "reject",
      code,
      count,
      firstAtSec,
      example,
    });
    const { errors } = merge([
      sliceOf({ errors: [error("blocked", 1, 3, "later"), error("pow", 9, 1, "pow")] }),
      sliceOf({ vu: 2, errors: [error("blocked", 2, 2, "earlier")] }),
      sliceOf({ vu: 3, errors: [error("blocked", 10, 4, "latest")] }),
    ]);
    assert.deepEqual(
      errors.map(({ code, count, firstAtSec, example, stack }) => [
        code,
        count,
        firstAtSec,
        example,
        stack,
      ]),
      [
        ["blocked", 13, 2, "earlier", null],
        ["pow", 9, 1, "pow", null],
      ],
    );
  });

  it("gives the widest clock drift, the VUs that are done and the measured time", () => {
    const merged = merge([
      sliceOf({ phase: "done", clockDriftMs: 0.1, atMs: 1_400 }),
      sliceOf({ vu: 2, phase: "done", clockDriftMs: -0.3, atMs: 1_500 }),
      sliceOf({ vu: 3, atMs: 1_600 }),
    ]);
    assert.equal(merged.clockDriftMs, -0.3);
    assert.equal(merged.vusDone, 2);
    assert.equal(merged.measuredMs, 600);
    assert.equal(merge([sliceOf({ atMs: 99_000 })]).measuredMs, DURATION_MS);
    assert.equal(quantile(merged.connect, 0.5), null);
  });
});
