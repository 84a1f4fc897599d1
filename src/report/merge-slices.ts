/**
 * Slices of all VUs → figures of the run, merged exactly. A run that was cut off has events without
 * an outcome in its last slices: what was in flight is `lost` (the connection ended first), what had
 * not been sent is `backpressure`, so that the totals of an interrupted run balance too.
 */
import { QUERIES } from "../load/sessions.ts";
import { type HistogramData, mergeHistograms } from "../measure/histogram.ts";
import { addCounts, type Column, noCounts, openEvents, SET_COLUMNS } from "../measure/outcome.ts";
import { QUERY_COLUMNS } from "../measure/queries.ts";
import { noLinkCounts } from "../measure/recorder.ts";
import type { LinkCounts, Slice } from "../measure/slice.ts";
import { type MergedEnds, mergeEnds } from "./ends.ts";
import { seriesOf } from "./series.ts";
import type { ReportError, SeriesPoint } from "./types.ts";

export interface Merged {
  readonly counts: Readonly<Record<Column, number>>;
  readonly warmup: Readonly<Record<Column, number>>;
  /** By event type in the order of `types`. */
  readonly byType: readonly {
    readonly type: string;
    readonly counts: Readonly<Record<Column, number>>;
    readonly response: HistogramData;
    readonly service: HistogramData;
    readonly sets: MergedSets;
  }[];
  readonly queries: readonly MergedQueries[];
  /** Service time by relay; empty for one relay. */
  readonly byRelay: readonly HistogramData[];
  readonly link: LinkCounts;
  readonly connect: HistogramData;
  /** Of connections that the relay ended. */
  readonly ends: MergedEnds;
  readonly scheduleLag: HistogramData;
  readonly loopLag: HistogramData;
  readonly series: readonly SeriesPoint[];
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

/** `types`: the pool's event types and `""` last; slices in any order, each once. */
export function mergeSlices(
  slices: readonly Slice[],
  types: readonly string[],
  sliceMs: number,
  durationMs: number,
): Merged {
  const unique = dedupe(slices);
  const rows = types.length;
  const rowCounts = Array.from({ length: rows * 2 }, () => noCounts());
  for (const slice of unique) {
    for (const [row, ...cells] of slice.counts) {
      const into = rowCounts[row];
      if (into) addCounts(into, cells);
    }
  }
  for (const counts of rowCounts) closeBooks(counts);
  const starts = unique.flatMap((s) => (s.windowStartMs === null ? [] : [s.windowStartMs]));
  const windowStartMs = starts.length > 0 ? Math.min(...starts) : null;
  const lastMs = unique.reduce((last, s) => Math.max(last, s.atMs), 0);
  const drifts = unique.flatMap((s) => (s.clockDriftMs === undefined ? [] : [s.clockDriftMs]));
  return {
    counts: total(rowCounts.slice(0, rows)),
    warmup: total(rowCounts.slice(rows)),
    byType: types.map((type, row) => ({
      type,
      counts: rowCounts[row] ?? noCounts(),
      response: histogramOf(unique, [`r${row}`]),
      service: histogramOf(unique, [`s${row}`]),
      sets: mergeSets(unique, row),
    })),
    queries: mergeQueries(unique),
    byRelay: relayKeys(unique).map((key) => histogramOf(unique, [key])),
    link: sumLinks(unique),
    connect: histogramOf(unique, ["connect"]),
    ends: mergeEnds(unique, windowStartMs),
    scheduleLag: histogramOf(unique, ["lag"]),
    loopLag: histogramOf(unique, ["loop"]),
    series: seriesOf(unique, { rows, sliceMs, durationMs, windowStartMs }),
    errors: mergeErrors(unique, types),
    meanInFlight: meanInFlight(unique),
    vusDone: new Set(unique.filter((s) => s.phase === "done").map((s) => s.vu)).size,
    windowStartMs,
    measuredMs:
      windowStartMs === null ? 0 : Math.max(0, Math.min(durationMs, lastMs - windowStartMs)),
    startSkewMs: windowStartMs === null ? null : Math.max(...starts) - windowStartMs,
    clockDriftMs: drifts.length === 0 ? null : widest(drifts),
  };
}

/** Queries of one name: the columns of `QUERY_COLUMNS`. */
interface MergedQueries {
  readonly name: string;
  readonly columns: readonly number[];
  readonly response: HistogramData;
  readonly service: HistogramData;
}

function mergeQueries(slices: readonly Slice[]): readonly MergedQueries[] {
  return QUERIES.map((name, row) => ({
    name,
    columns: sumRows(
      slices.flatMap((slice) => slice.queries ?? []),
      row,
      QUERY_COLUMNS.length,
    ),
    response: histogramOf(slices, [`qr${row}`]),
    service: histogramOf(slices, [`qs${row}`]),
  }));
}

function sumRows(
  rows: readonly (readonly [number, ...number[]])[],
  row: number,
  length: number,
): readonly number[] {
  const columns = Array.from({ length }, () => 0);
  for (const [of, ...cells] of rows) {
    if (of !== row) continue;
    for (const i of columns.keys()) columns[i] = (columns[i] ?? 0) + (cells[i] ?? 0);
  }
  return columns;
}

/** Multi-part sets of one type: the columns of `SET_COLUMNS`, and how often each part was lacking. */
interface MergedSets {
  readonly columns: readonly number[];
  readonly completion: HistogramData;
  readonly lacking: ReadonlyMap<number, number>;
}

function mergeSets(slices: readonly Slice[], row: number): MergedSets {
  const columns = sumRows(
    slices.flatMap((slice) => slice.sets ?? []),
    row,
    SET_COLUMNS.length,
  );
  const lacking = new Map<number, number>();
  for (const slice of slices) {
    for (const [of, part, count] of slice.lacking ?? []) {
      if (of === row) lacking.set(part, (lacking.get(part) ?? 0) + count);
    }
  }
  return { columns, completion: histogramOf(slices, [`set${row}`]), lacking };
}

function dedupe(slices: readonly Slice[]): readonly Slice[] {
  return [...new Map(slices.map((slice) => [`${slice.vu}/${slice.seq}`, slice])).values()].sort(
    (a, b) => a.vu - b.vu || a.seq - b.seq,
  );
}

function closeBooks(counts: Record<Column, number>): void {
  const { waiting, inFlight } = openEvents(counts);
  counts.backpressure += waiting;
  counts.lost += inFlight;
}

function total(rows: readonly Readonly<Record<Column, number>>[]): Record<Column, number> {
  const sum = noCounts();
  for (const row of rows) {
    for (const column of Object.keys(sum) as Column[]) sum[column] += row[column];
  }
  return sum;
}

function histogramOf(slices: readonly Slice[], keys: readonly string[]): HistogramData {
  return mergeHistograms(
    slices.flatMap((slice) => keys.flatMap((key) => slice.histograms[key] ?? [])),
  );
}

function relayKeys(slices: readonly Slice[]): readonly string[] {
  const keys = slices.flatMap(({ histograms }) => Object.keys(histograms));
  const relays = keys.flatMap((key) => (/^y\d+$/.test(key) ? [Number(key.slice(1))] : []));
  return Array.from({ length: Math.max(-1, ...relays) + 1 }, (_, relay) => `y${relay}`);
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
