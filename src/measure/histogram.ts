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
  readonly count: number;
  /** The largest value itself; 0 without any. */
  readonly max: number;
  readonly buckets: readonly number[];
  /** Adds its counts by bucket, where that is cheaper than the list. */
  readonly addTo?: (counts: Uint32Array) => void;
}

export const EMPTY_HISTOGRAM: HistogramData = { unit: "ms", count: 0, max: 0, buckets: [] };

export const BUCKET_COUNT = 1_728;
export const UNITS_PER_MS = 5_000;
const MAX_UNITS = 0xffff_ffff;
/** The offset of the sockets' clock is known to so much (k6/lib/clock.ts). */
const MOST_APART_MS = 1;

/** Durations of fewer units (13 ms) are looked up at once in `BUCKETS`. */
const TABLE_SIZE = 65_536;
/** Durations of fewer units (13 s) are looked up ten bits shorter: ten doublings of 64 buckets. */
const FAR_UNITS = 67_108_864;
const NEAR_BUCKETS = 640;
const TABLE_MS = (TABLE_SIZE - 1) / UNITS_PER_MS;
/** The bucket of a number of units: inside k6 a look-up takes a third of the time of `Math.clz32`. */
export const BUCKETS = makeTable();

/** The bucket of a duration in ms; below 0 counts as 0, above 859 s as the last bucket. */
export function bucketOf(ms: number): number {
  const units = ms * UNITS_PER_MS;
  if (units >= TABLE_SIZE) {
    if (units < FAR_UNITS) return (BUCKETS[units >>> 10] as number) + NEAR_BUCKETS;
    return units < MAX_UNITS ? (BUCKETS[units >>> 16] as number) + 1_024 : BUCKET_COUNT - 1;
  }
  return units > 0 ? (BUCKETS[units >>> 0] as number) : 0;
}

/** The middle of a bucket in ms. */
export function bucketMiddleMs(index: number): number {
  return (bucketLowerUnits(index) + bucketLowerUnits(index + 1)) / 2 / UNITS_PER_MS;
}

/** The lower edge of a bucket in ms. */
export function bucketLowerMs(index: number): number {
  return bucketLowerUnits(index) / UNITS_PER_MS;
}

function bucketLowerUnits(index: number): number {
  if (index < 64) return index;
  return (64 + (index & 63)) * 2 ** ((index >> 6) - 1);
}

function makeTable(): Uint16Array {
  const table = new Uint16Array(TABLE_SIZE);
  for (let index = 0; bucketLowerUnits(index) < TABLE_SIZE; index++) {
    table.fill(index, bucketLowerUnits(index), bucketLowerUnits(index + 1));
  }
  return table;
}

/**
 * A histogram on its way out of a VU: `from` is the index of the first bucket that is not empty,
 * `counts` the counts from there on, `3,0,5`. Made by the engine's own `join`, in a tenth of the time
 * that walking the buckets takes inside k6: a VU that hands out its figures sends nothing meanwhile.
 */
export interface PackedHistogram {
  readonly max: number;
  readonly from: number;
  readonly counts: string;
}

/** What a histogram held when it was emptied, to be packed at leisure. */
export interface DetachedHistogram {
  readonly max: number;
  readonly counts: Uint32Array;
}

/**
 * A histogram that is being filled: constant memory. `counts` and `known` are open to k6's hot path,
 * which does what `record` does without the calls.
 */
export class Histogram {
  counts = new Uint32Array(BUCKET_COUNT);
  /** The largest value; below 0 while there is none. */
  max = -1;
  /** Up to here a value is in `BUCKETS`, and no new maximum. */
  known = -1;
  /** Values below zero by more than two clocks are read apart: counted as zero too. */
  below = 0;

  /**
   * Records one duration in ms. Where more is due than a relay takes nearly all come here, and the lag of the schedule is
   * a new maximum each time: 42 steps of k6's interpreter, and 87 with `Math.max` and a call of `bucketOf`.
   */
  record(ms: number): void {
    if (ms > this.max) {
      if (this.known < TABLE_MS) this.raise(ms);
      else this.max = ms;
    } else if (ms < 0) {
      this.raise(ms);
      if (ms < -MOST_APART_MS) this.below++;
    }
    const units = ms * UNITS_PER_MS;
    const bucket =
      units >= TABLE_SIZE && units < FAR_UNITS
        ? (BUCKETS[units >>> 10] as number) + NEAR_BUCKETS
        : bucketOf(ms);
    (this.counts[bucket] as number)++;
  }

  /** Tells the largest of durations that were counted in `counts`. */
  raise(ms: number): void {
    if (ms > this.max) this.max = ms;
    if (this.max < 0) this.max = 0;
    this.known = this.max < TABLE_MS ? this.max : TABLE_MS;
  }

