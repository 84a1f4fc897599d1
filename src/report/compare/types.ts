/** What a comparison of two sets of runs says: one verdict a figure, and one for all. */
import type { Report } from "../types.ts";

export const COMPARISON_SCHEMA = "k6-nostr/comparison@1";

export type Verdict = "better" | "worse" | "same" | "notComparable";

/** Runs of one plan against one relay; the seeds may differ. */
export interface RunSet {
  readonly label: string;
  readonly reports: readonly Report[];
}

export interface ComparedFigure {
  /** Such as `service p50` or `view response p99`. */
  readonly name: string;
  readonly unit: "ms" | "share" | `${string}/s`;
  /** Means over the runs of a set, geometric ones but for shares: `change` is their ratio. */
  readonly base: number | null;
  readonly next: number | null;
  /** `next / base − 1`; for shares `next − base`. */
  readonly change: number | null;
  /** Between these the true change lies, as far as noise lets one know. */
  readonly interval: readonly [number, number] | null;
  /** The smallest change that these runs could have shown; never less than `leastEffect`. */
  readonly seenFrom: number | null;
  /** Below this a change is not called one. */
  readonly leastEffect: number;
  readonly verdict: Verdict;
  readonly why: string;
}

export interface Comparison {
  readonly schema: typeof COMPARISON_SCHEMA;
  readonly verdict: Verdict;
  readonly base: { readonly label: string; readonly runs: readonly string[] };
  readonly next: { readonly label: string; readonly runs: readonly string[] };
  /** Where the noise band comes from. */
  readonly noise: "paired runs" | "repeated runs" | "tenths of single runs";
  readonly tolerance: number;
  /** Why the sets can't be compared; empty when they can. */
  readonly obstacles: readonly string[];
  readonly notes: readonly string[];
  readonly figures: readonly ComparedFigure[];
}
