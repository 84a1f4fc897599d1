/** A search carried out: trial after trial until it ends, each on disk before the next begins. */

import { eventsAhead, type Supply, signingSec } from "../../capacity/foresight.ts";
import type { CapacityResult, Trial } from "../../capacity/result.ts";
import { next, type Planned, record, startSearch, stop } from "../../capacity/search.ts";
import { boundsOf, type Search } from "../../capacity/state.ts";
import { Interrupted } from "../../errors.ts";
import { eventsNeeded } from "../../plan/plan.ts";
import { describeMiss, formatLoad, loadUnit } from "../../report/capacity/words.ts";
import { orderOf } from "../run/repeat.ts";
import { publishes } from "../run/supply.ts";
import { restAfter, UNKNOWN } from "./cooling.ts";
import type { Journal } from "./journal.ts";
import { planAt } from "./plan-at.ts";
import { carryOutTrial, type Trials } from "./trial.ts";

const MOST_CHARACTERS = 300;

export interface Searched {
  readonly trials: readonly Trial[];
  readonly result: CapacityResult;
}

/** One relay, or set of relays, and what was found out of it before. */
export interface Side {
  readonly run: Trials;
  readonly journal: Journal;
  readonly before: readonly Trial[];
}

/**
 * Carries out the searches of all sides, a trial of each in turn: what drifts on the machine burdens all alike, and
 * the order is reversed from round to round. What stops one stops all.
 */
export async function carryOutSearches(
  sides: readonly Side[],
  carryOut: typeof carryOutTrial = carryOutTrial,
): Promise<readonly Searched[]> {
  const searches = sides.map((side) => new SearchRun(side, carryOut));
  for (let round = 1; searches.some(({ ended }) => ended === null); round++) {
    for (const place of orderOf(searches.length, round)) {
      const one = searches[place];
      if (one === undefined || one.ended !== null) continue;
      const failure = await one.goOn().then(
        () => null,
        (error: unknown) => ({ error }),
      );
      if (failure !== null) return searches.map((search) => search.stopBy(failure.error));
    }
  }
  return searches.flatMap(({ ended }) => ended ?? []);
}

class SearchRun {
  readonly #side: Side;
  readonly #carryOut: typeof carryOutTrial;
  readonly #trials: Trial[];
  #search: Search;
  #rest = UNKNOWN;
  ended: Searched | null = null;

  constructor(side: Side, carryOut: typeof carryOutTrial) {
    this.#side = side;
    this.#carryOut = carryOut;
    this.#trials = [...side.before];
    this.#search = side.before.reduce(record, startSearch(side.run.settings));
  }

  /** One trial more, or the end. */
  async goOn(): Promise<void> {
    const { run, journal } = this.#side;
    const supply = supplyOf(run);
    const step = next(this.#search, (planned) => signingSec(planned, supply));
    if (step.kind === "end") {
      this.ended = { trials: this.#trials, result: step.result };
      return;
    }
    const { role, load, lengthSec } = step;
    const number = this.#trials.length + 1;
    const unit = loadUnit(run.settings.scale, run.scenario);
    run.terminal.status(
      `${nameOf(number)} ${role} at ${formatLoad(load, unit)}${run.of}; ${describeSoFar(this.#search, unit)}`,
    );
    const before = { rest: this.#rest, eventsAhead: eventsAhead(this.#search, supply) };
    const { trial, cooled } = await this.#carryOut(run, { number, role, load, lengthSec }, before);
    this.#trials.push(trial);
    this.#search = record(this.#search, trial);
    this.#rest = restAfter(this.#rest, cooled, { isWarmup: role === "warmup" });
    run.terminal.note(describeTrial(trial, this.#search, run));
    await journal.append(trial);
  }

  /** What it comes to where a trial of any side threw. */
  stopBy(error: unknown): Searched {
    if (this.ended !== null) return this.ended;
    const trials = this.#trials;
    if (error instanceof Interrupted || this.#side.run.signal.aborted) {
      return { trials, result: stop(this.#search, "interrupted") };
    }
    if (!(error instanceof Error)) throw error;
    return { trials, result: { ...stop(this.#search, "failed"), failure: wordsOfError(error) } };
  }
}

function supplyOf(run: Trials): Supply {
  const { left, signedPerSec } = run.stock;
  // Those of topics are signed for each trial.
  const isReused = run.emptyBy !== null && run.scenario !== "fanout";
  return { eventsOf: eventsOfTrials(run), left, signedPerSec, isReused };
}

function nameOf(number: number): string {
  return `trial ${number}`.padEnd(11);
}

/** Of what a trial publishes; nothing is signed for questions and handshakes. */
function eventsOfTrials(run: Trials): (trial: Planned) => number {
  return (trial) => {
    const plan = planAt(run, { ...trial, number: 1 });
    return publishes(plan) ? eventsNeeded(plan) : 0;
  };
}

/** One line: a report holds it. */
function wordsOfError({ message }: Error): string {
  return (message.split("\n")[0] ?? "").slice(0, MOST_CHARACTERS);
}

function describeTrial(trial: Trial, search: Search, { settings, scenario, of }: Trials): string {
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
  const said = `${role.padEnd(8)} ${formatLoad(load, unit)}${of}: ${role === "warmup" ? "not judged" : verdict}, ${p99}`;
  const more = `${why === undefined || role === "warmup" ? "" : `; ${why}`}${aged ? "; aged" : ""}`;
  return `${nameOf(number)} ${said}${more} [${describeSoFar(search, unit)}]`;
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