  /** Adds all of another histogram, exactly. */
  add(data: HistogramData): void {
    if (data.count === 0) return;
    this.max = Math.max(this.max, data.max);
    if (data.addTo !== undefined) {
      data.addTo(this.counts);
      return;
    }
    const { buckets } = data;
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const index = buckets[i] ?? 0;
      this.counts[index] = (this.counts[index] ?? 0) + (buckets[i + 1] ?? 0);
    }
  }

  toData(): HistogramData {
    const used = this.max < 0 ? 0 : bucketOf(this.max) + 1;
    return unpackHistogram({
      max: this.max,
      from: 0,
      counts: this.counts.subarray(0, used).join(","),
    });
  }

  /** Hands over all that was recorded and starts again from nothing; `null` when there is nothing. */
  detach(): DetachedHistogram | null {
    if (this.max < 0) return null;
    const { max, counts } = this;
    this.counts = new Uint32Array(BUCKET_COUNT);
    this.max = -1;
    this.known = -1;
    this.below = 0;
    return { max, counts };
  }
}

/** Some 0.2 ms inside k6 for a histogram whose largest value is a few milliseconds. */
export function packHistogram({ max, counts }: DetachedHistogram): PackedHistogram {
  const all = counts.subarray(0, bucketOf(max) + 1).join(",");
  const zeros = /^(?:0,)*/.exec(all)?.[0].length ?? 0;
  return { max, from: zeros / 2, counts: all.slice(zeros) };
}

/** Reads a packed histogram. */
export function unpackHistogram({ max, from, counts }: PackedHistogram): HistogramData {
  const buckets: number[] = [];
  let count = 0;
  counts.split(",").forEach((text, i) => {
    const n = Number(text);
    if (n > 0) buckets.push(from + i, n);
    count += n;
  });
  return { unit: "ms", count, max: count === 0 ? 0 : max, buckets };
}

/** Merges histograms exactly. */
export function mergeHistograms(parts: Iterable<HistogramData>): HistogramData {
  const merged = new Histogram();
  for (const part of parts) merged.add(part);
  return merged.toData();
}

/**
 * Merges two histograms exactly, by walking the buckets that they have: for a few of a slice, inside
 * k6, half the time of `mergeHistograms`.
 */
export function mergePair(a: HistogramData, b: HistogramData): HistogramData {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const buckets: number[] = [];
  const [ours, theirs] = [a.buckets, b.buckets];
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const left = ours[i] ?? BUCKET_COUNT;
    const right = theirs[j] ?? BUCKET_COUNT;
    let count = 0;
    if (left <= right) {
      count += ours[i + 1] ?? 0;
      i += 2;
    }
    if (right <= left) {
      count += theirs[j + 1] ?? 0;
      j += 2;
    }
    buckets.push(Math.min(left, right), count);
  }
  return { unit: "ms", count: a.count + b.count, max: Math.max(a.max, b.max), buckets };
}

/** Buckets of the histogram in one of `coarsen`: four of these are a doubling. */
const COARSE = 16;

/** For a picture: counts by coarse bucket, sparse: `[index, count, …]` in rising order of index. */
export function coarsen({ buckets }: HistogramData): readonly number[] {
  const coarse: number[] = [];
  for (let i = 0; i + 1 < buckets.length; i += 2) {
    const index = Math.floor((buckets[i] ?? 0) / COARSE);
    const count = buckets[i + 1] ?? 0;
    if (coarse.at(-2) === index) coarse.push((coarse.pop() ?? 0) + count);
    else coarse.push(index, count);
  }
  return coarse;
}

/** The lower edge of a coarse bucket in ms. */
export function coarseLowerMs(index: number): number {
  return bucketLowerMs(index * COARSE);
}

/**
 * The value in ms below which the share `q` (0 to 1) of the recorded values lies, within 1 %;
 * `null` for an empty histogram.
 */
export function quantile(data: HistogramData, q: number): number | null {
  if (data.count === 0) return null;
  // 0.999 × 1,000 is 999.0000000000001 in floating point: the rank meant is the 999th.
  const rank = Math.min(data.count, Math.max(1, Math.ceil(q * data.count - 1e-6)));
  let seen = 0;
  const { buckets } = data;
  for (let i = 0; i + 1 < buckets.length; i += 2) {
    seen += buckets[i + 1] ?? 0;
    if (seen >= rank) return Math.min(data.max, bucketMiddleMs(buckets[i] ?? 0));
  }
  return data.max;
}

/** The mean in ms, within 1 %; `null` for an empty histogram. */
export function meanOf(data: HistogramData): number | null {
  if (data.count === 0) return null;
  let sum = 0;
  const { buckets } = data;
  for (let i = 0; i + 1 < buckets.length; i += 2) {
    sum += bucketMiddleMs(buckets[i] ?? 0) * (buckets[i + 1] ?? 0);
  }
  return Math.min(data.max, sum / data.count);
}
