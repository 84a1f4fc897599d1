import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CONNECTION_ROWS } from "../src/measure/classes/connection.ts";
import { CLASS_NAMES, type ClassName, type ColumnOf, classOf } from "../src/measure/classes.ts";
import { mergeHistograms, quantile } from "../src/measure/histogram.ts";
import { noLinkCounts } from "../src/measure/recorder.ts";
import type { Slice } from "../src/measure/slice.ts";
import { identitiesOf } from "../src/report/class-report.ts";
import { addAll, type Merged, type MergedClass, mergeSlices } from "../src/report/merge-slices.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { countsOfUnits, ROW_NAMES, slicesOfUnits, type UnitRun, unitRuns } from "./class-units.ts";
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
        classes: { publish: counts.filter(([, ...cells]) => cells.some((n) => n > 0)) },
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
  const counts: Partial<Record<ColumnOf<"publish">, number>> = {
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
    : { [`publish.response.${row}`]: histogramOf(...answered.map((e) => 1 + e.end - e.at)) };
}

const NAMES = { publish: TYPES, connection: CONNECTION_ROWS } as const;
const merge = (slices: readonly Slice[]): Merged =>
  mergeSlices(slices, NAMES, SLICE_MS, DURATION_MS);

/** What a merged run says of publishing, with all rows together. */
function publishedIn(merged: Merged) {
  const { publish } = merged.classes;
  assert.ok(publish);
  return {
    ...publish,
    counts: addAll(
      "publish",
      publish.rows.map(({ counts }) => counts),
    ),
  };
}
const published = (slices: readonly Slice[]) => publishedIn(merge(slices));

function assertBalance(name: ClassName, counts: Readonly<Record<string, number>>): void {
  for (const { text, balances } of identitiesOf(name, { ...zerosOf(name), ...counts })) {
    assert.ok(balances, `${name}: ${text} in ${JSON.stringify(counts)}`);
  }
}

