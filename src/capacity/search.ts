/**
 * The search for the highest load that meets the objective, as a state machine: what is known → the next trial,
 * or the end. Pure; who carries trials out is the caller's. The same trials in the same order give the same
 * state, so that a search goes on from what was written down.
 *
 * After MLRsearch (RFC 9971): doubling by short trials, geometric midpoints by a majority of full ones, the lowest
 * load that failed as the upper bound. Then both bounds are proven by long trials.
 */
import { midpoint, roundLoad } from "./loads.ts";
import { type Ended, resultOf, type Stopped } from "./outcome.ts";
import { lengthOfJudged } from "./precision.ts";
import { loadToProve, prove, startProof, trialsLeft } from "./proof.ts";
import type { CapacityResult, SearchSettings, TrialRole } from "./result.ts";
import {
  boundsOf,
  highestLoad,
  MOST_MOVES,
  type Open,
  type Proof,
  type Search,
  type Standing,
  type Tried,
} from "./state.ts";
import { decide, vote } from "./votes.ts";

interface NextTrial {
  readonly kind: "trial";
  readonly role: TrialRole;
  readonly load: number;
  readonly lengthSec: number;
}

/** What of a trial says how much it needs. */
export type Planned = Pick<NextTrial, "load" | "lengthSec">;

/** Seconds that it takes to make what these trials send, beyond what is there. */
export type Making = (trials: readonly Planned[]) => number;

export type Step = NextTrial | { readonly kind: "end"; readonly result: CapacityResult };

export function startSearch(settings: SearchSettings): Search {
  return {
    settings,
    trials: [],
    spentSec: 0,
    standings: new Map(),
    open: null,
    proof: null,
    moves: 0,
    isClosed: false,
  };
}

export function record(before: Search, trial: Tried): Search {
  const search = {
    ...before,
    trials: [...before.trials, trial],
    spentSec: before.spentSec + trial.tookSec,
  };
  if (trial.died !== undefined) return { ...stand(search, trial.load, "died"), open: null };
  if (trial.role === "warmup") return search;
  if (trial.role === "prove") return recordProof(search, trial);
  if (trial.role === "baseline" && before.proof !== null) return { ...search, isClosed: true };
  const { role, load } = trial;
  const open = vote(before.open ?? { role, load, passes: 0, fails: 0, voids: 0 }, trial.verdict);
  const standing = decide(open, search.settings);
  return standing === null ? { ...search, open } : { ...stand(search, load, standing), open: null };
}

/** What comes next; the result where nothing does. */
export function next(search: Search, making: Making = () => 0): Step {
  const wanted = wantedTrial(search, making);
  if (wanted === null) return end(search, "done");
  const { load, role } = wanted;
  const trial = { kind: "trial", role, load, lengthSec: lengthOf(search, wanted) } as const;
  const neededSec = costOf(search, wanted) + making([trial]);
  return search.spentSec + neededSec > search.settings.budgetSec ? end(search, "budget") : trial;
}

/** The interval so far, for one that is stopped. */
export function stop(search: Search, why: Stopped): CapacityResult {
  return resultOf(search, why);
}

function end(search: Search, ended: Ended): Step {
  return { kind: "end", result: resultOf(search, ended) };
}

function recordProof(search: Search, { load, verdict }: Tried): Search {
  const underWay = search.proof?.proven === null ? search.proof : newProof(search, load);
  const proof = prove(underWay, verdict);
  const moved = { ...search, proof, moves: search.moves + 1 };
  switch (proof.proven) {
    case "lo-failed":
      return stand(moved, proof.lo, search.moves > 0 ? "refuted" : "fail");
    case "lo-void":
      return stand(moved, proof.lo, "generator");
    case "hi-passed":
      return stand(moved, proof.hi ?? proof.lo, "pass");
    default:
      return { ...search, proof };
  }
}

function stand(search: Search, load: number, standing: Standing): Search {
  return { ...search, standings: new Map(search.standings).set(load, standing) };
}

type Wanted = Pick<NextTrial, "role" | "load">;

