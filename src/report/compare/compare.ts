/** Compares two sets of runs: which runs count, may they be compared at all, then figure by figure. */
import { EXIT } from "../verdict.ts";
import { ENOUGH_RUNS, type Sides } from "./change.ts";
import { findNotes, findObstacles } from "./comparable.ts";
import { type FigureKind, figureKinds } from "./figures.ts";
import { ERROR, judgeFigure, UNSEEN } from "./judge.ts";
import { COMPARISON_SCHEMA, type ComparedFigure, type Comparison, type RunSet } from "./types.ts";
import { chooseRuns } from "./usable.ts";

export const DEFAULT_TOLERANCE = 0.1;

export interface CompareOptions {
  /** The runs were made in turn, the i-th of each set belongs together. */
  readonly paired: boolean;
  /** Least relative change that counts, for medians. */
  readonly tolerance: number;
}

export function compareSets(
  base: RunSet,
  next: RunSet,
  { paired, tolerance }: CompareOptions,
): Comparison {
  const { sides, left } = chooseRuns(base.reports, next.reports, paired);
  const unlike = findObstacles(sides.base, sides.next);
  const figures = unlike.length > 0 ? [] : judgeAll(sides, tolerance);
  const obstacles = unlike.length > 0 ? unlike : blindness(figures);
  const runs = Math.min(sides.base.length, sides.next.length);
  return {
    schema: COMPARISON_SCHEMA,
    verdict: obstacles.length > 0 ? "notComparable" : overall(figures),
    base: { label: base.label, runs: sides.base.map((r) => r.run.id) },
    next: { label: next.label, runs: sides.next.map((r) => r.run.id) },
    noise:
      runs < ENOUGH_RUNS ? "tenths of single runs" : sides.paired ? "paired runs" : "repeated runs",
    tolerance,
    obstacles,
    notes: [
      ...left,
      ...(unlike.length > 0 ? [] : [...findNotes(sides.base, sides.next), ...unseen(figures)]),
    ],
    figures,
  };
}

/** 0: no regression; 99: a regression; 3: not comparable. */
export function comparisonExitCode({ verdict }: Comparison): number {
  if (verdict === "notComparable") return EXIT.invalid;
  return verdict === "worse" ? EXIT.threshold : EXIT.ok;
}

/** Judges each figure at its family's share of the chance of error. */
function judgeAll(sides: Sides, tolerance: number): readonly ComparedFigure[] {
  const all = [...sides.base, ...sides.next];
  const [first] = all;
  if (first === undefined) return [];
  const kinds = figureKinds(first);
  const isRead = (kind: FigureKind) => all.every((report) => kind.read(report) !== null);
  const count = (family: string) =>
    kinds.filter((kind) => kind.family === family && isRead(kind)).length;
  const counts = { median: 1, run: count("run"), part: count("part") };
  return kinds.map((kind) =>
    judgeFigure(kind, sides, { tolerance, alpha: ERROR / Math.max(1, counts[kind.family]) }),
  );
}

function unseen(figures: readonly ComparedFigure[]): readonly string[] {
  const hidden = figures.filter(({ why }) => why === UNSEEN).map(({ name }) => name);
  if (hidden.length === 0) return [];
  return [
    `noise would hide a change of twice the least effect in ${hidden.length} of ${figures.length} figures (${hidden.slice(0, 4).join(", ")}${hidden.length > 4 ? ", …" : ""}): take more or longer runs`,
  ];
}

/** Whatever else compares, "the same" is not true while one of the run's medians can't be told. */
function blindness(figures: readonly ComparedFigure[]): readonly string[] {
  if (figures.some(({ verdict }) => verdict === "worse")) return [];
  return figures
    .filter(({ name, verdict }) => MEDIANS.includes(name) && verdict === "notComparable")
    .map(({ name, why }) => `${name}: ${why}`);
}

const MEDIANS: readonly string[] = ["service p50", "response p50"];

function overall(figures: readonly ComparedFigure[]): Comparison["verdict"] {
  const has = (verdict: Comparison["verdict"]) => figures.some((f) => f.verdict === verdict);
  if (has("worse")) return "worse";
  return has("better") ? "better" : "same";
}
