/** Compares two sets of runs: may they be compared at all, then figure by figure. */
import { EXIT } from "../verdict.ts";
import { findNotes, findObstacles } from "./comparable.ts";
import { figureKinds } from "./figures.ts";
import { ENOUGH_RUNS, type Judging, judgeFigure, UNSEEN } from "./judge.ts";
import { COMPARISON_SCHEMA, type ComparedFigure, type Comparison, type RunSet } from "./types.ts";

export const DEFAULT_TOLERANCE = 0.1;

/** `paired`: the runs were made in turn, the i-th of each set belongs together. */
export function compareSets(base: RunSet, next: RunSet, judging: Judging): Comparison {
  const obstacles = findObstacles(base, next);
  const first = base.reports[0];
  const figures =
    obstacles.length > 0 || first === undefined
      ? []
      : figureKinds(first).map((kind) => judgeFigure(kind, base, next, judging));
  const runs = Math.min(base.reports.length, next.reports.length);
  const isPaired = judging.paired && base.reports.length === next.reports.length;
  return {
    schema: COMPARISON_SCHEMA,
    verdict: overall(figures),
    base: { label: base.label, runs: base.reports.map((r) => r.run.id) },
    next: { label: next.label, runs: next.reports.map((r) => r.run.id) },
    noise:
      runs < ENOUGH_RUNS ? "tenths of single runs" : isPaired ? "paired runs" : "repeated runs",
    tolerance: judging.tolerance,
    obstacles,
    notes: obstacles.length > 0 ? [] : [...findNotes(base, next), ...unseen(figures)],
    figures,
  };
}

/** 0: no regression; 99: a regression; 3: not comparable. */
export function comparisonExitCode({ verdict }: Comparison): number {
  if (verdict === "notComparable") return EXIT.invalid;
  return verdict === "worse" ? EXIT.threshold : EXIT.ok;
}

function unseen(figures: readonly ComparedFigure[]): readonly string[] {
  const hidden = figures.filter(({ why }) => why === UNSEEN).map(({ name }) => name);
  if (hidden.length === 0) return [];
  return [
    `noise would hide a change of twice the least effect in ${hidden.length} of ${figures.length} figures (${hidden.slice(0, 4).join(", ")}${hidden.length > 4 ? ", …" : ""}): take more or longer runs`,
  ];
}

function overall(figures: readonly ComparedFigure[]): Comparison["verdict"] {
  const has = (verdict: Comparison["verdict"]) => figures.some((f) => f.verdict === verdict);
  if (has("worse")) return "worse";
  // Accepted rate and shares compare nearly always; without a single latency they say too little.
  const latencies = figures.filter((f) => f.unit === "ms");
  if (latencies.every((f) => f.verdict === "notComparable")) return "notComparable";
  return has("better") ? "better" : "same";
}
