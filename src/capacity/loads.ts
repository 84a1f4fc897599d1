/** Loads that a search tries: round numbers, as far apart as its precision can tell. */
import type { SearchSettings } from "./result.ts";
import { SCALES } from "./scales.ts";

type Grid = Pick<SearchSettings, "scale" | "precision">;

/** Rounded to a power of ten that is at most half of what the precision tells apart; what has no half is whole. */
export function roundLoad(load: number, { scale, precision }: Grid): number {
  const finest = 10 ** Math.floor(Math.log10((load * precision) / 2));
  const step = SCALES[scale].isWhole ? Math.max(1, finest) : finest;
  return Number((Math.round(load / step) * step).toFixed(6));
}

/** The geometric midpoint; `null` where the two are as near as asked for, or nothing round is between them. */
export function midpoint(lo: number, hi: number, grid: Grid): number | null {
  // What is said with a few digits must not miss the bound by their last one.
  if (hi / lo - 1 <= grid.precision + 1e-9) return null;
  const middle = roundLoad(Math.sqrt(lo * hi), grid);
  return middle > lo && middle < hi ? middle : null;
}
