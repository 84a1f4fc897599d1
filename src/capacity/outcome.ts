/** What a search says where it ends: the bounds, what bounds them, and why they may be doubted. */
import { midpoint } from "./loads.ts";
import type { CapacityResult, Inversion, Limit } from "./result.ts";
import {
  type Bounds,
  boundsOf,
  highestLoad,
  MOST_MOVES,
  type Search,
  type Tried,
} from "./state.ts";

/** `done`: there is nothing left to try. */
export type Ended = "done" | "budget" | Stopped;
export type Stopped = "interrupted" | "failed";

/** From so many passes above a fail on, none of the two can be relied on. */
const MANY_INVERSIONS = 2;
/** A load contradicts itself when so many trials, and such a share of them, say otherwise than the rest: one is chance. */
const CONTRADICTED = { trials: 2, share: 1 / 3 };

export function resultOf(search: Search, ended: Ended): CapacityResult {
  const bounds = boundsOf(search);
  const { lo, hi } = bounds;
  const limit = limitOf(search, bounds, ended);
  const inversions = inversionsOf(search, hi);
  const isInverted = inversions.length >= MANY_INVERSIONS;
  const contradicted = contradictedLoads(search);
  const doubtful = [
    ...(isInverted ? inversions.map(({ passed }) => passed) : []),
    ...contradicted.keys(),
  ];
  const { proof } = search;
  return {
    lastPassing: lo,
    firstFailing: hi,
    limit,
    failedThreshold: hi === null ? null : firstFailed(search.trials, hi),
    interval:
      doubtful.length > 0
        ? [Math.min(lo ?? 0, passingBelow(search, doubtful)), failingAbove(search, doubtful)]
        : [lo ?? 0, upperEnd(search, hi)],
    proven: proof?.proven === "held" && proof.lo === lo,
    suspect: suspectOf(search, isInverted ? inversions : [], contradicted),
    inversions,
    proof: proof?.done ?? [],
  };
}

function limitOf(search: Search, bounds: Bounds, ended: Ended): Limit {
  const { settings, standings } = search;
  const { lo, hi } = bounds;
  if ([...standings.values()].includes("died")) return "died";
  if (ended === "interrupted" || ended === "failed") return ended;
  if (!isReached(search, bounds) || (ended === "budget" && search.proof?.proven !== "held")) {
    return "budget";
  }
  if (hi === null) return lo === settings.to ? "to" : "generator";
  if (standings.get(hi) === "generator") return "generator";
  return lo === null ? "below" : "relay";
}

/** Nothing between the bounds is left that could be told from them. */
function isReached({ settings }: Search, { lo, hi }: Bounds): boolean {
  if (hi === null) return lo !== null && lo >= highestLoad(settings);
  return lo === null ? hi <= settings.least : midpoint(lo, hi, settings) === null;
}

/** The generator's limit says nothing of where the relay's lies. */
function upperEnd({ standings }: Search, hi: number | null): number | null {
  return hi === null || standings.get(hi) === "generator" ? null : hi;
}

function inversionsOf({ trials, standings }: Search, hi: number | null): readonly Inversion[] {
  if (hi === null || standings.get(hi) === "generator") return [];
  return trials
    .filter(({ role, load, verdict }) => role !== "warmup" && load > hi && verdict === "pass")
    .map(({ number, load }) => ({ trial: number, passed: load, failed: hi }));
}

function failingAbove({ standings }: Search, loads: readonly number[]): number | null {
  const highest = Math.max(...loads);
  const above = [...standings].filter(([load, held]) => load > highest && held !== "pass");
  return above.length === 0 ? null : Math.min(...above.map(([load]) => load));
}

function passingBelow({ standings }: Search, loads: readonly number[]): number {
  const lowest = Math.min(...loads);
  const below = [...standings].filter(([load, held]) => load < lowest && held === "pass");
  return Math.max(0, ...below.map(([load]) => load));
}

/**
 * Loads of an estimate that passed and failed too often for either to be chance, each with its trials. A whole search
 * asks so often that its majorities and its proof decide.
 */
function contradictedLoads({ settings, trials }: Search): ReadonlyMap<number, Votes> {
  const votes = new Map<number, Votes>();
  if (!settings.quick) return votes;
  for (const { load, role, verdict } of trials) {
    if (role === "warmup") continue;
    const { passes, fails } = votes.get(load) ?? { passes: 0, fails: 0 };
    votes.set(load, {
      passes: passes + Number(verdict === "pass"),
      fails: fails + Number(verdict === "fail"),
    });
  }
  const contradicted = [...votes].filter(([, { passes, fails }]) => {
    const fewer = Math.min(passes, fails);
    return fewer >= CONTRADICTED.trials && fewer / (passes + fails) >= CONTRADICTED.share;
  });
  return new Map(contradicted.sort(([a], [b]) => a - b));
}

interface Votes {
  readonly passes: number;
  readonly fails: number;
}

/** What most of the trials at a load missed by the most. */
function firstFailed(trials: readonly Tried[], load: number): string | null {
  const counts = new Map<string, number>();
  for (const trial of trials) {
    // What a void trial missed is its generator's.
    const isFail = trial.load === load && trial.verdict === "fail";
    const name = isFail ? trial.failed[0]?.threshold : undefined;
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

function suspectOf(
  { moves }: Search,
  inversions: readonly Inversion[],
  contradicted: ReadonlyMap<number, Votes>,
): string | null {
  if (inversions.length > 0) {
    const passed = inversions.map((one) => `trial ${one.trial} at ${one.passed}`).join(", ");
    return `${passed} passed above ${inversions[0]?.failed}, which failed: what the relay takes changed over the search`;
  }
  if (contradicted.size > 0) {
    const told = [...contradicted].map(
      ([load, { passes, fails }]) => `${load} passed ${passes} times and failed ${fails} times`,
    );
    return `${told.join(", ")}: what the relay takes here changes from trial to trial by more than the loads are apart`;
  }
  return moves > MOST_MOVES
    ? `the proof moved a bound ${moves} times: the same load passes and fails here`
    : null;
}
