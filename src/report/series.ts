/** Slices → a class's work over time: one point for each slice of the window, and for the drain behind it. */
import { lagKey, timeKey } from "../measure/book.ts";
import {
  CLASS_NAMES,
  type ClassName,
  type CountsOf,
  classOf,
  type RowNames,
} from "../measure/classes.ts";
import { coarsen, EMPTY_HISTOGRAM, type HistogramData, quantile } from "../measure/histogram.ts";
import { HistogramSum } from "../measure/histogram-sum.ts";
import type { Slice } from "../measure/slice.ts";
import type { ClassPoint } from "./class-types.ts";
import type { LoopPoint, PointTimes } from "./times.ts";
import { zerosOf } from "./zeros.ts";

export interface TimeAxis {
  readonly sliceMs: number;
  readonly durationMs: number;
  /** Earliest start of a VU's window, ms since the start of the test. */
  readonly windowStartMs: number | null;
}

interface Bin {
  readonly counts: Record<string, number>;
  /** By time, and by `<row>` of the first of them. */
  readonly times: Record<string, HistogramSum>;
  readonly rows: Map<number, HistogramSum>;
  readonly lag: HistogramSum;
  readonly open: Map<number, number>;
  readonly proven: Map<number, number>;
  readonly usable: Map<number, number>;
}

/** Slices on the run's time line, which is the same for all classes. */
export interface Placed {
  readonly slices: readonly { readonly slice: Slice; readonly index: number }[];
  readonly length: number;
  readonly sliceMs: number;
}

/**
 * A slice of the warm-up counts with the first of the window where it reaches into it. What was answered in the
 * drain is shown behind the window, where it happened.
 */
export function placeSlices(
  slices: readonly Slice[],
  names: RowNames,
  { sliceMs, durationMs, windowStartMs }: TimeAxis,
): Placed {
  const windowLength = Math.ceil(durationMs / sliceMs);
  const placed: { slice: Slice; index: number }[] = [];
  let last = -1;
  for (const slice of slices) {
    if (slice.windowStartMs === null || windowStartMs === null || slice.phase === "connect") {
      continue;
    }
    const isOfWindow = hasWindowRows(slice, names);
    if (slice.index < 0 && !isOfWindow) continue;
    const shift = Math.round((slice.windowStartMs - windowStartMs) / sliceMs);
    const index = Math.max(0, slice.index) + shift;
    placed.push({ slice, index });
    if (index < windowLength || isOfWindow) last = Math.max(last, index);
  }
  return { slices: placed, length: last + 1, sliceMs };
}

/** Something of the measured window was counted, in a class that tells it from the warm-up. */
function hasWindowRows({ classes }: Slice, names: RowNames): boolean {
  return CLASS_NAMES.some(
    (name) =>
      classOf(name).hasWarmup &&
      (classes[name] ?? []).some(([row]) => row < (names[name]?.length ?? 0)),
  );
}

/** `names`: the class's rows; the warm-up's behind them do not count. */
export function seriesOf<C extends ClassName>(
  name: C,
  placed: Placed,
  names: readonly string[],
): readonly ClassPoint<C>[] {
  const bins = Array.from({ length: placed.length }, () => newBin(name));
  for (const { slice, index } of placed.slices) {
    const bin = bins[index];
    if (bin !== undefined) addSlice(bin, slice, name, names.length);
  }
  const openByVu = new Map<number, number>();
  const provenByVu = new Map<number, number>();
  const usableByVu = new Map<number, number>();
  return bins.map((bin, index) => {
    for (const [vu, open] of bin.open) openByVu.set(vu, open);
    for (const [vu, proven] of bin.proven) provenByVu.set(vu, proven);
    for (const [vu, usable] of bin.usable) usableByVu.set(vu, usable);
    const { seriesByRow, times } = classOf(name);
    const [first = ""] = Object.keys(times);
    return {
      t: round((index * placed.sliceMs) / 1_000),
      counts: bin.counts as CountsOf<C>,
      times: mapValues(times, (_, time) =>
        pointTimes(bin.times[time]?.toData()),
      ) as ClassPoint<C>["times"],
      ...(seriesByRow ? { rows: rowTimes(bin.rows, names) } : {}),
      buckets: coarsen(bin.times[first]?.toData() ?? EMPTY_HISTOGRAM),
      lagP99: at(bin.lag.toData(), 0.99),
      ...(name === "connection" ? { open: sumOf(openByVu), proven: sumOf(provenByVu) } : {}),
      ...(name === "connection" && usableByVu.size > 0 ? { usable: sumOf(usableByVu) } : {}),
    };
  });
}

