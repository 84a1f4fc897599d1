/**
 * Is a change beyond noise? With three runs a side or more, a Student interval of 99 % over the runs
 * (Welch's with the smaller side's degrees of freedom, or over the pairs of runs made in turn): what two
 * runs differ by is the noise that counts, and no number of samples within one run shows it. One run that
 * the machine disturbed widens that interval; so five a side of which every run of one lies beyond every
 * run of the other count as well (a rank test at 99 %). With fewer,
 * the band of tenths that each report states of itself, twice as wide: it can't know how runs differ.
 */
import type { Report } from "../types.ts";
import type { FigureKind } from "./figures.ts";
import type { ComparedFigure, RunSet, Verdict } from "./types.ts";

export interface Judging {
  readonly paired: boolean;
  /** Least relative change that counts, for medians. */
  readonly tolerance: number;
}

/** Runs a side from which their spread is known well enough. */
export const ENOUGH_RUNS = 3;
/** Least difference of a share that counts: half of the default threshold on failures. */
const LEAST_SHARE = 0.005;
/** Below this many ms a difference is the generator's. */
const LEAST_MS = 0.02;
/** Runs a side from which ranks alone decide. */
const RANK_RUNS = 5;
const BAND_WIDENING = 2;
/** Said where noise would hide twice the least effect: the same only as far as can be seen. */
export const UNSEEN = "within noise that hides much: take more runs";
/** Two-sided 99 % points of Student's t for 1, 2, … degrees of freedom. */
const STUDENT = [63.66, 9.92, 5.84, 4.6, 4.03, 3.71, 3.5, 3.36, 3.25, 3.17];

/** Judges one figure over two sets of runs. */
export function judgeFigure(
  kind: FigureKind,
  base: RunSet,
  next: RunSet,
  judging: Judging,
): ComparedFigure {
  const a = known(base.reports.map(kind.read));
  const b = known(next.reports.map(kind.read));
  const leastEffect = kind.unit === "share" ? LEAST_SHARE : judging.tolerance * kind.slack;
  const blank = {
    name: kind.name,
    unit: kind.unit,
    base: a === null ? null : median(a),
    next: b === null ? null : median(b),
    leastEffect,
  };
  const nothing = { ...blank, change: null, interval: null, verdict: "notComparable" as const };
  if (a === null || b === null) return { ...nothing, why: "too few samples" };
  if (kind.unit !== "share" && [...a, ...b].some((v) => v <= 0)) {
    return { ...nothing, why: "a value of 0 has no ratio" };
  }
  const scale = kind.unit === "share" ? (v: number) => v : Math.log;
  const change = changeOf(a.map(scale), b.map(scale), base, next, kind, judging);
  if (change === null) return { ...nothing, why: "no noise band: a tenth had no answer" };
  const back = kind.unit === "share" ? (v: number) => v : Math.expm1;
  const seen = { ...blank, change: back(change.middle) };
  const interval = [back(change.middle - change.half), back(change.middle + change.half)] as const;
  const isBeyond = interval[0] > 0 || interval[1] < 0 || areApart(a, b);
  return { ...seen, interval, ...verdictOf(kind, seen, interval, isBeyond) };
}

interface Change {
  readonly middle: number;
  readonly half: number;
}

function changeOf(
  a: readonly number[],
  b: readonly number[],
  base: RunSet,
  next: RunSet,
  kind: FigureKind,
  { paired }: Judging,
): Change | null {
  if (Math.min(a.length, b.length) < ENOUGH_RUNS) {
    const half = singleNoise(kind, [...base.reports, ...next.reports], [median(a), median(b)]);
    return half === null ? null : { middle: median(b) - median(a), half };
  }
  if (paired && a.length === b.length) {
    const steps = b.map((value, i) => value - (a[i] ?? value));
    return { middle: mean(steps), half: student(steps.length) * Math.sqrt(squaredError(steps)) };
  }
  const half = student(Math.min(a.length, b.length)) * Math.sqrt(squaredError(a) + squaredError(b));
  return { middle: mean(b) - mean(a), half };
}

/** Widest of the reports' own bands, as a distance on the figure's scale. */
function singleNoise(
  kind: FigureKind,
  reports: readonly Report[],
  shares: readonly number[],
): number | null {
  if (kind.unit === "share") {
    // Three standard errors of a share that is at least one event.
    const samples = Math.min(...reports.map(kind.samples));
    const p = Math.max(1 / samples, ...shares);
    return 3 * Math.sqrt((2 * p * Math.max(0, 1 - p)) / samples);
  }
  const widths = reports.map((report) => {
    const band = kind.band(report);
    return band === null || band[0] <= 0 ? null : Math.log(band[1] / band[0]) / 2;
  });
  const all = known(widths);
  return all === null ? null : BAND_WIDENING * Math.max(...all);
}

function verdictOf(
  kind: FigureKind,
  figure: Pick<ComparedFigure, "base" | "next" | "change" | "leastEffect">,
  [low, high]: readonly [number, number],
  isBeyond: boolean,
): { readonly verdict: Verdict; readonly why: string } {
  const change = figure.change ?? 0;
  if (!isBeyond) {
    const hides = Math.max(-low, high) > 2 * figure.leastEffect;
    return { verdict: "same", why: hides ? UNSEEN : "within noise" };
  }
  // A ratio falls by less than it rises: 1/1.1 is as far as 1.1.
  const least =
    kind.unit === "share" || change > 0
      ? figure.leastEffect
      : figure.leastEffect / (1 + figure.leastEffect);
  if (Math.abs(change) < least) return { verdict: "same", why: "below the least effect" };
  const distance = Math.abs((figure.next ?? 0) - (figure.base ?? 0));
  if (kind.unit === "ms" && distance < LEAST_MS) {
    return { verdict: "same", why: `less than ${LEAST_MS} ms` };
  }
  const isWorse = kind.worse === "higher" ? change > 0 : change < 0;
  return { verdict: isWorse ? "worse" : "better", why: "beyond noise and the least effect" };
}

/** All of one side beyond all of the other: by chance twice in `n + m` over `n`, below 1 % from 5 and 5 on. */
function areApart(a: readonly number[], b: readonly number[]): boolean {
  if (Math.min(a.length, b.length) < RANK_RUNS) return false;
  return Math.max(...a) < Math.min(...b) || Math.max(...b) < Math.min(...a);
}

function student(runs: number): number {
  return STUDENT[Math.min(runs - 1, STUDENT.length) - 1] ?? Number.POSITIVE_INFINITY;
}

function squaredError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, v) => sum + (v - middle) ** 2, 0);
  return squares / (values.length - 1) / values.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? 0) + upper) / 2;
}

function known(values: readonly (number | null)[]): readonly number[] | null {
  const all = values.filter((v) => v !== null);
  return all.length < values.length || all.length === 0 ? null : all;
}