describe("mergeSlices", () => {
  it("balances, with what was open counted as lost or backpressure", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = published(slicesOf(run));
        for (const counts of [
          merged.counts,
          merged.warmup,
          ...merged.rows.map((row) => row.counts),
        ]) {
          assertBalance("publish", counts);
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
        const merged = published(slicesOf(run).filter((s) => s.seq < (kept[s.vu - 1] ?? 0)));
        assertBalance("publish", merged.counts);
        assertBalance("publish", merged.warmup);
        for (const n of Object.values(merged.counts)) assert.ok(n >= 0);
      }),
    );
  });

  it("keeps the warm-up apart", () => {
    fc.assert(
      fc.property(modelRun, (run) => {
        const merged = published(slicesOf(run));
        const window = { ...run, events: run.events.filter((e) => e.row < ROWS) };
        assert.equal(merged.warmup.scheduled, run.events.length - window.events.length);
        const alone = published(slicesOf(window));
        assert.deepEqual(merged.counts, alone.counts);
        assert.deepEqual(merged.rows, alone.rows);
        assert.deepEqual(merged.series, alone.series);
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
        const { series, counts } = published(slicesOf(run));
        for (const column of [
          "scheduled",
          "attempted",
          "accepted",
          "duplicate",
          "superseded",
          "rejected",
          "timedOut",
        ] as const) {
          const sum = series.reduce((n, point) => n + point.counts[column], 0);
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
        const merged = published(slicesOf(run));
        const answered = run.events.filter(
          (e) => e.row < ROWS && ANSWERED.some((a) => a === e.fate),
        );
        const all = mergeHistograms(merged.rows.flatMap(({ times }) => times.response ?? []));
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
    assert.deepEqual(publishedIn(merged).counts, zerosOf("publish"));
    assert.deepEqual(publishedIn(merged).series, []);
    assert.deepEqual(merged.classes.connection?.series, []);
    assert.equal(merged.classes.query, undefined);
    assert.deepEqual(merged.loopSeries, []);
    assert.equal(merged.windowStartMs, null);
    assert.equal(merged.measuredMs, 0);
    assert.equal(merged.startSkewMs, null);
    assert.equal(merged.meanInFlight, null);
    assert.equal(merged.clockDriftMs, null);
    assert.equal(merged.vusDone, 0);
  });

  it("shows timeouts of the drain behind the window", () => {
    const { series } = published([
      sliceOf({ classes: { publish: [rowOf(1, { scheduled: 2, attempted: 2 })] } }),
      sliceOf({
        seq: 1,
        phase: "drain",
        index: 14,
        classes: { publish: [rowOf(1, { timedOut: 2 })] },
      }),
    ]);
    assert.equal(series.length, 15);
    assert.equal(series.at(-1)?.counts.timedOut, 2);
  });

  it("puts what a slice of the warm-up holds of the window into the first slice", () => {
    const { series } = published([
      sliceOf({
        phase: "warmup",
        index: -1,
        classes: {
          publish: [
            rowOf(1, { scheduled: 1, attempted: 1, accepted: 1 }),
            rowOf(1 + ROWS, { scheduled: 5, attempted: 5, accepted: 5 }),
          ],
        },
      }),
      sliceOf({
        seq: 1,
        classes: { publish: [rowOf(1, { scheduled: 2, attempted: 2, accepted: 2 })] },
      }),
    ]);
    assert.equal(series[0]?.counts.accepted, 3);
  });

  it("leaves a gap where nothing was answered, and holds open connections over it", () => {
    const merged = merge([
      sliceOf({ histograms: { "publish.response.0": histogramOf(5) }, connectionsOpen: 4 }),
      sliceOf({ vu: 2, connectionsOpen: 3, connectionsProven: 1 }),
      sliceOf({ seq: 2, index: 2, connectionsOpen: 2 }),
    ]);
    const { publish, connection } = merged.classes;
    assert.deepEqual(
      publish?.series.map(({ times: { response } }) => [
        response.p50 && Math.round(response.p50),
        response.count,
      ]),
      [
        [5, 1],
        [null, 0],
        [null, 0],
      ],
    );
    assert.deepEqual(
      connection?.series.map(({ open, proven }) => [open, proven]),
      [
        [7, 5],
        [7, 5],
        [5, 3],
      ],
    );
  });

  it("puts VUs that began later on the time line of the first", () => {
    const merged = merge([
      sliceOf({ classes: { publish: [rowOf(0, { scheduled: 1 })] } }),
      sliceOf({ vu: 2, windowStartMs: 1_300, classes: { publish: [rowOf(0, { scheduled: 7 })] } }),
    ]);
    assert.equal(merged.startSkewMs, 300);
    assert.deepEqual(
      publishedIn(merged).series.map((point) => point.counts.scheduled),
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
    const [ramp] = merged.classes.connection?.rows ?? [];
    assert.equal(quantile(ramp?.times.connect ?? assert.fail("no time"), 0.5), null);
  });
});

describe("the identities of every class", () => {
  const mergeUnits = (run: UnitRun) =>
    mergeSlices(slicesOfUnits(run), ROW_NAMES, SLICE_MS, DURATION_MS);
  const partsOf = (merged: Merged) =>
    CLASS_NAMES.map((name) => {
      const of = merged.classes[name] as MergedClass | undefined;
      assert.ok(of, name);
      const rows = of.rows.map(({ counts }): Readonly<Record<string, number>> => counts);
      const warmup: Readonly<Record<string, number>> = of.warmup;
      return { name, rows, warmup };
    });
  const sumOf = (name: ClassName, rows: readonly Readonly<Record<string, number>>[]) =>
    Object.fromEntries(
      classOf(name).columns.map((column) => [
        column,
        rows.reduce((n, row) => n + (row[column] ?? 0), 0),
      ]),
    );

  it("balance in every row, in the warm-up too, wherever VUs were cut off", () => {
    const cutOff = unitRuns.filter(({ fates }) =>
      fates.every((fate) => "kept" in fate || fate.lost === null),
    );
    fc.assert(
      fc.property(cutOff, (run) => {
        for (const { name, rows, warmup } of partsOf(mergeUnits(run))) {
          for (const counts of [...rows, warmup, sumOf(name, rows)]) assertBalance(name, counts);
        }
      }),
    );
  });

  it("hold what was counted, and what a VU that was cut off left open, and no more", () => {
    fc.assert(
      fc.property(unitRuns, (run) => {
        for (const { name, rows, warmup } of partsOf(mergeUnits(run))) {
          const counted = countsOfUnits(name, run);
          const ofRow = (row: number) => sumOf(name, [counted.get(row) ?? {}]);
          assert.deepEqual(
            rows,
            rows.map((_, row) => ofRow(row)),
          );
          const behind = [...counted].filter(([row]) => row >= rows.length);
          assert.deepEqual(
            warmup,
            sumOf(
              name,
              behind.map(([, counts]) => counts),
            ),
          );
        }
      }),
    );
  });

  /** A unit of each class that is due in slice 2 and has its end in slice 4; slice 4 is lost. */
  for (const name of CLASS_NAMES) {
    for (const { text, left, right, rest } of classOf(name).identities) {
      if (rest === undefined) continue;
      it(`show a slice that was lost of a VU that is done, as ${name}: ${text}`, () => {
        const [column = ""] = right;
        const unit = {
          ...{ name, vu: 1, row: 0, rests: [rest, null] },
          steps: [
            { column: left, at: 2 },
            { column, at: 4 },
          ],
        };
        const wrongIn = (run: UnitRun) => {
          const part = partsOf(mergeUnits(run)).find((one) => one.name === name);
          const counts = { ...zerosOf(name), ...sumOf(name, part?.rows ?? []) };
          return identitiesOf(name, counts).flatMap((one) =>
            one.balances || one.text !== text ? [] : [[one.left, one.right]],
          );
        };
        const others = [{ kept: 0 }, { kept: 0 }];
        const fated = (fate: UnitRun["fates"][number]) => ({
          units: [unit],
          fates: [fate, ...others],
        });
        assert.deepEqual(wrongIn(fated({ lost: null })), []);
        assert.deepEqual(wrongIn(fated({ lost: 4 })), [[1, 0]]);
        assert.deepEqual(wrongIn(fated({ lost: 2 })), [[0, 1]]);
        // Of a VU that was cut off there was no more to come.
        assert.deepEqual(wrongIn(fated({ kept: 4 })), []);
        // Another VU that was cut off hides nothing.
        const besides = { ...unit, vu: 2 };
        const both = { units: [unit, besides], fates: [{ lost: 4 }, { kept: 4 }, { kept: 0 }] };
        assert.deepEqual(wrongIn(both), [[2, 1]]);
      });
    }
  }
});
