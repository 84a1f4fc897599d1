/**
 * Is a change beyond noise, and large enough to matter? Many figures are looked at, and each is a chance
 * to be wrong: the run's two medians are judged at 99 % each, its other figures share one error of 1 %
 * among them (Bonferroni), and so do those of its parts. One run that the machine disturbed widens an
 * interval; so of the medians ranks count as well: five runs a side of which every one of one side lies
 * beyond every one of the other, and of the whole run's figures three or four with a gap between (apart.ts). Where noise would hide several times the least effect there is no verdict.
 */
import { type Apart, findApart, RANK_RUNS } from "./apart.ts";
import { type Change, changeOf, ENOUGH_RUNS, mean, type Sides } from "./change.ts";
import type { FigureKind } from "./figures.ts";
import type { ComparedFigure, Verdict } from "./types.ts";

/** Of a median, and shared by the other figures of a family. */
export const ERROR = 0.01;
/** Least difference of a share that counts: half of the default threshold on failures. */
const LEAST_SHARE = 0.005;
/** Below this many ms a difference is the generator's. */
const LEAST_MS = 0.02;
/** Times the least effect that noise may hide: above the first it is said, above the second it is no verdict. */
const SAID = 2;
const TOO_NOISY = 5;
/** The same only as far as can be seen. */
export const UNSEEN = "within noise that hides much: take more runs";

export interface Judging {
  /** Least relative change that counts, for medians. */
  readonly tolerance: number;
  /** Chance of an error that the figure may take. */
  readonly alpha: number;
}

/** Judges one figure over two sets of runs. */
export function judgeFigure(kind: FigureKind, sides: Sides, judging: Judging): ComparedFigure {
  const a = known(sides.base.map(kind.read));
  const b = known(sides.next.map(kind.read));
  const isShare = kind.unit === "share";
  const leastEffect = isShare ? LEAST_SHARE : judging.tolerance * kind.slack;
  const [scale, back] = isShare
    ? [(v: number) => v, (v: number) => v]
    : [(v: number) => Math.log(v), Math.expm1];
  const middle = (values: readonly number[]) =>
    isShare ? mean(values) : Math.exp(mean(values.map(scale)));
  const blank = { name: kind.name, unit: kind.unit, leastEffect };
  const nothing = {
    ...blank,
    base: null,
    next: null,
    change: null,
    interval: null,
    seenFrom: null,
    verdict: "notComparable" as const,
  };
  if (a === null || b === null) return { ...nothing, why: "too few samples" };
  if (!isShare && [...a, ...b].some((v) => v <= 0)) {
    return { ...nothing, why: "a value of 0 has no ratio" };
  }
  const means = { base: middle(a), next: middle(b) };
  const isFew = isFewRuns(kind, a, b);
  // Their order is a second chance to be wrong.
  const alpha = isFew ? judging.alpha / 2 : judging.alpha;
  const change = changeOf(kind, sides, [a.map(scale), b.map(scale)], alpha);
  if (change === null) {
    return { ...nothing, ...means, why: "no noise band: a tenth had no answer" };
  }
  const figure = {
    ...blank,
    ...means,
    change: back(change.middle),
    interval: [back(change.middle - change.half), back(change.middle + change.half)] as const,
    seenFrom: Math.max(leastEffect, back(change.half)),
  };
  const beyond = isBeyond(kind, change, a, b);
  const apart =
    beyond === null && isFew
      ? findApart(kind, { sides, values: [a.map(scale), b.map(scale)], leastEffect, alpha })
      : null;
  if (apart === null) return { ...figure, ...verdictOf(kind, figure, beyond) };
  const shown = { ...figure, interval: intervalOf(apart), seenFrom: Math.expm1(apart.bound) };
  return { ...shown, ...verdictOf(kind, shown, "gap") };
}

function verdictOf(
  kind: FigureKind,
  { base, next, change, interval: [low, high], leastEffect }: Judged,
  beyond: Beyond | null,
): { readonly verdict: Verdict; readonly why: string } {
  if (beyond === null) {
    // The most that the figure may have got worse by without having been seen.
    const hidden = kind.worse === "higher" ? high : -low;
    if (hidden > TOO_NOISY * leastEffect) {
      return { verdict: "notComparable", why: "too noisy: take more runs, or a calmer machine" };
    }
    return { verdict: "same", why: hidden > SAID * leastEffect ? UNSEEN : "within noise" };
  }
  // A ratio falls by less than it rises: 1/1.1 is as far as 1.1.
  const least = kind.unit === "share" || change > 0 ? leastEffect : leastEffect / (1 + leastEffect);
  if (Math.abs(change) < least) return { verdict: "same", why: "below the least effect" };
  if (kind.unit === "ms" && Math.abs(next - base) < LEAST_MS) {
    return { verdict: "same", why: `less than ${LEAST_MS} ms` };
  }
  const isWorse = kind.worse === "higher" ? change > 0 : change < 0;
  return {
    verdict: isWorse ? "worse" : "better",
    why: REASONS[beyond],
  };
}

type Beyond = "interval" | "ranks" | "gap";

const REASONS: Readonly<Record<Beyond, string>> = {
  interval: "beyond noise and the least effect",
  ranks: "every run of one side is beyond every run of the other",
  gap: "every run of one side is beyond every run of the other, the nearest by more than noise within runs",
};

/** Too few for ranks alone; of the figures of the whole run. */
function isFewRuns(kind: FigureKind, a: readonly number[], b: readonly number[]): boolean {
  const runs = Math.min(a.length, b.length);
  return kind.unit !== "share" && kind.family !== "part" && runs >= ENOUGH_RUNS && runs < RANK_RUNS;
}

/** Of the nearest and the farthest pair of runs. */
function intervalOf({ nearest, farthest }: Apart): readonly [number, number] {
  return [Math.expm1(Math.min(nearest, farthest)), Math.expm1(Math.max(nearest, farthest))];
}

interface Judged {
  readonly base: number;
  readonly next: number;
  readonly change: number;
  readonly interval: readonly [number, number];
  readonly leastEffect: number;
}

function isBeyond(
  kind: FigureKind,
  { middle, half }: Change,
  a: readonly number[],
  b: readonly number[],
): Beyond | null {
  if (Math.abs(middle) > half) return "interval";
  return kind.family === "median" && areApart(a, b) ? "ranks" : null;
}

/** All of one side beyond all of the other: by chance twice in `n + m` over `n`, below 1 % from 5 and 5 on. */
function areApart(a: readonly number[], b: readonly number[]): boolean {
  if (Math.min(a.length, b.length) < RANK_RUNS) return false;
  return Math.max(...a) < Math.min(...b) || Math.max(...b) < Math.min(...a);
}

function known(values: readonly (number | null)[]): readonly number[] | null {
  const all = values.filter((v) => v !== null);
  return all.length < values.length || all.length === 0 ? null : all;
}
