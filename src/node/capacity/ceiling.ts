/** How many connections this machine can load with: its files, its ports, its memory, and what a plan admits. */
import { roundLoad } from "../../capacity/loads.ts";
import type { SearchSettings } from "../../capacity/result.ts";
import { SCALES } from "../../capacity/scales.ts";
import { ConfigError } from "../../errors.ts";
import type { Plan } from "../../plan/plan.ts";
import { judgeMachine, type MachineLimits } from "../preflight/machine.ts";

export interface MachineCeiling {
  readonly load: number;
  /** What there is not enough of beyond it. */
  readonly why: string;
}

/** So often the first load is doubled: beyond that nothing bounds it. */
const MOST_DOUBLINGS = 24;
/** The size of a pool has its own check, when it is made. */
const NO_POOL = { bytes: 0, isServed: true };

/** Why a plan can't be carried out on this machine; `null` where it can. */
export function whyImpossible(planOf: () => Plan, machine: MachineLimits): string | null {
  try {
    return (
      judgeMachine(planOf(), machine, NO_POOL).find(({ level }) => level === "stop")?.what ?? null
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n")[0] ?? "";
  }
}

/**
 * The highest load that a plan can be made of here, within the precision; `null` where more of it takes no more
 * connections, or nothing bounds them.
 */
export function ceilingOfMachine(
  settings: Pick<SearchSettings, "scale" | "from" | "precision">,
  planOf: (load: number) => Plan,
  machine: MachineLimits,
): MachineCeiling | null {
  const { scale, from } = settings;
  if (!SCALES[scale].connects) return null;
  const whyNot = (load: number) => whyImpossible(() => planOf(load), machine);
  let possible = from;
  let impossible = from;
  let why = whyNot(from);
  for (let doublings = 0; why === null && doublings < MOST_DOUBLINGS; doublings++) {
    possible = impossible;
    impossible *= 2;
    why = whyNot(impossible);
  }
  // That the first load is impossible is said by whoever makes its plan.
  if (why === null || impossible === from) return null;
  while (impossible / possible - 1 > settings.precision / 2) {
    const middle = roundLoad(Math.sqrt(possible * impossible), settings);
    if (middle <= possible || middle >= impossible) break;
    const not = whyNot(middle);
    if (not === null) possible = middle;
    else [impossible, why] = [middle, not];
  }
  return { load: possible, why };
}
