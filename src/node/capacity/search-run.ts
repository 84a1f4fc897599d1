/** A search carried out: trial after trial until it ends, each on disk before the next begins. */

import { eventsAhead, signingSec } from "../../capacity/foresight.ts";
import type { CapacityResult, Trial } from "../../capacity/result.ts";
import { interrupt, next, type Planned, record, startSearch } from "../../capacity/search.ts";
import { boundsOf, type Search } from "../../capacity/state.ts";
import { Interrupted } from "../../errors.ts";
import { eventsNeeded } from "../../plan/plan.ts";
import { describeMiss, formatLoad, loadUnit } from "../../report/capacity/words.ts";
import type { Journal } from "./journal.ts";
import { carryOutTrial, planAt, type Trials } from "./trial.ts";

export interface Searched {
  readonly trials: readonly Trial[];
  readonly result: CapacityResult;
  /** What ended it before its time; `undefined` where nothing did. */
  readonly failure: unknown;
}

/** Goes on behind `before`, the trials of a search that was stopped. */
export async function carryOutSearch(
  run: Trials,
  journal: Journal,
  before: readonly Trial[],
): Promise<Searched> {
  const trials = [...before];
  let search = before.reduce(record, startSearch(run.settings));
  const eventsOf = eventsOfTrials(run);
  let baseMs: number | null = null;
  for (;;) {
    const supply = { ...{ eventsOf }, left: run.stock.left, signedPerSec: run.stock.signedPerSec };
    const step = next(search, (planned) => signingSec(planned, supply));
    if (step.kind === "end") return { trials, result: step.result, failure: undefined };
    const { role, load, lengthSec } = step;
    const number = trials.length + 1;
    const unit = loadUnit(run.settings.scale, run.scenario);
    run.terminal.status(
      `${`trial ${number}`.padEnd(11)} ${role} at ${formatLoad(load, unit)}; ${describeSoFar(search, unit)}`,
    );
    try {
      const before = { baseMs, eventsAhead: eventsAhead(search, supply) };
      const { trial, lookMs } = await carryOutTrial(run, { number, role, load, lengthSec }, before);
      trials.push(trial);
      search = record(search, trial);
      // Behind the warm-up it is the relay's own; one that aged is held against what it is then.
      if (baseMs === null ? role !== "warmup" : trial.aged) baseMs = lookMs;
      run.terminal.note(describeTrial(trial, search, run));
      await journal.append(trial);
    } catch (failure) {
      const isStopped = failure instanceof Interrupted || run.signal.aborted;
      return { trials, result: interrupt(search), failure: isStopped ? undefined : failure };
    }
  }
}

/** Of what a trial publishes; nothing is signed for questions. */
function eventsOfTrials(run: Trials): (trial: Planned) => number {
  return (trial) => {
    const plan = planAt(run, { ...trial, number: 1 });
    return plan.query === null ? eventsNeeded(plan) : 0;
  };
}

function describeTrial(trial: Trial, search: Search, { settings, scenario }: Trials): string {
  const { number, role, load, verdict, figures, failed, voidReason, died, aged } = trial;
  const unit = loadUnit(settings.scale, scenario);
  const [first] = failed;
  const why =
    died ??
    (verdict === "void"
      ? voidReason
      : first === undefined
        ? undefined
        : `${first.threshold} (${describeMiss(first, scenario)})`);
  const p99 = figures.p99 === null ? "no p99" : `p99 ${figures.p99.toFixed(0)} ms`;
  const said = `${role.padEnd(8)} ${formatLoad(load, unit)}: ${role === "warmup" ? "not judged" : verdict}, ${p99}`;
  const more = `${why === undefined || role === "warmup" ? "" : `; ${why}`}${aged ? "; aged" : ""}`;
  return `${`trial ${number}`.padEnd(11)} ${said}${more} [${describeSoFar(search, unit)}]`;
}

/** The interval so far, and how much of the time is left. */
function describeSoFar(search: Search, unit: ReturnType<typeof loadUnit>): string {
  const { lo, hi } = boundsOf(search);
  const left = Math.max(0, search.settings.budgetSec - search.spentSec);
  const least = lo === null ? "nothing held yet" : `holds ${formatLoad(lo, unit)}`;
  const most = hi === null ? "" : `, not ${formatLoad(hi, unit)}`;
  return `${least}${most}; ${formatLeft(left)} left at most`;
}

function formatLeft(sec: number): string {
  return sec >= 90 ? `${Math.round(sec / 60)} min` : `${Math.round(sec)} s`;
}
