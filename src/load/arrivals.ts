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

/** Gives the due time of the next event in ms from the start, rising; `Infinity` at the end. */
export type Arrivals = () => number;

/**
 * Constant: share v of V has the arrivals v, v+V, v+2V … of the whole schedule. Poisson: each share
 * is a Poisson process of rate/V, their sum one of the whole rate.
 */
export function createArrivals(options: ArrivalOptions): Arrivals {
  return options.kind === "constant" ? constantArrivals(options) : poissonArrivals(options);
}

function constantArrivals(options: ArrivalOptions): Arrivals {
  const { ratePerSecond, durationMs, share, shares } = options;
  // All that are due before the end, the one of a begun interval too: a window that starts within an
  // interval, behind a warm-up, would be one short.
  const total = Math.ceil((ratePerSecond * durationMs) / 1_000 - 1e-9);
  let k = share - shares;
  return () => {
    k += shares;
    return k < total ? (k * 1_000) / ratePerSecond : Number.POSITIVE_INFINITY;
  };
}

function poissonArrivals(options: ArrivalOptions): Arrivals {
  const { ratePerSecond, durationMs, shares, random } = options;
  const meanGapMs = (1_000 * shares) / ratePerSecond;
  // What is global k6's interpreter looks up by its name, each time.
  const { log } = Math;
  let t = 0;
  return () => {
    const drawn = random();
    t -= log(1 - drawn) * meanGapMs;
    return t < durationMs ? t : Number.POSITIVE_INFINITY;
  };
}

/** An upper bound of the events a schedule asks for: all but one Poisson run in a million. */
export function mostArrivals(kind: ArrivalKind, ratePerSecond: number, durationMs: number): number {
  const mean = (ratePerSecond * durationMs) / 1_000;
  return Math.ceil(kind === "constant" ? mean : mean + 5 * Math.sqrt(mean) + 5);
}
