/** Two capacities beside each other: of two relays whose trials were made in turn. */
import type { CapacityResult } from "../../capacity/result.ts";
import type { Searched } from "./answer.ts";
import { byLoad, type LoadVotes } from "./by-load.ts";

/**
 * `same`: the intervals meet, so that no difference can be told. `unknown`: of one of them no load held, or its
 * trials contradict each other.
 */
export type CapacityDifference =
  | {
      readonly kind: "more" | "less";
      /** How much more the first takes, at least: of the nearer ends of the intervals. */
      readonly least: number;
      /** Of the last passing loads. */
      readonly told: number;
    }
  | { readonly kind: "same" | "unknown" };

/** Of the first relay, held against the other. */
export function compareCapacities(
  { result: a }: Pick<Searched, "result">,
  { result: b }: Pick<Searched, "result">,
): CapacityDifference {
  const [lo, other] = [a.lastPassing, b.lastPassing];
  if (lo === null || other === null || a.suspect !== null || b.suspect !== null) {
    return { kind: "unknown" };
  }
  const told = lo / other - 1;
  if (isBelow(b, lo)) return { kind: "more", least: lo / (b.interval[1] ?? lo) - 1, told };
  if (isBelow(a, other)) return { kind: "less", least: 1 - (a.interval[1] ?? other) / other, told };
  return { kind: "same" };
}

/** Its capacity lies below a load that the other one took. */
function isBelow({ interval: [, most] }: CapacityResult, load: number): boolean {
  return most !== null && most <= load;
}

/** Loads that both relays were tried with, rising. */
export function sharedLoads(
  a: Pick<Searched, "trials">,
  b: Pick<Searched, "trials">,
): readonly (readonly [LoadVotes, LoadVotes])[] {
  const others = byLoad(b.trials);
  return byLoad(a.trials).flatMap((own) => {
    const other = others.find(({ load }) => load === own.load);
    return other === undefined ? [] : [[own, other] as const];
  });
}
