/** Relays as models, for searches in virtual time: a load and a length in, a trial out. */
import { judgedSec } from "../src/capacity/precision.ts";
import { BACKLOG, type SearchSettings, type Trial } from "../src/capacity/result.ts";
import { next, record, startSearch } from "../src/capacity/search.ts";
import type { Search, Tried } from "../src/capacity/state.ts";
import { leastGrowth } from "../src/report/findings/backlog.ts";

export const SETTINGS: SearchSettings = {
  scale: "rate",
  from: 50,
  to: null,
  ceiling: null,
  least: 1,
  precision: 0.05,
  trialSec: 30,
  probeSec: 10,
  proveSec: 60,
  repeats: 3,
  budgetSec: 1_800,
  betweenSec: 5,
  quick: false,
};

interface Asked {
  readonly load: number;
  readonly lengthSec: number;
  /** Of the trial, from 1. */
  readonly number: number;
}

export type Model = (
  asked: Asked,
) => Pick<Trial, "verdict"> & Partial<Pick<Trial, "failed" | "died">>;

const P99 = "nostr_publish_response_time: p(99)<1000";

/** A queue before a bucket of so many tokens a second. */
export function bucket(capacityOf: (asked: Asked) => number): Model {
  return (asked) => {
    const { load, lengthSec } = asked;
    const capacity = capacityOf(asked);
    const growth = Math.max(0, load - capacity);
    const waitedMs = ((growth * lengthSec) / capacity) * 1_000;
    if (waitedMs >= 1_000) return fails(P99, waitedMs, 1_000);
    const limit = leastGrowth(judgedSec(lengthSec));
    return growth / load >= limit ? fails(BACKLOG, growth / load, limit) : { verdict: "pass" };
  };
}

function fails(threshold: string, value: number, limit: number): ReturnType<Model> {
  return { verdict: "fail", failed: [{ threshold, value, limit }] };
}

/** Goes on until the search ends, or `most` trials were made. */
export function searchIn(
  model: Model,
  settings: Partial<SearchSettings> = {},
  most = Number.POSITIVE_INFINITY,
): { search: Search; trials: readonly Tried[] } {
  let search = startSearch({ ...SETTINGS, ...settings });
  for (let number = 1; number <= most; number++) {
    const step = next(search);
    if (step.kind === "end") break;
    const { role, load, lengthSec } = step;
    const judged = model({ load, lengthSec, number });
    const tookSec = lengthSec + 5;
    search = record(search, { number, role, load, lengthSec, tookSec, failed: [], ...judged });
  }
  return { search, trials: search.trials };
}

export function resultIn(model: Model, settings: Partial<SearchSettings> = {}) {
  const { search, trials } = searchIn(model, settings);
  const step = next(search);
  if (step.kind !== "end") throw new Error("the search did not end");
  return { result: step.result, trials, spentSec: search.spentSec };
}

/** Of the trials, shortly: `p800f` is a probe at 800 that failed. */
export function linesOf(trials: readonly Tried[]): string {
  return trials.map(({ role, load, verdict }) => `${role[0]}${load}${verdict[0]}`).join(" ");
}
