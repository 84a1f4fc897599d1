/**
 * Slices of all VUs → figures of the run, merged exactly. A VU that was cut off has work without an outcome in
 * its last slices: it goes to the columns that the class's identities name for it, so that the totals of an
 * interrupted run balance too. A VU that came to its end has none: what does not balance there is a mistake,
 * and shows.
 */
import { lagKey, timeKey } from "../measure/book.ts";
import {
  CLASS_NAMES,
  type ClassName,
  type CountsOf,
  classOf,
  type RowNames,
} from "../measure/classes.ts";
import { type HistogramData, mergeHistograms } from "../measure/histogram.ts";
import { noLinkCounts, relayKey } from "../measure/recorder.ts";
import type { LinkCounts, Slice } from "../measure/slice.ts";
import type { ClassPoint } from "./class-types.ts";
import { type MergedEnds, mergeEnds } from "./ends.ts";
import { closeLast, doneVus } from "./last-slices.ts";
import { loopSeriesOf, type Placed, placeSlices, seriesOf } from "./series.ts";
import type { LoopPoint } from "./times.ts";
import type { ReportError } from "./types.ts";
import { zerosOf } from "./zeros.ts";

interface MergedRow<C extends ClassName = ClassName> {
  readonly name: string;
  readonly counts: CountsOf<C>;
  /** By time of the class. */
  readonly times: Readonly<Record<string, HistogramData>>;
}

export interface MergedClass<C extends ClassName = ClassName> {
  readonly rows: readonly MergedRow<C>[];
  readonly warmup: CountsOf<C>;
  /** Of the window, what VUs that were cut off had under way, by the column in which it stands. */
  readonly cutOff: Readonly<Record<string, number>>;
  readonly lag: HistogramData;
  readonly series: readonly ClassPoint<C>[];
}

type MergedClasses = { readonly [C in ClassName]?: MergedClass<C> };

export interface Merged {
  /** Those that the run has rows of. */
  readonly classes: MergedClasses;
  /** By type of sets: how often each part was lacking. */
  readonly lacking: Readonly<Record<string, ReadonlyMap<number, number>>>;
  /** Service time of publishes by relay; empty for one relay. */
  readonly byRelay: readonly HistogramData[];
  readonly link: LinkCounts;
  /** Of connections that the relay ended. */
  readonly ends: MergedEnds;
  readonly loopLag: HistogramData;
  readonly loopSeries: readonly LoopPoint[];
  readonly errors: readonly Omit<ReportError, "share">[];
  /** Publishes in flight on average over the looks; `null` without any. */
  readonly meanInFlight: number | null;
  /** VUs that handed in their last slice. */
  readonly vusDone: number;
  /** Earliest start and latest end of the measured window, ms since the start of the test. */
  readonly windowStartMs: number | null;
  readonly measuredMs: number;
  readonly startSkewMs: number | null;
  readonly clockDriftMs: number | null;
}

/** `names`: the rows of each class that the run has; slices in any order, each once. */
export function mergeSlices(
  slices: readonly Slice[],
  names: RowNames,
  sliceMs: number,
  durationMs: number,
): Merged {
  const unique = closeLast(dedupe(slices));
  const starts = unique.flatMap((s) => (s.windowStartMs === null ? [] : [s.windowStartMs]));
  const windowStartMs = starts.length > 0 ? starts.reduce((a, b) => Math.min(a, b)) : null;
  const lastMs = unique.reduce((last, s) => Math.max(last, s.atMs), 0);
  const drifts = unique.flatMap((s) => (s.clockDriftMs === undefined ? [] : [s.clockDriftMs]));
  const placed = placeSlices(unique, names, { sliceMs, durationMs, windowStartMs });
  const types = names.publish ?? names.query ?? [];
  return {
    classes: Object.fromEntries(
      CLASS_NAMES.flatMap((name) => {
        const rows = names[name];
        return rows === undefined ? [] : [[name, mergeClass(name, unique, rows, placed)]];
      }),
    ) as MergedClasses,
    lacking: mergeLacking(unique, names.set ?? []),
    byRelay: relayKeys(unique).map((key) => histogramOf(unique, key)),
    link: sumLinks(unique),
    ends: mergeEnds(unique, windowStartMs),
    loopLag: histogramOf(unique, "loop"),
    loopSeries: loopSeriesOf(placed),
    errors: mergeErrors(unique, types),
    meanInFlight: meanInFlight(unique),
    vusDone: doneVus(unique).size,
    windowStartMs,
    measuredMs:
      windowStartMs === null ? 0 : Math.max(0, Math.min(durationMs, lastMs - windowStartMs)),
    startSkewMs:
      windowStartMs === null ? null : starts.reduce((a, b) => Math.max(a, b)) - windowStartMs,
    clockDriftMs: drifts.length === 0 ? null : widest(drifts),
  };
}

