/** What a search knows: made of its trials alone, in their order. */
import type { SearchSettings, Trial, TrialRole, TrialVerdict } from "./result.ts";

/**
 * What is held of a load. `refuted`: it failed its proof, behind a proof that had moved a bound: that is not asked
 * again. `generator`: the relay could not be loaded with so much.
 */
export type Standing = "pass" | "fail" | "refuted" | "generator" | "died";

/** What of a trial decides how the search goes on. */
export type Tried = Pick<
  Trial,
  "number" | "role" | "load" | "lengthSec" | "tookSec" | "madeSec" | "verdict" | "failed" | "died"
>;

/** So often a proof may move a bound; behind that the relay is too unsteady for a result. */
export const MOST_MOVES = 3;

/** A load that is not decided yet. */
export interface Open {
  readonly role: TrialRole;
  readonly load: number;
  readonly passes: number;
  readonly fails: number;
  readonly voids: number;
}

/** Both bounds in long trials, in turn. */
export interface Proof {
  readonly lo: number;
  /** `null` where nothing of the relay failed. */
  readonly hi: number | null;
  /** Of an estimate: lo, hi, lo. */
  readonly isShort: boolean;
  readonly done: readonly { readonly load: number; readonly verdict: TrialVerdict }[];
  /** Places of its order that are settled. */
  readonly places: number;
  /** At the place under way. */
  readonly failsHere: number;
  readonly voidsHere: number;
  readonly hiPasses: number;
  /** `null` while it goes on. */
  readonly proven: Proven | null;
}

/** What a proof said of the bounds. */
type Proven = "held" | "lo-failed" | "lo-void" | "hi-passed";

export interface Search {
  readonly settings: SearchSettings;
  readonly trials: readonly Tried[];
  readonly spentSec: number;
  readonly standings: ReadonlyMap<number, Standing>;
  readonly open: Open | null;
  readonly proof: Proof | null;
  /** So often a proof moved a bound. */
  readonly moves: number;
  /** The baseline was measured again, behind all. */
  readonly isClosed: boolean;
}

export interface Bounds {
  /** The highest load that passed below all that did not; `null` where none did. */
  readonly lo: number | null;
  /** The lowest that did not pass: a pass above it does not count. */
  readonly hi: number | null;
}

export function boundsOf({ standings }: Pick<Search, "standings">): Bounds {
  const loads = [...standings].sort(([a], [b]) => a - b);
  const failed = loads.find(([, standing]) => standing !== "pass");
  const hi = failed?.[0] ?? null;
  const passed = loads.filter(([load, s]) => s === "pass" && (hi === null || load < hi));
  return { lo: passed.at(-1)?.[0] ?? null, hi };
}

/** The highest load that is worth a trial. */
export function highestLoad({ to, ceiling }: SearchSettings): number {
  return Math.min(to ?? Number.POSITIVE_INFINITY, ceiling ?? Number.POSITIVE_INFINITY);
}
