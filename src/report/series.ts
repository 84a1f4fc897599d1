/** Slices → the run over time: one point for each slice of the window, and for the drain behind it. */
import { QUERIES } from "../load/sessions.ts";
import { coarsen, type HistogramData, mergePair, quantile } from "../measure/histogram.ts";
import { addCounts, type Column, noCounts } from "../measure/outcome.ts";
import type { Slice } from "../measure/slice.ts";
import type { SeriesPoint } from "./types.ts";

export interface TimeAxis {
  /** Event types of one phase; the warm-up's rows behind them do not count. */
  readonly rows: number;
  readonly sliceMs: number;
  readonly durationMs: number;
  /** Earliest start of a VU's window, ms since the start of the test. */
  readonly windowStartMs: number | null;
}

const EMPTY: HistogramData = { unit: "ms", count: 0, max: 0, buckets: [] };

interface Bin {
  readonly counts: Record<Column, number>;
  response: HistogramData;
  service: HistogramData;
  scheduleLag: HistogramData;
  loopLag: HistogramData;
  readonly open: Map<number, number>;
  /** By row of `QUERIES`. */
  readonly queries: Map<number, HistogramData>;
  readonly proven: Map<number, number>;
}

export function seriesOf(slices: readonly Slice[], axis: TimeAxis): readonly SeriesPoint[] {
  const { rows, sliceMs, durationMs, windowStartMs } = axis;
  const length = Math.ceil(durationMs / sliceMs);
  const bins = new Map<number, Bin>();
  let last = -1;
  for (const slice of slices) {
    if (slice.windowStartMs === null || windowStartMs === null || slice.phase === "connect")
      continue;
    const shift = Math.round((slice.windowStartMs - windowStartMs) / sliceMs);
    const inWindow = slice.counts.filter(([row]) => row < rows);
    // A slice of the warm-up counts with the first of the window where it reaches into it.
    if (slice.index < 0 && inWindow.length === 0) continue;
    // What was answered in the drain is shown behind the window, where it happened.
    const index = Math.max(0, slice.index) + shift;
    const bin = bins.get(index) ?? newBin();
    bins.set(index, bin);
    for (const [, ...cells] of inWindow) addCounts(bin.counts, cells);
    addTimes(bin, slice, rows);
    if (slice.phase !== "done") {
      bin.open.set(slice.vu, slice.connectionsOpen);
      bin.proven.set(slice.vu, slice.connectionsProven ?? slice.connectionsOpen);
    }
    if (index < length || inWindow.length > 0) last = Math.max(last, index);
  }
  const openByVu = new Map<number, number>();
  const provenByVu = new Map<number, number>();
  return Array.from({ length: last + 1 }, (_, index) => {
    const bin = bins.get(index) ?? newBin();
    for (const [vu, open] of bin.open) openByVu.set(vu, open);
    for (const [vu, proven] of bin.proven) provenByVu.set(vu, proven);
    return pointOf(bin, round((index * sliceMs) / 1_000), {
      connectionsOpen: sumOf(openByVu),
      connectionsProven: sumOf(provenByVu),
    });
  });
}

function sumOf(byVu: ReadonlyMap<number, number>): number {
  return [...byVu.values()].reduce((sum, n) => sum + n, 0);
}

function newBin(): Bin {
  return {
    counts: noCounts(),
    response: EMPTY,
    service: EMPTY,
    scheduleLag: EMPTY,
    loopLag: EMPTY,
    open: new Map(),
    queries: new Map(),
    proven: new Map(),
  };
}

function addTimes(bin: Bin, { histograms }: Slice, rows: number): void {
  for (let row = 0; row < rows; row++) {
    bin.response = mergePair(bin.response, histograms[`r${row}`] ?? EMPTY);
    bin.service = mergePair(bin.service, histograms[`s${row}`] ?? EMPTY);
  }
  QUERIES.forEach((_, row) => {
    const times = histograms[`qr${row}`];
    if (times) bin.queries.set(row, mergePair(bin.queries.get(row) ?? EMPTY, times));
  });
  bin.scheduleLag = mergePair(bin.scheduleLag, histograms.lag ?? EMPTY);
  bin.loopLag = mergePair(bin.loopLag, histograms.loop ?? EMPTY);
}

function pointOf(
  bin: Bin,
  t: number,
  connections: Pick<SeriesPoint, "connectionsOpen" | "connectionsProven">,
): SeriesPoint {
  const { response, service } = bin;
  const { backpressure, noConnection, poolExhausted, ...counts } = bin.counts;
  return {
    t,
    ...counts,
    unsent: backpressure + noConnection + poolExhausted,
    ...connections,
    p50: at(response, 0.5),
    p90: at(response, 0.9),
    p95: at(response, 0.95),
    p99: at(response, 0.99),
    p999: at(response, 0.999),
    serviceP50: at(service, 0.5),
    serviceP99: at(service, 0.99),
    scheduleLagP99: at(bin.scheduleLag, 0.99),
    loopLagP99: at(bin.loopLag, 0.99),
    ...queryTimesOf(bin),
    responseBuckets: coarsen(response),
  };
}

function queryTimesOf({ queries }: Bin): Pick<SeriesPoint, "queryTimes"> {
  if (queries.size === 0) return {};
  const named = QUERIES.flatMap((name, row) => {
    const times = queries.get(row);
    if (times === undefined) return [];
    return [[name, { count: times.count, p50: at(times, 0.5), p99: at(times, 0.99) }] as const];
  });
  return { queryTimes: Object.fromEntries(named) };
}

function at(histogram: HistogramData, q: number): number | null {
  const value = quantile(histogram, q);
  return value === null ? null : round(value);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
