/** A file of events is played once: the window ends with them, or when it was told to end before. */
import { ConfigError } from "../errors.ts";
import { mostArrivals } from "../load/arrivals.ts";
import { formatCount, formatRate } from "../report/format.ts";
import { optionLabel } from "./options.ts";
import type { Plan } from "./plan.ts";

export interface Played {
  readonly plan: Plan;
  /** What is done with the events, in one line. */
  readonly note: string;
}

/**
 * Fits a plan's window to so many events, each a set of its own. `isGiven`: a person said how long the
 * window is, and it ends no later. Throws `ConfigError` where the events are too few for any window.
 */
export function playOnce(plan: Plan, events: number, isGiven: boolean): Played {
  const { rateEps, warmupSec, durationSec } = plan;
  const wholeSec = windowSec(plan, events);
  if (wholeSec < 1) {
    const warmup = warmupSec > 0 ? `, ${warmupSec} s of it for the warm-up` : "";
    throw new ConfigError(
      `${formatCount(events)} events last ${seconds(wholeSec + warmupSec)} at ${formatRate(rateEps)}${warmup}; a window takes 1 s at least\nLower ${optionLabel("rate")}${warmupSec > 0 ? ` or ${optionLabel("warmup")}` : ""}.`,
    );
  }
  const all = `${formatCount(events)} events`;
  if (isGiven && durationSec < wholeSec) {
    const sent = Math.min(events, Math.ceil(rateEps * (warmupSec + durationSec) - 1e-9));
    const first = plan.arrival === "poisson" ? `about ${formatCount(sent)}` : formatCount(sent);
    return { plan, note: `the first ${first} of ${all} are played, in ${seconds(durationSec)}` };
  }
  const fitted = { ...plan, durationSec: wholeSec };
  const asked =
    isGiven && durationSec > wholeSec ? ` of the ${seconds(durationSec)} asked for` : "";
  const most = plan.arrival === "poisson" ? " at most" : "";
  return {
    plan: fitted,
    note: `${all} are played once${most}, at ${formatRate(rateEps)} in ${seconds(wholeSec)}${asked}`,
  };
}

/** How long a window the events last for, behind the warm-up; rounded down by less than an event. */
function windowSec({ arrival, rateEps, vus, warmupSec }: Plan, events: number): number {
  // Each VU has an equal part of the events.
  const ofVu = Math.floor(events / vus);
  const arrivals = arrival === "constant" ? ofVu : surePoisson(ofVu);
  const perSec = rateEps < 1_000 ? 1e3 : 1e6;
  return Math.floor(((vus * arrivals) / rateEps - warmupSec) * perSec + 1e-6) / perSec;
}

/** The mean of a Poisson process that asks for no more than so many: `mostArrivals` turned round. */
function surePoisson(events: number): number {
  if (events <= mostArrivals("poisson", 0, 0)) return 0;
  return ((Math.sqrt(25 + 4 * (events - 6)) - 5) / 2) ** 2;
}

function seconds(sec: number): string {
  return `${Number(sec.toFixed(sec < 10 ? 2 : 1))} s`;
}
