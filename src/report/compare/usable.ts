/** Which runs of two sets count: those that are invalid or incomplete are left out where enough remain. */
import { classOf } from "../../measure/classes.ts";
import { isScheduled } from "../../plan/scenarios.ts";
import { classesOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { ENOUGH_RUNS, type Sides } from "./change.ts";

export interface Chosen {
  readonly sides: Sides;
  /** What was left out, and why. */
  readonly left: readonly string[];
}

/**
 * A run that says nothing about its relay says nothing against the others of its set. Of runs made in
 * turn its partner goes too. With fewer than three usable runs a side all stay, for the refusal to name.
 */
export function chooseRuns(
  base: readonly Report[],
  next: readonly Report[],
  inTurn: boolean,
): Chosen {
  // An interruption may have left one side a run short.
  const pairs = Math.min(base.length, next.length);
  const all: Sides = inTurn
    ? { base: base.slice(0, pairs), next: next.slice(0, pairs), paired: true }
    : { base, next, paired: false };
  const isGood = (report: Report | undefined) => report !== undefined && unusable(report) === null;
  const kept: Sides = inTurn
    ? {
        base: all.base.filter((report, i) => isGood(report) && isGood(all.next[i])),
        next: all.next.filter((report, i) => isGood(report) && isGood(all.base[i])),
        paired: true,
      }
    : { base: base.filter(isGood), next: next.filter(isGood), paired: false };
  if (Math.min(kept.base.length, kept.next.length) < ENOUGH_RUNS) return { sides: all, left: [] };
  const reasons = [...base, ...next].flatMap((report) => unusable(report) ?? []);
  const dropped = base.length + next.length - kept.base.length - kept.next.length - reasons.length;
  return {
    sides: kept,
    left: [
      ...reasons.map((reason) => `left out: ${reason}`),
      ...(dropped > 0 ? [`left out with them: ${dropped} made in turn with these`] : []),
    ],
  };
}

/** Why a run says nothing about its relay; `null` when it does. */
export function unusable(report: Report): string | null {
  const { run, generator } = report;
  if (generator.verdict === "invalid") {
    return `run ${run.id} is invalid: ${generator.reasons.join("; ") || "no reason given"}`;
  }
  if (!run.complete) return `run ${run.id} is incomplete: ${run.stopReason ?? "slices missing"}`;
  return scheduledAny(report) ? null : `run ${run.id} scheduled nothing`;
}

function scheduledAny(report: Report): boolean {
  return classesOf(report).some(([name, { totals }]) => {
    const due = (totals as Readonly<Record<string, number>>)[classOf(name).due] ?? 0;
    return isScheduled(name, report.run.scenario) && due > 0;
  });
}
