/** What an objective may ask for, so that a trial can judge it: else a search would end by trials without a verdict. */
import { parseMix } from "../events/mix.ts";
import { CLASS_NAMES, type ClassName, classOf } from "../measure/classes.ts";
import { RESOURCE_METRICS } from "../measure/resource-metrics.ts";
import type { Plan } from "../plan/plan.ts";
import { SCENARIOS } from "../plan/scenarios.ts";
import { parseExpression, type Threshold } from "../plan/thresholds.ts";
import { judgedSec, lengthOfJudged, samplesFor } from "./precision.ts";
import type { SearchSettings } from "./result.ts";

/** Why trials can't judge a threshold, in words; `null` where they can judge all. */
export function whyUnjudged(plan: Plan, settings: Pick<SearchSettings, "trialSec">): string | null {
  for (const threshold of plan.thresholds) {
    const why =
      whyNothing(threshold, plan) ?? whyTooFew(threshold, plan, settings) ?? whyByLength(threshold);
    if (why !== null) return `\`${threshold.metric}: ${threshold.expressions.join(", ")}\`: ${why}`;
  }
  return null;
}

/** Whether a threshold is on figures of the relay's process, which has to be seen for it. */
export function looksAtRelay({ metric }: Threshold): boolean {
  return RESOURCE_METRICS[metric]?.process === "relay";
}

/** Seconds of a trial that must be judged, for percentiles of what is looked at once a second; 0: no matter. */
export function secondsJudged(thresholds: readonly Threshold[]): number {
  return samplesFor(thresholds.filter(({ metric }) => metric in RESOURCE_METRICS));
}

/** Those on things that are done at a rate: a trial that is longer has more of them. */
export function thresholdsOfRates({ thresholds, scenario }: Plan): readonly Threshold[] {
  const { leads } = SCENARIOS[scenario];
  return thresholds.filter(({ metric }) => {
    const of = classOfMetric(metric);
    return of !== null && (of !== "connection" || leads === "connection");
  });
}

function classOfMetric(metric: string): ClassName | null {
  const name = metric.replace(/\{.*/, "");
  const isOf = (one: ClassName) => {
    const { trends, counters, failed } = classOf(one).metrics;
    return [...Object.values(trends), ...Object.values(counters), failed].includes(name);
  };
  return CLASS_NAMES.find(isOf) ?? null;
}

/** Nothing of the kind is done. */
function whyNothing({ metric }: Threshold, plan: Plan): string | null {
  const { scenario, mix } = plan;
  const of = classOfMetric(metric);
  if (of === null) return null;
  if (!SCENARIOS[scenario].classes.includes(of)) {
    return `\`${scenario}\` has no ${classOf(of).many}`;
  }
  const event = /\{event:(.*)\}$/.exec(metric)?.[1];
  const types = event === undefined ? [] : Object.keys(parseMix(mix));
  return event === undefined || types.includes(event)
    ? null
    : `no event \`${event}\` is published, but ${types.join(", ")}`;
}

/** A percentile of fewer would be the largest of them, which one alone decides. */
function whyTooFew(
  threshold: Threshold,
  { clients, scenario }: Plan,
  { trialSec }: Pick<SearchSettings, "trialSec">,
): string | null {
  const needed = samplesFor([threshold]);
  const { metric } = threshold;
  if (metric in RESOURCE_METRICS && needed > judgedSec(trialSec)) {
    return `it is looked at once a second, and this percentile takes ${needed} looks; give --trial ${lengthOfJudged(needed)}, or \`avg\`, \`med\` or \`max\``;
  }
  const isFixed = classOfMetric(metric) === "connection" && scenario !== "connect";
  return isFixed && needed > clients
    ? `this percentile takes ${needed} connections, and a trial has ${clients} (--clients)`
    : null;
}

/** How many there are says how long a trial is, and those of a search differ. */
function whyByLength({ expressions }: Threshold): string | null {
  const isOfLength = expressions.some((text) => {
    const parsed = parseExpression(text);
    return parsed?.aggregation === "count" && parsed.bound !== 0;
  });
  return isOfLength
    ? "a count grows with the length of a trial; give a `rate`, or a count of 0"
    : null;
}
