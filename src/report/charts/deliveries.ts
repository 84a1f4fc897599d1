/** The charts of live delivery: what was owed and what came in each slice, and how late. */
import { deliveryOf } from "../class-report.ts";
import type { ClassPoint } from "../class-types.ts";
import type { Report } from "../types.ts";
import type { Chart, ChartSeries, LineChart } from "./chart.ts";

/** None for a run in which nobody subscribed. */
export function deliveryCharts(report: Report): readonly Chart[] {
  const { series } = deliveryOf(report);
  const { sliceSec } = report.run;
  if (series.length === 0) return [];
  type Point = ClassPoint<"delivery">;
  const lineOf = (label: string, value: (point: Point) => number | null): ChartSeries => ({
    label,
    values: series.map(value).map((v) => (v === null ? null : Math.round(v * 1_000) / 1_000)),
  });
  const rate = (column: keyof Point["counts"]) => (point: Point) => point.counts[column] / sliceSec;
  const common = { kind: "lines", x: "time", stepped: true, xs: series.map(({ t }) => t) } as const;
  const amounts: LineChart = {
    ...common,
    ...{ id: "deliveries", unit: "deliveries/s", log: false, title: "Deliveries" },
    caption:
      "What was owed, from each event's OK on, and what came, in each slice; what never came when that was known.",
    series: [
      lineOf("due", rate("due")),
      lineOf("delivered", rate("delivered")),
      lineOf(
        "missing or lost",
        ({ counts }) => (counts.missing + counts.subscriptionLost) / sliceSec,
      ),
    ],
  };
  const times: LineChart = {
    ...common,
    ...{ id: "delivery-times", unit: "ms", log: true, title: "Delivery time" },
    caption: "From the moment an event was due to each of its frames, of what came in each slice.",
    series: [
      lineOf("p50", ({ times }) => times.response.p50),
      lineOf("p99", ({ times }) => times.response.p99),
      lineOf("spread p50", ({ times }) => times.spread.p50),
    ],
  };
  return [amounts, times];
}
