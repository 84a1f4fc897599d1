/**
 * Least squares with a 95 % interval. What a process shows from second to second hangs together (a heap grows and is
 * collected): the interval is widened as if there were fewer looks, by the correlation of neighbours.
 */
import { studentPoint } from "./compare/student.ts";
import type { Estimate } from "./cost-types.ts";

/** Fewer make no estimate. */
const LEAST_LOOKS = 5;
const MOST_CORRELATION = 0.9;

export interface Look {
  readonly x: number;
  readonly y: number;
}

/** The slope of `y` over `x`, looks in order of time; `null` where there are too few, or `x` never changes. */
export function slopeOf(looks: readonly Look[]): Estimate | null {
  const n = looks.length;
  if (n < LEAST_LOOKS) return null;
  const [middleX, middleY] = [meanOf(looks.map(({ x }) => x)), meanOf(looks.map(({ y }) => y))];
  const spread = sumOf(looks.map(({ x }) => (x - middleX) ** 2));
  if (spread === 0) return null;
  const value = sumOf(looks.map(({ x, y }) => (x - middleX) * (y - middleY))) / spread;
  const left = looks.map(({ x, y }) => y - middleY - value * (x - middleX));
  const squares = sumOf(left.map((one) => one ** 2));
  const together = sumOf(left.map((one, i) => one * (left[i - 1] ?? 0)));
  // What swings to and fro widens nothing.
  const correlation =
    squares === 0 ? 0 : Math.min(MOST_CORRELATION, Math.max(0, together / squares));
  const widening = (1 + correlation) / (1 - correlation);
  const degrees = Math.max(1, (n - 2) / widening);
  const error = Math.sqrt((squares / (n - 2) / spread) * widening);
  const reach = studentPoint(0.05, degrees) * error;
  return { value, low: value - reach, high: value + reach, looks: n };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}
