/** The charts of connections: how many there were, and how those that were lost came back. */
import { quantile } from "../../measure/histogram.ts";
import { formatCount, formatMs, formatPercent } from "../format.ts";
import { pointsOf } from "../points.ts";
import { recoveryOf } from "../recovery.ts";
import type { Report } from "../types.ts";
import type { Chart, ChartSeries, LineChart, Place } from "./chart.ts";
import { ofPoints, sliceChart } from "./over-time.ts";
import { shortened } from "./rates.ts";

export function connectionsChart(report: Report): Chart {
  const series = pointsOf(report);
  const { connect } = report.config;
  const asks = series.some((p) => p.connectionsUsable !== null);
  const due = connect === undefined ? [] : [dueOf(report, connect.rate)];
  return sliceChart("connections", "connections", false, series, {
    title: "Connections open",
    caption: `At the end of each slice, over all relays.${due.length > 0 ? " Due: clients that had come by the set rate, and want one." : ""}`,
    lines: [
      ...due,
      ofPoints(series, "open", (p) => p.connectionsOpen),
      ...(asks ? [ofPoints(series, "usable", (p) => p.connectionsUsable)] : []),
    ],
  });
}

/** Clients that had come by the end of each slice: each wants a connection from there on until the window's end. */
function dueOf(report: Report, rate: number): ChartSeries {
  const { sliceSec, durationSec } = report.run;
  const { clients, durationSec: windowSec } = report.config;
  const endSec = Math.min(durationSec, windowSec);
  const values = pointsOf(report).map(({ t }) =>
    t < endSec ? Math.min(clients, Math.round((t + sliceSec) * rate)) : null,
  );
  return { label: "due", values };
}

/** None for a run in which nobody lost a connection that it could use. */
export function recoveryChart(report: Report): readonly Chart[] {
  const recovery = recoveryOf(report);
  if (recovery === null) return [];
  const { interrupted, recovered, afterMs } = recovery;
  const { histogram } = report.classes.connection.times.recovery;
  const named = {
    id: "recovery",
    title: "Recovery",
    caption: `Of ${formatCount(interrupted)} clients that lost a connection that they could use, the share that could use the relay again, by the time since each lost its own. ${formatPercent(recovered / interrupted)} were back by the end.`,
  } as const;
  if (recovered === 0) return [{ kind: "none", ...named, why: "nobody came back" }];
  const curve = new Map([[0, 0]]);
  for (let percent = 1; percent <= 100; percent++) {
    const rank = (percent / 100) * interrupted;
    if (rank > recovered) break;
    const ms = quantile(histogram, rank / recovered);
    if (ms !== null) curve.set(shortened(ms) ?? ms, percent);
  }
  const chart: LineChart = {
    ...{ kind: "lines", ...named, x: "after", stepped: true, unit: "%", log: false },
    xs: [...curve.keys()],
    series: [{ label: "usable again", values: [...curve.values()] }],
    places: afterMs.flatMap(([share, ms]): Place[] =>
      ms === null ? [] : [{ x: ms, y: share * 100, label: `${share * 100} %: ${formatMs(ms)}` }],
    ),
  };
  return [chart];
}
