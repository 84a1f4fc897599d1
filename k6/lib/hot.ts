/** What happens to every event or row, at the least that k6's interpreter takes for it. */
import { BUCKETS, type Histogram, UNITS_PER_MS } from "../../src/measure/histogram.ts";

/** As functions: k6 makes an object of a string for each call of a method of it. */
export const substring = Function.prototype.call.bind(String.prototype.substring) as (
  text: string,
  start: number,
  end?: number,
) => string;
export const charCodeAt = Function.prototype.call.bind(String.prototype.charCodeAt) as (
  text: string,
  index: number,
) => number;

export const indexOf = Function.prototype.call.bind(String.prototype.indexOf) as (
  text: string,
  part: string,
  from: number,
) => number;

/** What `Histogram.record` does, in one call and not three. */
export function record(histogram: Histogram, ms: number): void {
  const bucket = BUCKETS[(ms * UNITS_PER_MS) >>> 0];
  if (bucket === undefined || ms > histogram.known) histogram.record(ms);
  else (histogram.counts[bucket] as number)++;
}
