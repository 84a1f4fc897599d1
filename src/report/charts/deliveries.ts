/** The charts of live delivery: what was owed and what came, how late, and whom it reached when. */

import { deliveryOf } from "../class-report.ts";
import type { ClassPoint } from "../class-types.ts";
import { rankTimes } from "../rank-times.ts";
import type { LatencySummary } from "../times.ts";
import { type TopicRow, topicRows } from "../topic-rows.ts";
import type { Report } from "../types.ts";
import {
  type Chart,
  type ChartSeries,
  hasValues,
  type LineChart,
  type PointChart,
  type PointSeries,
} from "./chart.ts";
import { deliveryHeat } from "./heat.ts";
import { ratesOf, shortened } from "./rates.ts";

/** None for a run in which nobody subscribed. */
export function deliveryCharts(report: Report): readonly Chart[] {
  if (deliveryOf(report).series.length === 0) return [];
  return [
    amountsChart(report),
    timesChart(report),
    ...deliveryHeat(report),
    spreadChart(report),
    completenessChart(report),
  ];
}

type Point = ClassPoint<"delivery">;

function amountsChart(report: Report): LineChart {
  const { series, rate } = deliveryOf(report);
  const { points, line, look } = ratesOf(report, rate.target);
  const count = (label: string, columns: readonly (keyof Point["counts"])[]) =>
    line(label, (i) => columns.reduce((n, column) => n + (series[i]?.counts[column] ?? 0), 0));
  return {
    ...{ kind: "lines", id: "deliveries", x: "time", stepped: true, log: false },
    ...{ unit: "deliveries/s", title: "Deliveries", xs: points.map(({ t }) => t), ...look },
    caption:
      "What was owed, from each event's OK on, and what came in time, in slices of half a second or more; what never came when that was known.",
    series: [
      count("due", ["due"]),
      count("delivered", ["delivered"]),
      count("missing or lost", ["missing", "subscriptionLost"]),
    ],
  };
}

function timesChart(report: Report): LineChart {
  const { series } = deliveryOf(report);
  const lineOf = (label: string, value: (point: Point) => number | null): ChartSeries => ({
    label,
    values: series.map(value).map(shortened),
  });
  return {
    ...{ kind: "lines", id: "delivery-times", x: "time", stepped: true, log: true, unit: "ms" },
    ...{ title: "Delivery time", xs: series.map(({ t }) => t) },
    caption:
      "From the moment an event was due to each of its frames, of what came in each slice; spread: from an event's first frame to its last.",
    series: [
      lineOf("p50", ({ times }) => times.response.p50),
      lineOf("p90", ({ times }) => times.response.p90),
      lineOf("p99", ({ times }) => times.response.p99),
      lineOf("p99.9", ({ times }) => times.response.p999),
      lineOf("spread p50", ({ times }) => times.spread.p50),
    ],
  };
}

/** Who of an event's receivers has it when: a relay that writes to one after another has a slope. */
function spreadChart(report: Report): Chart {
  const named = {
    id: "spread",
    title: "Spread by rank of receiver",
    caption:
      "From an event's first receiver to the one with which so many of its receivers have it: p50, p90 and p99 of events. What is zero is not drawn.",
  } as const;
  const ranks = rankTimes(report);
  const line = (
    label: string,
    mark: "dot" | "ring" | "cross",
    value: (of: LatencySummary) => number | null,
  ) => ({
    ...{ label, mark },
    values: ranks.map(({ times }) => shortened(value(times) || null)),
  });
  const series: readonly PointSeries[] = [
    line("p50", "dot", ({ p50 }) => p50),
    line("p90", "ring", ({ p90 }) => p90),
    line("p99", "cross", ({ p99 }) => p99),
  ];
  if (!hasValues(series))
    return { kind: "none", ...named, why: "no event had two receivers that got it apart" };
  return {
    ...named,
    ...byGroup(
      "receivers",
      ranks.map(({ name }) => name),
    ),
    unit: "ms",
    log: true,
    series,
  };
}

/** By what did not come: beside what did, one in ten thousand could not be seen. */
function completenessChart(report: Report): Chart {
  const rows = topicRows(report);
  const named = {
    id: "completeness",
    title: "Completeness by topic size",
    caption: "Share of what was owed that did not come in time, by the subscriptions of its topic.",
  } as const;
  if (rows.length < 2) return { kind: "none", ...named, why: "topics were of one size" };
  const percent = (
    label: string,
    mark: "dot" | "ring" | "cross",
    count: (row: TopicRow) => number,
  ) => ({
    ...{ label, mark },
    values: rows.map(([, row]) => shortenedShare((count(row) / row.totals.due) * 100)),
  });
  const series: readonly PointSeries[] = [
    percent("missing", "cross", ({ totals }) => totals.missing),
    percent("lost with their subscription", "ring", ({ totals }) => totals.subscriptionLost),
    percent("late", "dot", ({ totals }) => totals.late),
  ];
  const lacking = series.filter(({ values }) => values.some((v) => v !== 0));
  if (lacking.length === 0) {
    return { kind: "none", ...named, why: "at every size of topic all that was owed came in time" };
  }
  return {
    ...named,
    ...byGroup(
      "subscriptions",
      rows.map(([name]) => name),
    ),
    unit: "%",
    log: false,
    series: lacking,
  };
}

/** Small shares keep their digits. */
function shortenedShare(percent: number): number {
  return Number(percent.toPrecision(3));
}

function byGroup(
  of: string,
  labels: readonly string[],
): Pick<PointChart, "kind" | "x" | "xUnit" | "of" | "xs" | "labels"> {
  return { kind: "points", x: "group", xUnit: "%", of, xs: labels.map((_, i) => i), labels };
}
