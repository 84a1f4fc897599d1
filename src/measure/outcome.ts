/**
 * The accounting. Every scheduled event ends in exactly one of the outcomes, so that
 *
 *     scheduled = attempted + backpressure + noConnection + poolExhausted
 *     attempted = accepted + duplicate + superseded + unheard + rejected + timedOut + lost
 */

/** Columns of the counters in the order in which they are stored and sent. */
export const COLUMNS = [
  "scheduled",
  "attempted",
  "accepted",
  "duplicate",
  "superseded",
  "rejected",
  "timedOut",
  "lost",
  "backpressure",
  "noConnection",
  "poolExhausted",
  "unheard",
] as const;

export type Column = (typeof COLUMNS)[number];
export type Counts = Readonly<Record<Column, number>>;

export const SCHEDULED = 0;
export const ATTEMPTED = 1;
export const ACCEPTED = 2;
export const DUPLICATE = 3;
export const SUPERSEDED = 4;
export const REJECTED = 5;
export const TIMED_OUT = 6;
export const LOST = 7;
export const BACKPRESSURE = 8;
export const NO_CONNECTION = 9;
export const POOL_EXHAUSTED = 10;
/** An ephemeral event that the relay turned down since nobody listened (NIP-01, `mute:`): no failure. */
export const UNHEARD = 11;

/** Columns of what became of multi-part sets; what was begun and is in none of the others was cut off. */
export const SET_COLUMNS = ["started", "complete", "partial", "failed"] as const;

export const SETS_STARTED = 0;
export const SETS_COMPLETE = 1;
export const SETS_PARTIAL = 2;
export const SETS_FAILED = 3;

/** Zero in every column. */
export function noCounts(): Record<Column, number> {
  return {
    scheduled: 0,
    attempted: 0,
    accepted: 0,
    duplicate: 0,
    superseded: 0,
    rejected: 0,
    timedOut: 0,
    lost: 0,
    backpressure: 0,
    noConnection: 0,
    poolExhausted: 0,
    unheard: 0,
  };
}

/** Adds `row` (one number a column) to `into`. */
export function addCounts(into: Record<Column, number>, row: readonly number[]): void {
  COLUMNS.forEach((column, i) => {
    into[column] += row[i] ?? 0;
  });
}

/** Scheduled events that are neither sent nor given up, and sent ones without an outcome. */
export function openEvents(c: Counts): { readonly waiting: number; readonly inFlight: number } {
  const unsent = c.backpressure + c.noConnection + c.poolExhausted;
  const answered = c.accepted + c.duplicate + c.superseded + c.unheard + c.rejected;
  return {
    waiting: c.scheduled - c.attempted - unsent,
    inFlight: c.attempted - answered - c.timedOut - c.lost,
  };
}
