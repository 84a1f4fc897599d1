/** Trials of a search by their load: how often it held, and what was measured there. */
import type { Trial, TrialFigures, TrialFinding } from "../../capacity/result.ts";

export interface LoadVotes {
  readonly load: number;
  /** In their order; a warm-up is none of them. */
  readonly trials: readonly Trial[];
  readonly passes: number;
  readonly fails: number;
  readonly voids: number;
}

/** Every load that was tried and judged, rising. */
export function byLoad(trials: readonly Trial[]): readonly LoadVotes[] {
  const judged = trials.filter(({ role }) => role !== "warmup");
  const loads = [...new Set(judged.map(({ load }) => load))].sort((a, b) => a - b);
  return loads.map((load) => votesAt(judged, load));
}

function votesAt(judged: readonly Trial[], load: number): LoadVotes {
  const trials = judged.filter((trial) => trial.load === load);
  const count = (verdict: Trial["verdict"]) => trials.filter((t) => t.verdict === verdict).length;
  return { load, trials, passes: count("pass"), fails: count("fail"), voids: count("void") };
}

/** Lowest, middle and highest of a figure over the trials that say something of the relay. */
export interface Spread {
  readonly least: number;
  readonly middle: number;
  readonly most: number;
}

export function spreadOf(
  trials: readonly Trial[],
  figure: (figures: TrialFigures) => number | null,
): Spread | null {
  const known = trials
    .filter(({ verdict }) => verdict !== "void")
    .flatMap(({ figures }) => figure(figures) ?? [])
    .sort((a, b) => a - b);
  const [least, most] = [known[0], known.at(-1)];
  const middle = known[Math.floor((known.length - 1) / 2)];
  if (least === undefined || most === undefined || middle === undefined) return null;
  return { least, middle, most };
}

/** A finding of several trials, with those that have it. */
export interface SharedFinding extends TrialFinding {
  readonly trials: readonly number[];
}

/** What the reports of these trials say, what most of them say first; of equals, what stands first in them. */
export function sharedFindings(trials: readonly Trial[]): readonly SharedFinding[] {
  const found = new Map<string, SharedFinding>();
  for (const { number, findings } of trials) {
    for (const finding of findings) {
      const before = found.get(finding.id);
      found.set(finding.id, {
        ...(before ?? finding),
        trials: [...(before?.trials ?? []), number],
      });
    }
  }
  return [...found.values()].sort((a, b) => b.trials.length - a.trials.length);
}