export function loopSeriesOf({ slices, length, sliceMs }: Placed): readonly LoopPoint[] {
  const bins = Array.from({ length }, () => new HistogramSum());
  for (const { slice, index } of slices) {
    bins[index]?.add(slice.histograms.loop ?? EMPTY_HISTOGRAM);
  }
  return bins.map((bin, index) => ({
    t: round((index * sliceMs) / 1_000),
    loopLagP99: at(bin.toData(), 0.99),
  }));
}

function newBin(name: ClassName): Bin {
  return {
    counts: zerosOf(name),
    times: {},
    rows: new Map(),
    lag: new HistogramSum(),
    open: new Map(),
    proven: new Map(),
    usable: new Map(),
  };
}

function addSlice(bin: Bin, slice: Slice, name: ClassName, rows: number): void {
  const { columns, times, seriesByRow } = classOf(name);
  for (const [row, ...cells] of slice.classes[name] ?? []) {
    if (row >= rows) continue;
    columns.forEach((column, i) => {
      bin.counts[column] = (bin.counts[column] ?? 0) + (cells[i] ?? 0);
    });
  }
  Object.keys(times).forEach((time, place) => {
    for (let row = 0; row < rows; row++) {
      const own = slice.histograms[timeKey(name, time, row)];
      if (own === undefined) continue;
      const sum = bin.times[time] ?? new HistogramSum();
      bin.times[time] = sum;
      sum.add(own);
      if (seriesByRow && place === 0) {
        const ofRow = bin.rows.get(row) ?? new HistogramSum();
        bin.rows.set(row, ofRow);
        ofRow.add(own);
      }
    }
  });
  bin.lag.add(slice.histograms[lagKey(name)] ?? EMPTY_HISTOGRAM);
  if (slice.phase === "done") return;
  bin.open.set(slice.vu, slice.connectionsOpen);
  bin.proven.set(slice.vu, slice.connectionsProven ?? slice.connectionsOpen);
  if (slice.connectionsUsable !== undefined) bin.usable.set(slice.vu, slice.connectionsUsable);
}

/** Of the rows that had any. */
function rowTimes(
  rows: ReadonlyMap<number, HistogramSum>,
  names: readonly string[],
): NonNullable<ClassPoint["rows"]> {
  return Object.fromEntries(
    names.flatMap((name, row) => {
      const of = rows.get(row)?.toData();
      return of === undefined
        ? []
        : [[name, { count: of.count, p50: at(of, 0.5), p99: at(of, 0.99) }]];
    }),
  );
}

function pointTimes(histogram: HistogramData = EMPTY_HISTOGRAM): PointTimes {
  return {
    count: histogram.count,
    p50: at(histogram, 0.5),
    p90: at(histogram, 0.9),
    p95: at(histogram, 0.95),
    p99: at(histogram, 0.99),
    p999: at(histogram, 0.999),
  };
}

function mapValues<T>(
  of: Readonly<Record<string, unknown>>,
  make: (value: unknown, key: string) => T,
) {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, make(value, key)]));
}

function sumOf(byVu: ReadonlyMap<number, number>): number {
  return [...byVu.values()].reduce((sum, n) => sum + n, 0);
}

function at(histogram: HistogramData, q: number): number | null {
  const value = quantile(histogram, q);
  return value === null ? null : round(value);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