function mergeClass<C extends ClassName>(
  name: C,
  slices: readonly Slice[],
  rows: readonly string[],
  placed: Placed,
): MergedClass<C> {
  const row = classOf(name);
  const length = row.hasWarmup ? rows.length * 2 : rows.length;
  const { counts, cutOff } = countRows(name, slices, length, rows.length);
  return {
    rows: rows.map((rowName, i) => ({
      name: rowName,
      counts: counts[i] ?? zerosOf(name),
      times: Object.fromEntries(
        Object.keys(row.times).map((time) => [time, histogramOf(slices, timeKey(name, time, i))]),
      ),
    })),
    warmup: addAll(name, counts.slice(rows.length)),
    cutOff,
    lag: histogramOf(slices, lagKey(name)),
    series: seriesOf(name, placed, rows),
  };
}

/** By row: all VUs together, each of those that were cut off with its books closed. */
function countRows<C extends ClassName>(
  name: C,
  slices: readonly Slice[],
  length: number,
  ofWindow: number,
): Pick<MergedClass<C>, "cutOff"> & { readonly counts: readonly CountsOf<C>[] } {
  const { columns } = classOf(name);
  const done = doneVus(slices);
  const cutOff: Record<string, number> = {};
  const sums = Array.from({ length }, (): Record<string, number> => zerosOf(name));
  const byVu = new Map<number, Slice[]>();
  for (const slice of slices) {
    const known = byVu.get(slice.vu);
    if (known === undefined) byVu.set(slice.vu, [slice]);
    else known.push(slice);
  }
  for (const [vu, ofVu] of byVu) {
    const own = Array.from({ length }, (): Record<string, number> => zerosOf(name));
    for (const slice of ofVu) {
      for (const [row, ...cells] of slice.classes[name] ?? []) {
        const into = own[row];
        if (into === undefined) continue;
        columns.forEach((column, i) => {
          into[column] = (into[column] ?? 0) + (cells[i] ?? 0);
        });
      }
    }
    own.forEach((counts, row) => {
      if (!done.has(vu)) closeBooks(name, counts, row < ofWindow ? cutOff : {});
      const into = sums[row] ?? {};
      for (const column of columns) into[column] = (into[column] ?? 0) + (counts[column] ?? 0);
    });
  }
  return { counts: sums as unknown as readonly CountsOf<C>[], cutOff };
}

function closeBooks(
  name: ClassName,
  counts: Record<string, number>,
  cutOff: Record<string, number>,
): void {
  for (const { left, right, rest } of classOf(name).identities) {
    if (rest === undefined) continue;
    const open = right.reduce((n, column) => n - (counts[column] ?? 0), counts[left] ?? 0);
    if (open <= 0) continue;
    counts[rest] = (counts[rest] ?? 0) + open;
    cutOff[rest] = (cutOff[rest] ?? 0) + open;
  }
}

/** The sum of rows, column by column. */
export function addAll<C extends ClassName>(name: C, rows: readonly CountsOf<C>[]): CountsOf<C> {
  const sum: Record<string, number> = zerosOf(name);
  for (const row of rows) {
    for (const [column, n] of Object.entries<number>(row)) sum[column] = (sum[column] ?? 0) + n;
  }
  return sum as CountsOf<C>;
}

