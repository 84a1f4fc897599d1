/**
 * Judges thresholds from the report's own figures. k6 passes a threshold on a metric without
 * samples; here that is a third verdict, `null`, and it fails the run.
 */
import { meanOf, mergeHistograms, quantile } from "../measure/histogram.ts";
import { RESOURCE_METRICS } from "../measure/resource-metrics.ts";
import { parseExpression, type Threshold, type ThresholdExpression } from "../plan/thresholds.ts";
import type { LatencySummary, Report, Resources, ThresholdResult } from "./types.ts";

type Measured = Pick<Report, "totals" | "latency" | "sets" | "queries" | "run">;

export function judgeThresholds(
  thresholds: readonly Threshold[],
  measured: Measured,
): readonly ThresholdResult[] {
  return thresholds.flatMap(({ metric, expressions }) =>
    expressions.map((text) => {
      const expression = parseExpression(text);
      const value = expression ? measuredValue(metric, expression, measured) : null;
      const ok = expression === null || value === null ? null : holds(value, expression);
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
  const [name = "", tag] = metric.split(/\{(?:event|query):/);
  const only = tag?.replace("}", "");
  const latency = latencyOf(name, only, m);
  if (latency !== undefined) return latency === null ? null : aggregate(latency, expression);
  // Counters and the failure rate are kept by event in k6; the report has them for the whole run.
  if (only !== undefined) return null;
  if (name === "nostr_publish_failed") return failedRate(m);
  if (name === "nostr_query_failed") return failedQueries(m);
  const count = countOf(name, m);
  if (count === null) return null;
  if (expression.aggregation === "count") return count;
  return m.run.durationSec > 0 ? count / m.run.durationSec : null;
}

function latencyOf(
  name: string,
  only: string | undefined,
  { latency, sets, queries }: Measured,
): Timed | null | undefined {
  const publish = (kind: "response" | "service") =>
    only === undefined ? latency[kind] : (latency.byEvent[only]?.[kind] ?? null);
  switch (name) {
    case "nostr_connect_time":
      return latency.connect;
    case "nostr_publish_response_time":
      return publish("response");
    case "nostr_publish_service_time":
      return publish("service");
    case "nostr_set_completion_time":
      return timesOf(sets, only, ({ completion }) => completion);
    case "nostr_query_time":
      return timesOf(queries, only, ({ response }) => response);
    default:
      return undefined;
  }
}

type Timed = Omit<LatencySummary, "p90" | "p95" | "p99" | "p999" | "unit">;

/** Of one name, or of all of them together. */
function timesOf<T>(
  figures: Readonly<Record<string, T>> | null,
  only: string | undefined,
  pick: (figures: T) => LatencySummary,
): Timed | null {
  const chosen = Object.entries(figures ?? {}).filter(
    ([name]) => only === undefined || name === only,
  );
  const histogram = mergeHistograms(chosen.map(([, figure]) => pick(figure).histogram));
  const { count, max } = histogram;
  if (count === 0) return null;
  const mins = chosen.flatMap(([, figure]) => pick(figure).min ?? []);
  const [min, mean, p50] = [Math.min(...mins), meanOf(histogram), quantile(histogram, 0.5)];
  return { count, min, mean, p50, max, histogram };
}

function aggregate(latency: Timed, expression: ThresholdExpression): number | null {
  if (latency.count === 0) return null;
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

function failedRate({ totals }: Measured): number | null {
  if (totals.scheduled === 0) return null;
  const fine = totals.accepted + totals.duplicate + totals.superseded + (totals.unheard ?? 0);
  return (totals.scheduled - fine) / totals.scheduled;
}

/** Every query that got no EOSE. */
function failedQueries({ queries }: Measured): number | null {
  const all = Object.values(queries ?? {});
  const scheduled = all.reduce((sum, query) => sum + query.scheduled, 0);
  const ended = all.reduce((sum, query) => sum + query.eose, 0);
  return scheduled === 0 ? null : (scheduled - ended) / scheduled;
}

function countOf(name: string, { totals }: Measured): number | null {
  const columns: Readonly<Record<string, number>> = {
    nostr_events_scheduled: totals.scheduled,
    nostr_events_attempted: totals.attempted,
    nostr_events_accepted: totals.accepted,
    nostr_events_rejected: totals.rejected,
    nostr_events_timed_out: totals.timedOut,
    nostr_events_lost: totals.lost,
  };
  return totals.scheduled === 0 ? null : (columns[name] ?? null);
}

function holds(value: number, { operator, bound }: ThresholdExpression): boolean {
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
