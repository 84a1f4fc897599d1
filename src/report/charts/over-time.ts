/** The charts of what was counted and timed in each slice. */

import { leadingOf, queryOf } from "../class-report.ts";
import { dueBySlice } from "../due.ts";
import { pointsOf, type SeriesPoint } from "../points.ts";
import type { Report } from "../types.ts";
import { type Chart, type ChartId, type ChartSeries, hasValues, type Unit } from "./chart.ts";
import { ratesOf, shortened } from "./rates.ts";

export function throughputChart(report: Report): Chart {
  const series = pointsOf(report);
  const due = dueBySlice(report);
  const endSec = Math.min(report.config.durationSec, report.run.durationSec);
  const rate = ratesOf(report, leadingOf(report).rate.target);
  const { row } = leadingOf(report);
  return {
    ...sliceChart("throughput", `${row.many}/s`, false, rate.points, {
      title: "Throughput",
      caption: `What was set, sent and ${row.doneWord}, in slices of half a second or more. A gap between set and sent is what could not be sent.`,
      lines: [
        rate.line("set", (i) => ((series[i]?.t ?? 0) < endSec ? (due[i]?.set ?? 0) : null)),
        rate.line("sent", (i) => series[i]?.attempted ?? 0),
        rate.line(row.doneWord, (i) => series[i]?.accepted ?? 0),
      ],
    }),
    ...rate.look,
  };
}

export function percentilesChart(series: readonly SeriesPoint[]): Chart {
  return sliceChart("percentiles", "ms", true, series, {
    title: "Response time",
    caption: "From the moment each was due, of what was answered in each slice.",
    lines: [
      ofPoints(series, "p50", (p) => p.p50),
      ofPoints(series, "p90", (p) => p.p90),
      ofPoints(series, "p99", (p) => p.p99),
      ofPoints(series, "p99.9", (p) => p.p999),
    ],
  });
}

export function serviceChart(series: readonly SeriesPoint[]): Chart {
  return sliceChart("service", "ms", true, series, {
    title: "Service time",
    caption: "From the moment each was sent: what the relay itself took.",
    lines: [
      ofPoints(series, "p50", (p) => p.serviceP50),
      ofPoints(series, "p99", (p) => p.serviceP99),
    ],
  });
}

/** One line a query and percentile; left out of runs that ask nothing. */
export function queriesChart(report: Report): readonly Chart[] {
  const names = Object.keys(queryOf(report).rows);
  if (names.length === 0) return [];
  const series = pointsOf(report);
  const lines = names.flatMap((name) => [
    ofPoints(series, `${name} p50`, (p) => p.queryTimes[name]?.p50 ?? null),
    ofPoints(series, `${name} p99`, (p) => p.queryTimes[name]?.p99 ?? null),
  ]);
  return [
    sliceChart("queries", "ms", true, series, {
      title: "Queries",
      caption: "From the moment a query was due to its EOSE, of what ended in each slice.",
      lines,
    }),
  ];
}

export function lagChart(series: readonly SeriesPoint[]): Chart {
  return sliceChart("lag", "ms", true, series, {
    title: "Lag of the generator",
    caption:
      "How late events were sent, and how long answers waited to be counted: p99 of each slice.",
    lines: [
      ofPoints(series, "schedule lag p99", (p) => p.scheduleLagP99),
      ofPoints(series, "loop lag p99", (p) => p.loopLagP99),
    ],
  });
}

export function errorsChart(report: Report): Chart {
  const series = pointsOf(report);
  const due = dueBySlice(report);
  const rate = ratesOf(report, leadingOf(report).rate.target);
  const { row } = leadingOf(report);
  const outcomes = [
    ["rejected", (p: SeriesPoint) => p.rejected],
    ["timed out", (p: SeriesPoint) => p.timedOut],
    ["lost", (p: SeriesPoint) => p.lost],
    ["duplicate", (p: SeriesPoint) => p.duplicate],
    ["superseded", (p: SeriesPoint) => p.superseded],
    ["unheard", (p: SeriesPoint) => p.unheard],
  ] as const;
  const lines = [
    ...outcomes.map(([label, count]) => rate.line(label, (i) => countAt(series[i], count))),
    rate.line("unsent", (i) => due[i]?.unsent ?? 0),
  ].filter(({ values }) => values.some((v) => v !== 0));
  const named = {
    title: `${row.many.charAt(0).toUpperCase()}${row.many.slice(1)} that were not ${row.doneWord}`,
    caption: "By outcome, when it was known; what was never sent, when it fell behind.",
    lines,
  };
  if (lines.length > 0) {
    return { ...sliceChart("errors", `${row.many}/s`, false, rate.points, named), ...rate.look };
  }
  const why =
    series.length === 0
      ? "nothing was sent"
      : `all ${row.many} of every slice were ${row.doneWord}`;
  return { kind: "none", id: "errors", title: named.title, caption: named.caption, why };
}

function countAt(point: SeriesPoint | undefined, count: (p: SeriesPoint) => number): number {
  return point === undefined ? 0 : count(point);
}

interface Drawn {
  readonly title: string;
  readonly caption: string;
  readonly lines: readonly ChartSeries[];
}

export function sliceChart(
  id: ChartId,
  unit: Unit,
  log: boolean,
  points: readonly SeriesPoint[],
  { title, caption, lines }: Drawn,
): Chart {
  if (!hasValues(lines)) return { kind: "none", id, title, caption, why: "not measured" };
  const xs = points.map((p) => p.t);
  return {
    kind: "lines",
    id,
    title,
    caption,
    x: "time",
    stepped: true,
    unit,
    log,
    xs,
    series: lines,
  };
}

export function ofPoints(
  points: readonly SeriesPoint[],
  label: string,
  value: (point: SeriesPoint) => number | null,
): ChartSeries {
  return { label, values: points.map(value).map(shortened) };
}
