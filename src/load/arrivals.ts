/**
 * The open model: when each event is due, set before anything is sent and never moved by how the
 * relay answers. Times are computed, not added up, so that a constant rate does not drift.
 */
import type { Random } from "../random.ts";

export type ArrivalKind = "constant" | "poisson";

export interface ArrivalOptions {
  readonly kind: ArrivalKind;
  /** Events per second over all shares. */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** This VU's place among the VUs: 0 … `shares` − 1. */
  readonly share: number;
  readonly shares: number;
  readonly random: Random;
}

/** Yields due times in ms from the start of the schedule, rising; `Infinity` at the end. */
export interface Arrivals {
  /** Due time of the next event. */
  readonly dueMs: number;
  /** Goes on to the event after it. */
  advance(): void;
}

/**
 * Constant: share v of V has the arrivals v, v+V, v+2V … of the whole schedule. Poisson: each share
 * is a Poisson process of rate/V, their sum one of the whole rate.
 */
export function createArrivals(options: ArrivalOptions): Arrivals {
  return options.kind === "constant" ? constantArrivals(options) : poissonArrivals(options);
}

function constantArrivals({ ratePerSecond, durationMs, share, shares }: ArrivalOptions): Arrivals {
  // All that are due before the end, the one of a begun interval too: a window that starts within an
  // interval, behind a warm-up, would be one short.
  const total = Math.ceil((ratePerSecond * durationMs) / 1_000 - 1e-9);
  let k = share;
  const dueOf = (n: number) => (n < total ? (n * 1_000) / ratePerSecond : Number.POSITIVE_INFINITY);
  return {
    dueMs: dueOf(k),
    advance() {
      k += shares;
      (this as { dueMs: number }).dueMs = dueOf(k);
    },
  };
}

function poissonArrivals({ ratePerSecond, durationMs, shares, random }: ArrivalOptions): Arrivals {
  const meanGapMs = (1_000 * shares) / ratePerSecond;
  const gap = () => -Math.log(1 - random()) * meanGapMs;
  const clip = (t: number) => (t < durationMs ? t : Number.POSITIVE_INFINITY);
  let t = gap();
  return {
    dueMs: clip(t),
    advance() {
      t += gap();
      (this as { dueMs: number }).dueMs = clip(t);
    },
  };
}

/** An upper bound of the events a schedule asks for: all but one Poisson run in a million. */
export function mostArrivals(kind: ArrivalKind, ratePerSecond: number, durationMs: number): number {
  const mean = (ratePerSecond * durationMs) / 1_000;
  return Math.ceil(kind === "constant" ? mean : mean + 5 * Math.sqrt(mean) + 5);
}
