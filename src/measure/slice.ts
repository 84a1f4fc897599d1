/**
 * A slice: what one VU counted since its last one. It is the only way figures leave a VU, as one
 * piece of text, so that a run that is cut off loses whole slices and never half of one: what was
 * sent balances always. The text travels as the name of a k6 check (which `handleSummary` sees) and
 * as a log line (which the CLI sees while the run goes on).
 */

import type { Reason } from "../nostr/reason.ts";
import type { ClassName } from "./classes.ts";
import {
  type DetachedHistogram,
  type HistogramData,
  type PackedHistogram,
  unpackHistogram,
} from "./histogram.ts";

export const SLICE_MARK = "k6-nostr slice ";

export type Phase = "connect" | "warmup" | "window" | "drain" | "done";

/** Row of a class (behind them those of the warm-up) → one number a column of it. */
export type SliceRows = readonly (readonly [row: number, ...columns: number[]])[];

/** Figures that belong to no class of work. */
export interface LinkCounts {
  readonly notices: number;
  readonly malformedFrames: number;
  readonly unknownOk: number;
  readonly lateOk: number;
  readonly closesUnanswered: number;
  /** Ended by the relay before an answer or five seconds of life proved them; of those, with an event in flight. */
  readonly unproven: number;
  readonly endedOnPublish: number;
  /** Looks at what a connection had not yet written, and those that found more than one frame. */
  readonly writeLooks: number;
  readonly writesBehind: number;
  /** Times below zero, by more than clocks are read apart. */
  readonly clockViolations: number;
}

export interface SliceError {
  readonly class: string;
  readonly code: string;
  /** What the relay's text means, where it is one. */
  readonly reason?: Reason;
  /** Of errors of single events: by row, how many. */
  readonly rows?: readonly (readonly [row: number, count: number])[];
  readonly count: number;
  /** Seconds since the start of this VU's window. */
  readonly firstAtSec: number;
  readonly example: string;
  readonly stack?: string;
}

export interface Slice {
  readonly vu: number;
  readonly seq: number;
  readonly phase: Phase;
  /** Place on the VU's time line: slice 0 starts with the measured window. */
  readonly index: number;
  /** Start of the VU's measured window, ms since the start of the test; `null` before it is known. */
  readonly windowStartMs: number | null;
  /** When it was taken, ms since the start of the test. */
  readonly atMs: number;
  readonly connectionsOpen: number;
  /** Of those, with an answer or five seconds of life: a relay may take a connection only to close it. */
  readonly connectionsProven?: number;
  /** Clients that could use the relay, where connections lead. */
  readonly connectionsUsable?: number;
  /** Classes of which something was counted. */
  readonly classes: Partial<Readonly<Record<ClassName, SliceRows>>>;
  /**
   * What counts too where it is the last slice of a VU that was cut off: what had no end yet, and would have this one did
   * nothing more come.
   */
  readonly ifLast?: Pick<Slice, "classes" | "errors">;
  /** Parts that were not accepted of multi-part sets. */
  readonly lacking?: readonly (readonly [row: number, part: number, count: number])[];
  readonly link: LinkCounts;
  /**
   * `<class>.<time>.<row>` and `<class>.lag`, see book.ts; `relay.<n>` service time of publishes to a relay of
   * the plan; `loop`. Of connections that the relay ended: `life`, and `quiet` and `unused`, the time since the
   * last frame from and to the relay with nothing in flight.
   */
  readonly histograms: Readonly<Record<string, HistogramData>>;
  readonly errors: readonly SliceError[];
  /** Of connections that the relay ended: how many answers came on each → how many had so many. */
  readonly answersAtEnd?: readonly (readonly [answers: number, count: number])[];
  /** First and last of those ends, ms since the start of the test. */
  readonly endedMs?: readonly [first: number, last: number];
  /** Publishes in flight × ms, over so many ms of the measured window. */
  readonly inFlight: { readonly sum: number; readonly overMs: number };
  /**
   * For the read-back: by relay in the order of the plan, the first `NOTED_ID_LENGTH` digits of the ids
   * of accepted publishes.
   */
  readonly accepted?: readonly (readonly string[])[];
  /** Difference of the two clock calibrations in ms, with the last slice. */
  readonly clockDriftMs?: number;
  /** How long before the agreed start this VU was ready, with the slice before it. */
  readonly slackMs?: number;
  /** Of several k6 processes the one that handed it out, and Unix ms minus its ms since the start of the test. */
  readonly of?: string;
  readonly offsetMs?: number;
}

/** A slice as it is cut off from what a VU goes on counting. */
export type DetachedSlice = Omit<Slice, "histograms"> & {
  readonly histograms: Readonly<Record<string, DetachedHistogram>>;
};

/** A slice as a VU hands it out. */
export type PackedSlice = Omit<Slice, "histograms"> & {
  readonly histograms: Readonly<Record<string, PackedHistogram>>;
};

export function encodeSlice(slice: PackedSlice): string {
  // k6 takes `::` in a check's name for a group. JSON has it within strings only.
  return SLICE_MARK + JSON.stringify(slice).replaceAll("::", ":\\u003a");
}

/**
 * Gives the slice in a check's name or log line, `null` where there is none. `readHistogram`: what its histograms
 * are kept as.
 */
export function decodeSlice(text: string, readHistogram = unpackHistogram): Slice | null {
  if (!text.startsWith(SLICE_MARK)) return null;
  try {
    const value = JSON.parse(text.slice(SLICE_MARK.length)) as Partial<PackedSlice> | null;
    if (!value?.classes || typeof value.vu !== "number") return null;
    const histograms = Object.fromEntries(
      Object.entries(value.histograms ?? {}).map(([key, p]) => [key, readHistogram(p)]),
    );
    return { ...(value as PackedSlice), histograms };
  } catch {
    // A line cut off when k6 was killed is no slice.
    return null;
  }
}

/** Length of a slice in ms: at least 60 and, from one minute on, at most 600 in a window. */
export function sliceLengthMs(durationSec: number): number {
  const steps = [10, 20, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];
  const wantedMs = durationSec < 60 ? (durationSec * 1_000) / 60 : (durationSec * 1_000) / 600;
  if (durationSec < 60) return steps.findLast((step) => step <= wantedMs) ?? 10;
  return Math.max(1_000, steps.find((step) => step >= wantedMs) ?? Math.ceil(wantedMs));
}
