/**
 * Judges thresholds from the report's own figures. k6 passes a threshold on a metric without
 * samples; here that is a third verdict, `null`, and it fails the run.
 */

import { CLASS_NAMES, classOf } from "../measure/classes.ts";
import { quantile } from "../measure/histogram.ts";
import { RESOURCE_METRICS } from "../measure/resource-metrics.ts";
import { parseExpression, type Threshold, type ThresholdExpression } from "../plan/thresholds.ts";
import { classesOf } from "./class-report.ts";
import type { ClassReport } from "./class-types.ts";
import type { LatencySummary } from "./times.ts";
import type { Report, Resources, ThresholdResult } from "./types.ts";

type Measured = Pick<Report, "classes" | "run">;

/** `isWhole`: every generator sent its share to the end; else nobody knows what a throughput would have been. */
export function judgeThresholds(
  thresholds: readonly Threshold[],
  measured: Measured,
  isWhole = true,
): readonly ThresholdResult[] {
  return thresholds.flatMap(({ metric, expressions }) =>
    expressions.map((text) => {
      const expression = parseExpression(text);
      const value = expression ? measuredValue(metric, expression, measured) : null;
      const isJudged = isWhole || !isThroughput(metric);
      const ok =
        expression === null || value === null || !isJudged ? null : holds(value, expression);
      return { metric, expression: text, value, ok };
    }),
  );
}

/** Judges the thresholds on resources from the samples of the measured window; the others stay. */
export function judgeAgain(
  results: readonly ThresholdResult[],
  resources: Resources | null,
  durationSec: number,
): readonly ThresholdResult[] {
  return results.map((result) => {
    // The report gets them after k6 wrote it.
    const source = RESOURCE_METRICS[result.metric];
    const expression = parseExpression(result.expression);
    if (source === undefined || expression === null) return result;
    const values = (resources?.samples ?? [])
      .filter((s) => s.process === source.process && s.t > 0 && s.t <= durationSec)
      .flatMap((s) => source.valueOf(s) ?? [])
      .sort((a, b) => a - b);
    const value = aggregateSamples(values, expression);
    return { ...result, value, ok: value === null ? null : holds(value, expression) };
  });
}

function aggregateSamples(
  sorted: readonly number[],
  { aggregation, quantile: q = 0.5 }: ThresholdExpression,
): number | null {
  if (sorted.length === 0) return null;
  if (aggregation === "avg") return sorted.reduce((sum, v) => sum + v, 0) / sorted.length;
  const share = aggregation === "min" ? 0 : aggregation === "max" ? 1 : q;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

function measuredValue(
  metric: string,
  expression: ThresholdExpression,
  m: Measured,
): number | null {
  const [name = "", tag] = metric.split("{");
  const only = tag?.slice(tag.indexOf(":") + 1, -1);
  for (const [className, of] of classesOf(m)) {
    const row = classOf(className);
    const { trends, counters, failed } = row.metrics;
    const time = keyOf(trends, name);
    if (time !== null) return aggregate(timesOf(of, time, only), expression);
    // Counters and the failure rate are kept by row in k6; here they are judged for the whole run.
    if (only !== undefined) continue;
    const totals: Readonly<Record<string, number>> = of.totals;
    const due = totals[row.due] ?? 0;
    // What was under way when the run was cut off did not fail.
    const cutOff = m.run.cutOff?.[className] ?? {};
    const fine = sumColumns(totals, row.fine) + sumColumns(cutOff, row.failed);
    if (failed === name) return due === 0 ? null : (due - fine) / due;
    const column = keyOf(counters, name);
    if (column === null) continue;
    const count = due === 0 ? null : (totals[column] ?? 0) - (cutOff[column] ?? 0);
    if (count === null || expression.aggregation === "count") return count;
    return m.run.durationSec > 0 ? count / m.run.durationSec : null;
  }
  return null;
}

/** A counter, which stands for how much was done, or how much a second. */
function isThroughput(metric: string): boolean {
  return CLASS_NAMES.some((name) => keyOf(classOf(name).metrics.counters, metric) !== null);
}

function keyOf(names: Readonly<Record<string, string>>, wanted: string): string | null {
  return Object.entries(names).find(([, name]) => name === wanted)?.[0] ?? null;
}

function sumColumns(totals: Readonly<Record<string, number>>, columns: readonly string[]): number {
  return columns.reduce((sum, column) => sum + (totals[column] ?? 0), 0);
}

/** Of one row, or of all of them together; `null` where there is none. */
function timesOf({ times, rows }: ClassReport, time: string, only?: string): LatencySummary | null {
  const of: Readonly<Record<string, LatencySummary>> | undefined =
    only === undefined ? times : rows[only]?.times;
  return of?.[time] ?? null;
}

function aggregate(latency: LatencySummary | null, expression: ThresholdExpression): number | null {
  if (latency === null || latency.count === 0) return null;
  switch (expression.aggregation) {
    case "avg":
      return latency.mean;
    case "min":
      return latency.min;
    case "max":
      return latency.max;
    case "med":
      return latency.p50;
    default:
      return quantile(latency.histogram, expression.quantile ?? 0.5);
  }
}

/** Whether a value meets an expression. */
export function holds(value: number, { operator, bound }: ThresholdExpression): boolean {
  switch (operator) {
    case "<":
      return value < bound;
    case "<=":
      return value <= bound;
    case ">":
      return value > bound;
    case ">=":
      return value >= bound;
    case "!=":
      return value !== bound;
    default:
      return value === bound;
  }
}
