/**
 * How fine a search may be: an overload by a share of the load leaves a backlog that grows by this share, and what is
 * in flight anyway hides a tenth of a second of it.
 */

import { parseExpression, type Threshold } from "../plan/thresholds.ts";
import { leastGrowth } from "../report/findings/backlog.ts";
import type { Judges, SearchSettings } from "./result.ts";

/** The first part of a trial settles, and is not judged. */
const SETTLES = 1 / 3;
/** What is just seen is seen every other time: the precision is at least twice of it. */
const MARGIN = 2;

/** The finest precision that trials of a length support. */
function finestPrecision(trialSec: number): number {
  return leastGrowth(judgedSec(trialSec)) * MARGIN;
}

export function judgedSec(lengthSec: number): number {
  return lengthSec * (1 - SETTLES);
}

/** A length of which so much is judged, whole seconds. */
export function lengthOfJudged(sec: number): number {
  return Math.ceil(Number((sec / (1 - SETTLES)).toFixed(6)));
}

/** Of a p99 less than a hundred would be their largest, which one answer decides. */
export function leastJudged(thresholds: readonly Threshold[], perSec: number | null): Judges {
  return { least: Math.max(1, samplesFor(thresholds)), perSec };
}

/** So many that the rarest of the percentiles is not the largest of them; 0 without percentiles. */
export function samplesFor(thresholds: readonly Threshold[]): number {
  const quantiles = thresholds.flatMap(({ expressions }) =>
    expressions.flatMap((text) => parseExpression(text)?.quantile ?? []),
  );
  const needed = quantiles
    .filter((q) => q < 1)
    .map((q) => Math.ceil(Number((1 / (1 - q)).toFixed(6))));
  return Math.max(0, ...needed);
}

/** Why the trials can't support the precision, with the numbers; `null` where they can. */
export function whyTooFine({ precision, trialSec }: SearchSettings): string | null {
  const finest = finestPrecision(trialSec);
  if (precision >= finest - 1e-9) return null;
  const percent = (share: number) => `${Number((share * 100).toFixed(1))} %`;
  return (
    `a precision of ${percent(precision)} is more than trials of ${trialSec} s can tell: of each, ${judgedSec(trialSec).toFixed(1)} s are judged, ` +
    `in which an overload shows from ${percent(finest / MARGIN)} of the load on\n` +
    `Give at least --precision ${percent(finest).replace(" ", "")}${trialFor(precision)}.`
  );
}

function trialFor(precision: number): string {
  const longer = [5, 10, 20, 30, 60, 120, 300].find((sec) => finestPrecision(sec) <= precision);
  return longer === undefined ? "" : `, or --trial ${longer}`;
}
