/**
 * The same trials held against stricter and laxer limits on times: how much of the capacity hangs on the limit. From
 * what was measured; the search looked near its own limit only.
 */
import { CLASS_NAMES, classOf } from "../measure/classes.ts";
import { parseExpression } from "../plan/thresholds.ts";
import { holds } from "../report/thresholds.ts";
import type { ThresholdResult } from "../report/types.ts";
import {
  type AtLimit,
  BACKLOG,
  type SearchSettings,
  type Trial,
  UNREADY,
  UNSENT,
} from "./result.ts";
import { record, startSearch } from "./search.ts";
import { boundsOf } from "./state.ts";

const FACTORS = [0.5, 1, 2];
/** What no limit on times has a say in. */
const AT_ANY_LIMIT: readonly string[] = [BACKLOG, UNSENT, UNREADY];
const TIMES = CLASS_NAMES.flatMap((name) => Object.values(classOf(name).metrics.trends));

/**
 * Only of loads that the search decided: half of a vote is none. With the limits as they are it is the result; a load
 * that held at these holds at laxer ones, and one that did not at no stricter ones. None where the objective has none.
 */
export function atLimits(settings: SearchSettings, trials: readonly Trial[]): readonly AtLimit[] {
  if (!trials.some(({ thresholds }) => thresholds.some(isOfTime))) return [];
  const search = trials.reduce(record, startSearch(settings));
  const bounds = boundsOf(search);
  return FACTORS.map((factor) => {
    if (factor === 1) return { factor, lastPassing: bounds.lo, firstFailing: bounds.hi };
    const loads = [...search.standings].sort(([a], [b]) => a - b);
    const holdsAt = ([load, standing]: (typeof loads)[number]) =>
      factor < 1
        ? standing === "pass" && isHeld(trials, load, factor)
        : standing === "pass" || (standing !== "generator" && isHeld(trials, load, factor));
    const firstFailing = loads.find((one) => !holdsAt(one))?.[0] ?? null;
    const passing = loads.filter(([load]) => firstFailing === null || load < firstFailing);
    return { factor, lastPassing: passing.at(-1)?.[0] ?? null, firstFailing };
  });
}

/** By most of the trials there that say something of the relay. */
function isHeld(trials: readonly Trial[], load: number, factor: number): boolean {
  const votes = trials
    .filter((trial) => trial.load === load && trial.role !== "warmup" && trial.verdict !== "void")
    .map((trial): number => (passesAt(trial, factor) ? 1 : -1));
  return votes.reduce((sum, vote) => sum + vote, 0) > 0;
}

function passesAt({ thresholds, failed, died }: Trial, factor: number): boolean {
  const isElse = failed.some(({ threshold }) => AT_ANY_LIMIT.includes(threshold));
  return died === undefined && !isElse && thresholds.every((one) => isMet(one, factor));
}

function isOfTime({ metric }: Pick<ThresholdResult, "metric">): boolean {
  return TIMES.includes(metric.replace(/\{.*/, ""));
}

function isMet(threshold: ThresholdResult, factor: number): boolean {
  const { expression, value, ok } = threshold;
  const parsed = parseExpression(expression);
  if (parsed === null || value === null || !isOfTime(threshold)) return ok === true;
  return holds(value, { ...parsed, bound: parsed.bound * factor });
}
