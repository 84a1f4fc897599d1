/**
 * Least squares with 95 % intervals. What a process shows from second to second hangs together (a heap grows and is
 * collected): the intervals are widened as if there were fewer looks, by the correlation of neighbours.
 */
import { studentPoint } from "./compare/student.ts";
import type { Estimate } from "./cost-types.ts";

/** Fewer looks behind each coefficient make no estimate. */
const LEAST_SPARE = 3;
const MOST_CORRELATION = 0.9;

/**
 * The slope of `y` on each column, a constant beside them; `null` where there are too few looks, or the columns can't be
 * told apart. The looks are in order of time.
 */
export function regress(
  columns: readonly (readonly number[])[],
  y: readonly number[],
): readonly Estimate[] | null {
  const n = y.length;
  const width = columns.length + 1;
  if (n < width + LEAST_SPARE) return null;
  const means = columns.map(mean);
  const rows = y.map((_, i) => [1, ...columns.map((of, k) => (of[i] ?? 0) - (means[k] ?? 0))]);
  const inverse = invert(productOf(rows, width));
  if (inverse === null) return null;
  const moments = Array.from({ length: width }, (_, k) =>
    rows.reduce((sum, row, i) => sum + (row[k] ?? 0) * (y[i] ?? 0), 0),
  );
  const slopes = inverse.map((row) => dot(row, moments));
  const residuals = rows.map((row, i) => (y[i] ?? 0) - dot(row, slopes));
  const squares = dot(residuals, residuals);
  const correlation = correlationOf(residuals, squares);
  const widening = (1 + correlation) / (1 - correlation);
  const degrees = Math.max(1, (n - width) / widening);
  const point = studentPoint(0.05, degrees);
  return slopes.slice(1).map((value, k) => {
    const variance = (squares / (n - width)) * (inverse[k + 1]?.[k + 1] ?? 0) * widening;
    const reach = point * Math.sqrt(Math.max(0, variance));
    return { value, low: value - reach, high: value + reach, looks: n };
  });
}

/** Of each residual with the one before it; what swings to and fro widens nothing. */
function correlationOf(residuals: readonly number[], squares: number): number {
  if (squares === 0) return 0;
  const products = residuals.reduce((sum, one, i) => sum + one * (residuals[i - 1] ?? 0), 0);
  return Math.min(MOST_CORRELATION, Math.max(0, products / squares));
}

function productOf(rows: readonly (readonly number[])[], width: number): number[][] {
  return Array.from({ length: width }, (_, a) =>
    Array.from({ length: width }, (_, b) =>
      rows.reduce((sum, row) => sum + (row[a] ?? 0) * (row[b] ?? 0), 0),
    ),
  );
}

/** By Gauss and Jordan, largest pivot first; `null` of a matrix that has no inverse to speak of. */
function invert(matrix: readonly (readonly number[])[]): readonly (readonly number[])[] | null {
  const size = matrix.length;
  const scale = matrix.map((row, i) => Math.abs(row[i] ?? 0));
  const work = matrix.map((row, i) => [...row, ...row.map((_, k) => (k === i ? 1 : 0))]);
  for (let column = 0; column < size; column++) {
    const below = work.slice(column).map((row) => Math.abs(row[column] ?? 0));
    const at = column + below.indexOf(Math.max(...below));
    const pivotRow = work[at] ?? [];
    const pivot = pivotRow[column] ?? 0;
    if (Math.abs(pivot) <= (scale[column] ?? 0) * 1e-9) return null;
    work[at] = work[column] ?? [];
    const own = pivotRow.map((value) => value / pivot);
    work[column] = own;
    for (let r = 0; r < size; r++) {
      if (r === column) continue;
      const row = work[r] ?? [];
      const factor = row[column] ?? 0;
      work[r] = row.map((value, k) => value - factor * (own[k] ?? 0));
    }
  }
  return work.map((row) => row.slice(size));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
