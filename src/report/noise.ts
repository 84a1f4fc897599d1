/**
 * The noise band: the range of a figure over ten equal parts of the window. It needs no second run and
 * assumes no distribution; a drift over the run widens it, as it should.
 */
import { timeKey } from "../measure/book.ts";
import { CLASS_NAMES, type ClassName, classOf, type RowNames } from "../measure/classes.ts";
import { Histogram, quantile } from "../measure/histogram.ts";
import type { Slice } from "../measure/slice.ts";
import type { Band, ClassNoise, Noise } from "./types.ts";

const PARTS = 10;

interface Part {
  /** Of the class's first time. */
  readonly times: Histogram;
  done: number;
}

/** Of the classes that send by a schedule; the rows of the warm-up do not count. */
export function noiseOf(
  slices: readonly Slice[],
  names: RowNames,
  sliceMs: number,
  durationMs: number,
): Noise {
  const classes = CLASS_NAMES.flatMap((name): (readonly [ClassName, ClassNoise])[] => {
    const rows = names[name];
    return rows === undefined
      ? []
      : [[name, noiseOfClass(name, slices, rows.length, { sliceMs, durationMs })]];
  });
  return { parts: PARTS, classes: Object.fromEntries(classes) };
}

function noiseOfClass(
  name: ClassName,
  slices: readonly Slice[],
  rows: number,
  { sliceMs, durationMs }: { readonly sliceMs: number; readonly durationMs: number },
): ClassNoise {
  const { columns, done, times } = classOf(name);
  const [first = ""] = Object.keys(times);
  const column = columns.indexOf(done);
  const parts: Part[] = Array.from({ length: PARTS }, () => ({ times: new Histogram(), done: 0 }));
  for (const slice of slices) {
    const part = parts[Math.floor(((slice.index + 0.5) * sliceMs * PARTS) / durationMs)];
    if (part === undefined || slice.index < 0) continue;
    for (const [row, ...cells] of slice.classes[name] ?? []) {
      if (row < rows) part.done += cells[column] ?? 0;
    }
    for (let row = 0; row < rows; row++) {
      const data = slice.histograms[timeKey(name, first, row)];
      if (data) part.times.add(data);
    }
  }
  const partSec = durationMs / PARTS / 1_000;
  const percentile = (q: number) => band(parts.map((p) => quantile(p.times.toData(), q)));
  return {
    responseP50: percentile(0.5),
    responseP99: percentile(0.99),
    donePerSec: band(parts.map((p) => p.done / partSec)),
  };
}

function band(values: readonly (number | null)[]): Band {
  const known = values.filter((v) => v !== null);
  if (known.length < values.length) return null;
  return [round(Math.min(...known)), round(Math.max(...known))];
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
