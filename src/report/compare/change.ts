/**
 * How much one figure changed between two sets of runs, with the interval that noise allows. From three
 * runs a side on, Student's interval over the runs: over the differences of runs made in turn, else
 * Welch's. What two runs differ by is the noise that counts, and no number of samples within one run
 * shows it; but a few runs may agree by chance, so the interval is never narrower than their samples
 * allow. With fewer runs it is the band of tenths that each report states of itself, twice as wide: it
 * can't know how runs differ.
 */
import type { Report } from "../types.ts";
import type { FigureKind } from "./figures.ts";
import { MANY, studentPoint } from "./student.ts";

/** Runs a side from which their spread is known well enough. */
export const ENOUGH_RUNS = 3;
const BAND_WIDENING = 2;

/** On the figure's scale: shares as they are, else logarithms. */
export interface Change {
  readonly middle: number;
  readonly half: number;
}

export interface Sides {
  readonly base: readonly Report[];
  readonly next: readonly Report[];
  /** The i-th runs of both sides were made in turn. */
  readonly paired: boolean;
}

/** `a` and `b`: the figure of each run, on its scale. `null` when nothing tells the noise. */
export function changeOf(
  kind: FigureKind,
  sides: Sides,
  [a, b]: readonly [readonly number[], readonly number[]],
  alpha: number,
): Change | null {
  const middle = mean(b) - mean(a);
  const sampled = sampledHalf(kind, sides, alpha);
  if (Math.min(a.length, b.length) < ENOUGH_RUNS) {
    const band = widestBand(kind, [...sides.base, ...sides.next]);
    return band === null ? null : { middle, half: Math.max(band, sampled) };
  }
  const { error, degrees } = sides.paired ? pairedError(a, b) : welchError(a, b);
  return { middle, half: Math.max(studentPoint(alpha, degrees) * error, sampled) };
}

/** What the samples of the runs alone leave open. */
export function sampledHalf(kind: FigureKind, { base, next }: Sides, alpha: number): number {
  const error = Math.hypot(samplingError(kind, base), samplingError(kind, next));
  return studentPoint(alpha, MANY) * error;
}

function pairedError(a: readonly number[], b: readonly number[]) {
  const steps = b.map((value, i) => value - (a[i] ?? value));
  return { error: Math.sqrt(squaredError(steps)), degrees: steps.length - 1 };
}

/** Welch's error with Satterthwaite's degrees of freedom. */
function welchError(a: readonly number[], b: readonly number[]) {
  const [ofA, ofB] = [squaredError(a), squaredError(b)];
  const spread = ofA ** 2 / (a.length - 1) + ofB ** 2 / (b.length - 1);
  const degrees = spread === 0 ? a.length + b.length - 2 : (ofA + ofB) ** 2 / spread;
  return { error: Math.sqrt(ofA + ofB), degrees };
}

/** Of the mean over runs. */
function samplingError(kind: FigureKind, reports: readonly Report[]): number {
  return Math.hypot(...reports.map(kind.samplingError)) / reports.length;
}

/** Half the widest of the reports' own bands, widened; a share has none and needs none. */
function widestBand(kind: FigureKind, reports: readonly Report[]): number | null {
  if (kind.unit === "share") return 0;
  let widest = 0;
  for (const report of reports) {
    const band = kind.band(report);
    if (band === null || band[0] <= 0) return null;
    widest = Math.max(widest, Math.log(band[1] / band[0]) / 2);
  }
  return BAND_WIDENING * widest;
}

/** The squared standard error of the values' mean. */
function squaredError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, v) => sum + (v - middle) ** 2, 0);
  return squares / (values.length - 1) / values.length;
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
