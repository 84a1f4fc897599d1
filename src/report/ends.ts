/** How connections ended that the relay, or what stands before it, ended: slices → the report's member. */
import { type HistogramData, mergeHistograms } from "../measure/histogram.ts";
import type { LinkCounts, Slice } from "../measure/slice.ts";
import type { LatencySummary } from "./times.ts";
import type { Ends } from "./types.ts";

/** Counts of answers on a connection that are told. */
const MOST_COUNTS = 8;

export interface MergedEnds {
  readonly life: HistogramData;
  readonly quiet: HistogramData;
  readonly unused: HistogramData;
  /** Answers on a connection → connections, the most frequent first. */
  readonly answers: readonly (readonly [answers: number, count: number])[];
  /** The first and the last end, ms from the start of the window. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export function mergeEnds(slices: readonly Slice[], windowStartMs: number | null): MergedEnds {
  const answers = new Map<number, number>();
  const atMs: number[] = [];
  for (const slice of slices) {
    for (const ms of slice.endedMs ?? []) atMs.push(ms - (windowStartMs ?? 0));
    for (const [n, count] of slice.answersAtEnd ?? []) {
      answers.set(n, (answers.get(n) ?? 0) + count);
    }
  }
  return {
    life: ofAll(slices, "life"),
    quiet: ofAll(slices, "quiet"),
    unused: ofAll(slices, "unused"),
    answers: [...answers].sort((a, b) => b[1] - a[1] || a[0] - b[0]),
    firstMs: atMs.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    lastMs: atMs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  };
}

/** `null` when the relay ended none. */
export function endsOf(
  ends: MergedEnds,
  link: LinkCounts,
  summarize: (histogram: HistogramData) => LatencySummary,
): Ends | null {
  if (ends.life.count === 0) return null;
  return {
    unproven: link.unproven,
    onPublish: link.endedOnPublish,
    quiet: summarize(ends.quiet),
    unused: summarize(ends.unused),
    life: summarize(ends.life),
    answers: ends.answers.slice(0, MOST_COUNTS).map(([answers, count]) => ({ answers, count })),
    firstAtSec: ends.firstMs / 1_000,
    lastAtSec: ends.lastMs / 1_000,
  };
}

function ofAll(slices: readonly Slice[], key: string): HistogramData {
  return mergeHistograms(slices.flatMap((slice) => slice.histograms[key] ?? []));
}
