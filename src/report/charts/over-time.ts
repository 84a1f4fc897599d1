/** The charts of what was counted and timed in each slice. */
import type { Report, SeriesPoint } from "../types.ts";
import { type Chart, type ChartId, type ChartSeries, hasValues, type Unit } from "./chart.ts";

type Throughput = Report["throughput"];

export function throughputChart({ series, sliceSec }: Throughput): Chart {
  const rate = (label: string, count: (p: SeriesPoint) => number) =>
    ofPoints(series, label, (p) => count(p) / sliceSec);
  return sliceChart("throughput", "events/s", false, series, {
    title: "Throughput",
    caption: "What was due, sent and accepted in each slice. A gap between the lines is backlog.",
    lines: [
      rate("set", (p) => p.scheduled),
      rate("sent", (p) => p.attempted),
      rate("accepted", (p) => p.accepted),
    ],
  });
}

export function connectionsChart({ series }: Throughput): Chart {
  return sliceChart("connections", "connections", false, series, {
    title: "Connections open",
    caption: "At the end of each slice, over all relays.",
    lines: [ofPoints(series, "open", (p) => p.connectionsOpen)],
  });
}

export function percentilesChart({ series }: Throughput): Chart {
  return sliceChart("percentiles", "ms", true, series, {
    title: "Response time",
    caption: "From the moment an event was due, of what was answered in each slice.",
    lines: [
      ofPoints(series, "p50", (p) => p.p50),
      ofPoints(series, "p90", (p) => p.p90),
      ofPoints(series, "p99", (p) => p.p99),
      ofPoints(series, "p99.9", (p) => p.p999),
    ],
  });
}

export function serviceChart({ series }: Throughput): Chart {
  return sliceChart("service", "ms", true, series, {
    title: "Service time",
    caption: "From the moment an event was sent: what the relay itself took.",
    lines: [
      ofPoints(series, "p50", (p) => p.serviceP50),
      ofPoints(series, "p99", (p) => p.serviceP99),
    ],
  });
}

export function lagChart({ series }: Throughput): Chart {
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

export function errorsChart({ series, sliceSec }: Throughput): Chart {
  const outcomes = [
    ["rejected", (p: SeriesPoint) => p.rejected],
    ["timed out", (p: SeriesPoint) => p.timedOut],
    ["lost", (p: SeriesPoint) => p.lost],
    ["unsent", (p: SeriesPoint) => p.unsent],
    ["duplicate", (p: SeriesPoint) => p.duplicate],
    ["superseded", (p: SeriesPoint) => p.superseded],
    ["unheard", (p: SeriesPoint) => p.unheard ?? 0],
  ] as const;
  const lines = outcomes
    .map(([label, count]) => ofPoints(series, label, (p) => count(p) / sliceSec))
    .filter(({ values }) => values.some((v) => v !== 0));
  const named = {
    title: "Events that were not accepted",
    caption: "By outcome, in the slice in which it was known.",
    lines,
  };
  if (lines.length > 0) return sliceChart("errors", "events/s", false, series, named);
  const why = series.length === 0 ? "nothing was sent" : "every event of every slice was accepted";
  return { kind: "none", id: "errors", title: named.title, caption: named.caption, why };
}

interface Drawn {
  readonly title: string;
  readonly caption: string;
  readonly lines: readonly ChartSeries[];
}

function sliceChart(
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

function ofPoints(
  points: readonly SeriesPoint[],
  label: string,
  value: (point: SeriesPoint) => number | null,
): ChartSeries {
  return { label, values: points.map(value).map(shortened) };
}

/** A picture has no use for more digits. */
function shortened(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000;
}
