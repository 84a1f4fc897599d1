/**
 * The noise band: the range of a figure over ten equal parts of the window. It needs no second run and
 * assumes no distribution; a drift over the run widens it, as it should.
 */
import { Histogram, quantile } from "../measure/histogram.ts";
import { ACCEPTED } from "../measure/outcome.ts";
import type { Slice } from "../measure/slice.ts";
import type { Band, Noise } from "./types.ts";

const PARTS = 10;

interface Part {
  readonly response: Histogram;
  accepted: number;
}

/** `rows`: event types of one phase; the warm-up's rows behind them do not count. */
export function noiseOf(
  slices: readonly Slice[],
  rows: number,
  sliceMs: number,
  durationMs: number,
): Noise {
  const parts: Part[] = Array.from({ length: PARTS }, () => ({
    response: new Histogram(),
    accepted: 0,
  }));
  for (const slice of slices) {
    const part = parts[Math.floor(((slice.index + 0.5) * sliceMs * PARTS) / durationMs)];
    if (part === undefined || slice.index < 0) continue;
    for (const [row, ...cells] of slice.counts)
      if (row < rows) part.accepted += cells[ACCEPTED] ?? 0;
    for (let row = 0; row < rows; row++) {
      const data = slice.histograms[`r${row}`];
      if (data) part.response.add(data);
    }
  }
  const partSec = durationMs / PARTS / 1_000;
  const percentile = (q: number) => band(parts.map((p) => quantile(p.response.toData(), q)));
  return {
    parts: PARTS,
    responseP50: percentile(0.5),
    responseP99: percentile(0.99),
    acceptedEps: band(parts.map((p) => p.accepted / partSec)),
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
