/** The percentile curve: how much time the slowest one in N took, up to N = 10,000. */
import { type HistogramData, quantile } from "../../measure/histogram.ts";
import type { LatencySummary } from "../times.ts";
import { type Chart, type ChartSeries, hasValues } from "./chart.ts";

/** One in so many. */
const TAIL_MOST = 10_000;
const POINTS_TO_TENFOLD = 20;

export function curveChart({
  response,
  service,
}: Readonly<Record<"response" | "service", LatencySummary>>): Chart {
  const named = {
    id: "curve",
    title: "Percentiles",
    caption:
      "The time within which the share below was answered, over the whole window; a curve ends where samples do.",
  } as const;
  const steps = Math.log10(TAIL_MOST) * POINTS_TO_TENFOLD;
  const xs = Array.from({ length: steps + 1 }, (_, i) => {
    const x = 10 ** (i / POINTS_TO_TENFOLD);
    return Math.round(x * 1_000) / 1_000;
  });
  const series = [
    curveOf("response time", response.histogram, xs),
    curveOf("service time", service.histogram, xs),
  ];
  if (!hasValues(series)) return { kind: "none", ...named, why: "nothing was answered" };
  return { kind: "lines", ...named, x: "tail", stepped: false, unit: "ms", log: true, xs, series };
}

/** No percentile that rests on less than one sample beyond it. */
function curveOf(label: string, histogram: HistogramData, xs: readonly number[]): ChartSeries {
  const values = xs.map((x) => {
    const value = x > histogram.count ? null : quantile(histogram, 1 - 1 / x);
    return value === null ? null : Math.round(value * 10_000) / 10_000;
  });
  return { label, values };
}
