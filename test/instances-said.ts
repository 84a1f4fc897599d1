/** What a k6 process that is one of several says on its log. */
import type { HistogramData } from "../src/measure/histogram.ts";
import { encodeSlice, type Slice } from "../src/measure/slice.ts";
import { toAscii, toLines } from "../src/merge/lines.ts";
import { type About, aboutLines, beginLines, endLines } from "../src/merge/protocol.ts";
import { sha256 } from "../src/node/merge/read-logs.ts";
import { planOf, pool } from "./fixtures/reports/run.ts";

export const ORIGIN_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function pack({ max, buckets }: HistogramData) {
  const counts: number[] = [];
  const from = buckets[0] ?? 0;
  for (let i = 0; i < buckets.length; i += 2)
    counts[(buckets[i] ?? 0) - from] = buckets[i + 1] ?? 0;
  return { max, from, counts: Array.from(counts, (n) => n ?? 0).join(",") };
}

function encode(slice: Slice): string {
  const histograms = Object.entries(slice.histograms).map(([key, data]) => [key, pack(data)]);
  return encodeSlice({ ...slice, histograms: Object.fromEntries(histograms) });
}

export interface Process {
  readonly index: number;
  readonly slices: readonly Slice[];
  /** Its start behind the run's. */
  readonly behindMs?: number;
  readonly of?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly startAtMs?: number | null;
  /** Where the run's time begins, Unix ms. */
  readonly originMs?: number;
  readonly about?: Partial<About>;
}

/** What a process says of slices that are on the run's time line, in order. */
export function said(instances: number, one: Process): string[] {
  const { index, behindMs = 0, of = `process${index}`, originMs = ORIGIN_MS } = one;
  const { startAtMs = ORIGIN_MS } = one;
  const plan = planOf({ INSTANCES: String(instances), ...one.variables });
  const own = one.slices.map((slice) => ({
    ...slice,
    of,
    offsetMs: originMs + behindMs,
    atMs: slice.atMs - behindMs,
    windowStartMs: slice.windowStartMs === null ? null : slice.windowStartMs - behindMs,
  }));
  const texts = own.map((slice) => ({ slice, text: encode(slice) }));
  const handedOut = texts.map(({ slice: { vu, seq }, text }) => ({
    vu,
    seq,
    digest: sha256(toAscii(text)),
  }));
  const begin = { of, index, startAtMs, unixMs: originMs + index, runId: "r", plan, pool, sha256 };
  const about: About = {
    ...{ of, k6: "k6 v2.2.0", host: { cpus: 2, memoryBytes: 1, platform: "linux" } },
    ...{ cpuPercent: { generator: 20, host: 10 }, ceilingEps: 5_000, receive: null, floorMs: 0.2 },
    ...{ proofs: [], relayNote: null, sharesHost: false, corpus: null, stopReason: null },
    ...{ clock: null, relay: null },
    ...one.about,
  };
  return [
    ...beginLines(begin),
    ...texts.flatMap(({ slice, text }) => toLines(`${of}.${slice.vu}.${slice.seq}`, text)),
    ...endLines(of, handedOut, sha256),
    ...(one.about === undefined ? [] : aboutLines(about)),
  ];
}
