/** All charts of a report. */

import { leadingOf } from "../class-report.ts";
import { decisive } from "../outcome.ts";
import { pointsOf } from "../points.ts";
import type { Report } from "../types.ts";
import type { Chart, PageData } from "./chart.ts";
import { connectionsChart, recoveryChart } from "./connections.ts";
import { curveChart } from "./curve.ts";
import { deliveryCharts } from "./deliveries.ts";
import { isFlat } from "./flat.ts";
import { heatChart } from "./heat.ts";
import { momentsOf } from "./moments.ts";
import {
  errorsChart,
  lagChart,
  percentilesChart,
  queriesChart,
  serviceChart,
  throughputChart,
} from "./over-time.ts";
import { cpuChart, furtherCharts, memoryChart } from "./resources.ts";

export function chartsOf(report: Report): PageData {
  const { resources, config, run } = report;
  const { times } = leadingOf(report);
  const series = pointsOf(report);
  const { sliceSec } = report.run;
  const moments = momentsOf(report);
  // With a finding each chart may be its witness.
  const mayFold = decisive(report) === null && report.generator.verdict === "valid";
  const fold = (chart: Chart): Chart =>
    mayFold && isFlat(chart) ? { ...chart, folded: true } : chart;
  return {
    sliceSec,
    windowSec: Math.min(config.durationSec, run.durationSec),
    endSec: Math.max(run.durationSec, (series.at(-1)?.t ?? 0) + sliceSec),
    ...(moments.length === 0 ? {} : { moments }),
    charts: [
      throughputChart(report),
      connectionsChart(report),
      ...recoveryChart(report),
      percentilesChart(series),
      heatChart(report),
      curveChart(times),
      serviceChart(series),
      ...queriesChart(report),
      ...deliveryCharts(report),
      lagChart(series),
      cpuChart(report),
      memoryChart(resources),
      ...furtherCharts(report),
      errorsChart(report),
    ].map(fold),
  };
}
