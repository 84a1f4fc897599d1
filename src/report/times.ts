/** Times as a report states them. */
import type { HistogramData } from "../measure/histogram.ts";

/** Durations of one kind, with the histogram they come from; percentiles are `null` without data. */
export interface LatencySummary {
  readonly unit: "ms";
  readonly count: number;
  readonly min: number | null;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
  readonly histogram: HistogramData;
}

export interface LagSummary {
  readonly unit: "ms";
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly histogram: HistogramData;
}

export interface PointTimes {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
}

/** How late this process saw what had come, slice by slice. */
export interface LoopPoint {
  readonly t: number;
  readonly loopLagP99: number | null;
}
