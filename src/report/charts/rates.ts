/** Counts of slices as rates. */
import { pointsOf } from "../points.ts";
import type { Report } from "../types.ts";
import type { ChartSeries } from "./chart.ts";

/** Slices of counts are put together to so many seconds: shorter ones of a VU without a free place have gaps. */
const LEAST_SEC = 0.5;
/** What is caught up with in one slice, or answered after a stall, goes beyond: so many times the set rate is drawn. */
const MOST_OF_RATE = 2;
/** At a low rate a few events that fall together are many times the rate. */
const LEAST_EVENTS = 6;

/** Slices put together, and counts of them a second; `null` where every slice has none. `target`: what is set a second. */
export function ratesOf(report: Report, target: number | null) {
  const series = pointsOf(report);
  const { sliceSec } = report.run;
  const size = Math.max(1, Math.ceil(LEAST_SEC / sliceSec - 1e-9));
  const points = series.filter((_, i) => i % size === 0);
  const line = (label: string, count: (i: number) => number | null): ChartSeries => {
    const values = points.map((_, group) => {
      const from = group * size;
      const counts = series.slice(from, from + size).flatMap((_, i) => count(from + i) ?? []);
      if (counts.length === 0) return null;
      return shortened(counts.reduce((sum, n) => sum + n, 0) / (counts.length * sliceSec));
    });
    return { label, values };
  };
  const lengthSec = Math.round(size * sliceSec * 1_000) / 1_000;
  const most = Math.max((target ?? 0) * MOST_OF_RATE, LEAST_EVENTS / lengthSec);
  return { points, line, look: { sliceSec: lengthSec, most } };
}

/** A picture has no use for more digits. */
export function shortened(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000;
}
