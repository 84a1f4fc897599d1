/** A histogram → the figures that a report states of it. */
import { bucketMiddleMs, type HistogramData, meanOf, quantile } from "../measure/histogram.ts";
import type { LagSummary, LatencySummary } from "./times.ts";

/** Figures in ms with four digits behind the point; percentiles are `null` without data. */
export function summarize(histogram: HistogramData): LatencySummary {
  const { count, max, buckets } = histogram;
  const [lowest = 0] = buckets;
  const at = (q: number) => rounded(quantile(histogram, q));
  return {
    unit: "ms",
    count,
    min: count === 0 ? null : rounded(Math.min(max, bucketMiddleMs(lowest))),
    mean: rounded(meanOf(histogram)),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: count === 0 ? null : rounded(max),
    histogram,
  };
}

export function lagOf(histogram: HistogramData): LagSummary {
  const { count, p50, p99, max } = summarize(histogram);
  return { unit: "ms", count, p50, p99, max, histogram };
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10_000) / 10_000;
}
