/** The arrivals of this VU, all of them from the run's seed: the same name gives the same ones. */
import { type Arrivals, createArrivals } from "../../src/load/arrivals.ts";
import { seededRandom } from "../../src/random.ts";
import type { Ground } from "./driver.ts";

export interface ArrivalsOptions {
  readonly name: string;
  readonly ratePerSecond: number;
  /** They go on for so long behind the window's end. */
  readonly behindMs?: number;
}

/** Ms from the schedule's start, rising; see `createArrivals`. */
export function arrivalsOf(
  { plan, share }: Pick<Ground, "plan" | "share">,
  { name, ratePerSecond, behindMs = 0 }: ArrivalsOptions,
): Arrivals {
  return createArrivals({
    kind: plan.arrival,
    ratePerSecond,
    durationMs: (plan.warmupSec + plan.durationSec) * 1_000 + behindMs,
    share,
    shares: plan.vus,
    random: seededRandom(plan.seed, `${name}/${share}`),
  });
}
