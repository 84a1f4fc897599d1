/** The heat map of response times: how many answers took how long, slice by slice. */
import { coarseLowerMs } from "../../measure/histogram.ts";
import type { SeriesPoint } from "../points.ts";
import type { Chart } from "./chart.ts";

export function heatChart(series: readonly SeriesPoint[]): Chart {
  const named = {
    id: "heat",
    title: "Heat map of response times",
    caption:
      "How many answers took how long, in each slice: bands and clouds that percentiles hide. The stronger the shade, the more; few are shown stronger than their share.",
  } as const;
  const rows = series.flatMap((p) => p.responseBuckets.filter((_, i) => i % 2 === 0));
  if (rows.length === 0) return { kind: "none", ...named, why: "nothing was answered" };
  const lowest = Math.min(...rows);
  const highest = Math.max(...rows);
  return {
    kind: "heat",
    ...named,
    xs: series.map((p) => p.t),
    edges: Array.from({ length: highest - lowest + 2 }, (_, i) => coarseLowerMs(lowest + i)),
    cells: series.map((p) => p.responseBuckets.map((n, i) => (i % 2 === 0 ? n - lowest : n))),
  };
}
