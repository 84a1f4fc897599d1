/** What a search needs from here on, as far as it can be foreseen: events are signed for many trials at once. */
import { betweenSec, next, type Planned, record } from "./search.ts";
import { boundsOf, type Search } from "./state.ts";

/** While nothing fails: for loads up to so many times the highest that passed. */
const PROBED_AHEAD = 4;

export interface Supply {
  readonly eventsOf: (trial: Planned) => number;
  /** Signed and not sent yet. */
  readonly left: number;
  readonly signedPerSec: number;
  /** Each trial sends the same again, to a relay that was emptied. */
  readonly isReused: boolean;
}

/** Events of the trials that are foreseen and for which there is time, with those that are left; of one at least. */
export function eventsAhead(search: Search, supply: Supply): number {
  const apartSec = betweenSec(search);
  let trialsSec = 0;
  const trials: Planned[] = [];
  for (const trial of foresee(search)) {
    trialsSec += trial.lengthSec + apartSec;
    const neededSec = trialsSec + signingSec([...trials, trial], supply);
    const isInTime = search.spentSec + neededSec <= search.settings.budgetSec;
    if (trials.length > 0 && !isInTime) break;
    trials.push(trial);
  }
  return eventsOfAll(trials, supply);
}

/** To sign what trials send beyond what is left. */
export function signingSec(trials: readonly Planned[], supply: Supply): number {
  return Math.max(0, eventsOfAll(trials, supply) - supply.left) / supply.signedPerSec;
}

function eventsOfAll(trials: readonly Planned[], { eventsOf, isReused }: Supply): number {
  const each = trials.map(eventsOf);
  return isReused ? Math.max(0, ...each) : each.reduce((sum, events) => sum + events, 0);
}

/** A while of probes before anything failed; else to the end, for a relay that takes what lies between the bounds. */
function foresee(before: Search): readonly Planned[] {
  const { lo, hi } = boundsOf(before);
  const { open, settings } = before;
  const failing = hi ?? (open !== null && open.fails > 0 ? open.load : null);
  const taken =
    failing === null ? Number.POSITIVE_INFINITY : Math.sqrt((lo ?? failing / 2) * failing);
  const most = failing === null ? (lo ?? settings.from) * PROBED_AHEAD : Number.POSITIVE_INFINITY;
  const trials: Planned[] = [];
  let search = before;
  for (;;) {
    const step = next(search);
    if (step.kind === "end" || step.load > most) return trials;
    const { role, load, lengthSec } = step;
    trials.push({ load, lengthSec });
    search = record(search, {
      ...{ number: search.trials.length + 1, role, load, lengthSec, failed: [] },
      tookSec: lengthSec + betweenSec(search),
      verdict: load <= taken ? "pass" : "fail",
    });
  }
}
