/**
 * The histogram every latency in a report comes from. Fixed log-linear buckets in units of 0.2 µs:
 * 64 linear buckets, then 64 to each doubling. A bucket is at most 1/50 of its value wide from 10 µs
 * up, so its middle is within 1 % of what was recorded, up to 859 s. Indices are integers computed
 * without floating-point logarithms: they are the same in every engine, so histograms of different
 * runs, VUs and machines merge exactly.
 */

/** Counts by bucket, sparse: `[index, count, index, count, …]` in rising order of index. */
export interface HistogramData {
  readonly unit: "ms";
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

export const BUCKET_COUNT = 1_728;
const UNITS_PER_MS = 5_000;
const MAX_UNITS = 0xffff_ffff;

/** The bucket of a duration in ms; below 0 counts as 0, above 859 s as the last bucket. */
export function bucketOf(ms: number): number {
  const scaled = ms * UNITS_PER_MS;
  const units = scaled >= MAX_UNITS ? MAX_UNITS : scaled > 0 ? scaled >>> 0 : 0;
  if (units < 64) return units;
  const exponent = 31 - Math.clz32(units);
  return ((exponent - 5) << 6) + ((units >>> (exponent - 6)) - 64);
}

/** The middle of a bucket in ms. */
export function bucketMiddleMs(index: number): number {
  const lower = bucketLowerUnits(index);
  return (lower + bucketLowerUnits(index + 1)) / 2 / UNITS_PER_MS;
}

/** The lower edge of a bucket in ms. */
export function bucketLowerMs(index: number): number {
  return bucketLowerUnits(index) / UNITS_PER_MS;
}

function bucketLowerUnits(index: number): number {
  if (index < 64) return index;
  return (64 + (index & 63)) * 2 ** ((index >> 6) - 1);
}

/** A histogram that is being filled: constant memory, no allocation for a value seen before. */
export class Histogram {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = 0;
  readonly #counts = new Float64Array(BUCKET_COUNT);
  readonly #touched: number[] = [];

  /** Records one duration in ms. About 1 µs inside k6. */
  record(ms: number): void {
    const value = Math.max(ms, 0);
    const index = bucketOf(value);
    if (this.#counts[index] === 0) this.#touched.push(index);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  /** Adds all of another histogram, exactly. */
  add(data: HistogramData): void {
    for (let i = 0; i + 1 < data.buckets.length; i += 2) {
      const index = data.buckets[i] ?? 0;
      if (this.#counts[index] === 0) this.#touched.push(index);
      this.#counts[index] = (this.#counts[index] ?? 0) + (data.buckets[i + 1] ?? 0);
    }
    if (data.count === 0) return;
    this.count += data.count;
    this.sum += data.sum;
    if (data.min < this.min) this.min = data.min;
    if (data.max > this.max) this.max = data.max;
  }

  toData(): HistogramData {
    const indices = this.#touched.sort((a, b) => a - b);
    const buckets: number[] = [];
    for (const index of indices) buckets.push(index, this.#counts[index] ?? 0);
    const { count, sum, max } = this;
    return { unit: "ms", buckets, count, sum, min: count === 0 ? 0 : this.min, max };
  }

  /** Empties it, at a cost that depends on the buckets used and not on all there are. */
  reset(): void {
    for (const index of this.#touched) this.#counts[index] = 0;
    this.#touched.length = 0;
    this.count = 0;
    this.sum = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = 0;
  }
}

/** Merges histograms exactly. */
export function mergeHistograms(parts: Iterable<HistogramData>): HistogramData {
  const merged = new Histogram();
  for (const part of parts) merged.add(part);
  return merged.toData();
}

/**
 * The value in ms below which the share `q` (0 to 1) of the recorded values lies, within 1 %;
 * `null` for an empty histogram.
 */
export function quantile(data: HistogramData, q: number): number | null {
  if (data.count === 0) return null;
  // 99.9 / 100 is a hair above 0.999: that must not make it the next rank.
  const rank = Math.max(1, Math.ceil(q * data.count - 1e-6));
  if (rank >= data.count) return data.max;
  let seen = 0;
  for (let i = 0; i + 1 < data.buckets.length; i += 2) {
    seen += data.buckets[i + 1] ?? 0;
    if (seen >= rank) {
      const middle = bucketMiddleMs(data.buckets[i] ?? 0);
      return Math.min(data.max, Math.max(data.min, middle));
    }
  }
  return data.max;
}