function mergeLacking(
  slices: readonly Slice[],
  types: readonly string[],
): Readonly<Record<string, ReadonlyMap<number, number>>> {
  const lacking: Record<string, Map<number, number>> = {};
  for (const slice of slices) {
    for (const [row, part, count] of slice.lacking ?? []) {
      const type = types[row];
      // What the warm-up lacked is in no row of the window.
      if (type === undefined) continue;
      const of = lacking[type] ?? new Map<number, number>();
      lacking[type] = of;
      of.set(part, (of.get(part) ?? 0) + count);
    }
  }
  return lacking;
}

function dedupe(slices: readonly Slice[]): readonly Slice[] {
  return [...new Map(slices.map((slice) => [`${slice.vu}/${slice.seq}`, slice])).values()].sort(
    (a, b) => a.vu - b.vu || a.seq - b.seq,
  );
}

function histogramOf(slices: readonly Slice[], key: string): HistogramData {
  return mergeHistograms(slices.flatMap((slice) => slice.histograms[key] ?? []));
}

function relayKeys(slices: readonly Slice[]): readonly string[] {
  let last = -1;
  for (const { histograms } of slices) {
    for (const key of Object.keys(histograms)) {
      if (/^relay\.\d+$/.test(key)) last = Math.max(last, Number(key.slice(6)));
    }
  }
  return Array.from({ length: last + 1 }, (_, relay) => relayKey(relay));
}

function sumLinks(slices: readonly Slice[]): LinkCounts {
  const sum = noLinkCounts();
  for (const slice of slices) {
    for (const key of Object.keys(sum) as (keyof LinkCounts)[]) sum[key] += slice.link[key] ?? 0;
  }
  return sum;
}

/** The mean over time of each VU, added up: each looks at its own publishes. */
function meanInFlight(slices: readonly Slice[]): number | null {
  const byVu = new Map<number, { sum: number; overMs: number }>();
  for (const { vu, inFlight } of slices) {
    const known = byVu.get(vu) ?? { sum: 0, overMs: 0 };
    byVu.set(vu, {
      sum: known.sum + inFlight.sum,
      overMs: known.overMs + inFlight.overMs,
    });
  }
  const means = [...byVu.values()].filter((v) => v.overMs > 0).map((v) => v.sum / v.overMs);
  return means.length === 0 ? null : means.reduce((sum, mean) => sum + mean, 0);
}

function mergeErrors(
  slices: readonly Slice[],
  types: readonly string[],
): readonly Omit<ReportError, "share">[] {
  const byKey = new Map<string, Omit<ReportError, "share">>();
  for (const error of slices.flatMap((slice) => slice.errors)) {
    const key = `${error.class} ${error.code} ${error.reason}`;
    const known = byKey.get(key);
    const earlier = known && known.firstAtSec <= error.firstAtSec ? known : error;
    byKey.set(key, {
      class: error.class,
      code: error.code,
      reason: error.reason ?? null,
      count: (known?.count ?? 0) + error.count,
      firstAtSec: earlier.firstAtSec,
      example: earlier.example,
      stack: earlier.stack ?? null,
      byType: addRows(known?.byType ?? {}, error.rows ?? [], types),
    });
  }
  return [...byKey.values()].sort((a, b) => b.count - a.count || a.class.localeCompare(b.class));
}

/** By type, whether in the warm-up or behind it. */
function addRows(
  known: Readonly<Record<string, number>>,
  rows: readonly (readonly [number, number])[],
  types: readonly string[],
): Readonly<Record<string, number>> {
  const sum = { ...known };
  for (const [row, count] of rows) {
    const type = types[row % types.length] ?? "";
    sum[type] = (sum[type] ?? 0) + count;
  }
  return sum;
}

function widest(values: readonly number[]): number {
  return values.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0);
}
