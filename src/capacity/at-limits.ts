/**
 * The same trials held against stricter and laxer limits on times: how much of the capacity hangs on the limit. From
 * what was measured; the search looked near its own limit only.
 */
import { CLASS_NAMES, classOf } from "../measure/classes.ts";
import { parseExpression } from "../plan/thresholds.ts";
import { holds } from "../report/thresholds.ts";
import type { ThresholdResult } from "../report/types.ts";
import { type AtLimit, BACKLOG, type Trial } from "./result.ts";

const FACTORS = [0.5, 1, 2];
const TIMES = CLASS_NAMES.flatMap((name) => Object.values(classOf(name).metrics.trends));

export function atLimits(trials: readonly Trial[]): readonly AtLimit[] {
  const judged = trials.filter(({ role, verdict }) => role !== "warmup" && verdict !== "void");
  return FACTORS.map((factor) => {
    const votes = new Map<number, number>();
    for (const trial of judged) {
      const vote = passesAt(trial, factor) ? 1 : -1;
      votes.set(trial.load, (votes.get(trial.load) ?? 0) + vote);
    }
    const loads = [...votes].sort(([a], [b]) => a - b);
    const firstFailing = loads.find(([, sum]) => sum <= 0)?.[0] ?? null;
    const passing = loads.filter(([load]) => firstFailing === null || load < firstFailing);
    return { factor, lastPassing: passing.at(-1)?.[0] ?? null, firstFailing };
  });
}

function passesAt({ thresholds, failed, died }: Trial, factor: number): boolean {
  const isGrowing = failed.some(({ threshold }) => threshold === BACKLOG);
  return died === undefined && !isGrowing && thresholds.every((one) => isMet(one, factor));
}

function isMet({ metric, expression, value, ok }: ThresholdResult, factor: number): boolean {
  const parsed = parseExpression(expression);
  const isTime = TIMES.includes(metric.replace(/\{.*/, ""));
  if (parsed === null || value === null || !isTime) return ok === true;
  return holds(value, { ...parsed, bound: parsed.bound * factor });
}