function wantedTrial(search: Search, making: Making): Wanted | null {
  const { settings, trials, standings, open, proof, moves } = search;
  const { from } = settings;
  if (trials.length === 0) return { role: "warmup", load: from };
  if ([...standings.values()].includes("died")) return null;
  if (open !== null) return { role: roleAgain(open), load: open.load };
  if (standings.size === 0) return { role: "baseline", load: from };
  if (proof?.proven === "held") return closing(search);
  if (proof !== null && proof.proven === null) return proving(proof);
  if (moves > MOST_MOVES) return closing(search);
  const { lo, hi } = boundsOf(search);
  if (lo === null) return halving(search, hi ?? from);
  const nearer = hi === null ? doubled(search, lo) : narrowed(search, { lo, hi }, making);
  return nearer ?? proving(newProof(search, lo));
}

/** A baseline that said nothing is still to be had. */
function roleAgain({ role, passes, fails }: Open): TrialRole {
  return role === "baseline" && passes + fails > 0 ? "probe" : role;
}

function halving({ settings }: Search, hi: number): Wanted | null {
  if (hi <= settings.least) return null;
  return { role: "probe", load: Math.max(settings.least, roundLoad(hi / 2, settings)) };
}

function doubled({ settings }: Search, lo: number): Wanted | null {
  const highest = highestLoad(settings);
  return lo >= highest ? null : { role: "probe", load: Math.min(lo * 2, highest) };
}

/** `null` too where the time is needed for the proof. */
function narrowed(
  search: Search,
  { lo, hi }: { readonly lo: number; readonly hi: number },
  making: Making,
): Wanted | null {
  const { settings, spentSec } = search;
  const load = midpoint(lo, hi, settings);
  if (load === null) return null;
  const left = trialsLeft(newProof(search, lo));
  const proof = Array.from({ length: left }, () => ({ load, lengthSec: settings.proveSec }));
  const neededSec =
    costOf(search, { role: "narrow", load }) +
    left * costOf(search, { role: "prove", load: lo }) +
    costOf(search, { role: "baseline", load: settings.from }) +
    making([{ load, lengthSec: settings.trialSec }, ...proof]);
  return spentSec + neededSec > settings.budgetSec ? null : { role: "narrow", load };
}

function proving(proof: Proof): Wanted | null {
  const load = loadToProve(proof);
  return load === null ? null : { role: "prove", load };
}

/** The baseline once more: its change is what the search did to the relay. */
function closing({ isClosed, settings }: Search): Wanted | null {
  return isClosed ? null : { role: "baseline", load: settings.from };
}

/** Of an upper bound that is the generator's, or failed in long trials, there is nothing to prove. */
function newProof(search: Search, lo: number): Proof {
  const { hi } = boundsOf(search);
  const isBound = hi !== null && search.standings.get(hi) === "fail";
  return startProof(lo, isBound ? hi : null, search.settings.quick);
}

/** Longer where the load is so low that there would be too little to judge, and by the time in which its connections come. */
function lengthOf({ settings }: Search, { role, load }: Wanted): number {
  const { judges, comesPerSec } = settings;
  const comesSec = comesPerSec === undefined ? 0 : Math.ceil(load / comesPerSec);
  const sec = comesSec + ownLength(settings, role);
  if (judges === undefined || role === "warmup") return sec;
  const judgedSec = Math.max(judges.sec ?? 0, judges.least / (judges.perSec ?? load));
  return Math.max(sec, comesSec + lengthOfJudged(judgedSec));
}

function ownLength(settings: SearchSettings, role: TrialRole): number {
  switch (role) {
    case "narrow":
      return settings.trialSec;
    case "prove":
      return settings.proveSec;
    default:
      return settings.probeSec;
  }
}

function costOf(search: Search, wanted: Wanted): number {
  return lengthOf(search, wanted) + betweenSec(search);
}

/** What a trial takes beside its own length and the making of what it sends: as it was so far. */
export function betweenSec({ settings, trials, spentSec }: Search): number {
  if (trials.length === 0) return settings.betweenSec;
  const ownSec = trials.reduce((sum, { lengthSec, madeSec = 0 }) => sum + lengthSec + madeSec, 0);
  return Math.max(0, spentSec - ownSec) / trials.length;
}
