/** When the events of a pool to be made were written, by themselves: `created_at`. */
import { POOL_SPAN_SEC } from "../events/catalogue.ts";

export interface PoolTimes {
  /** Unix seconds of the first event. */
  readonly epoch: number;
  /** The events lie within so many seconds from then on. */
  readonly spanSec: number;
  /** They are those of the run, which sends each event at about its `created_at`. */
  readonly follows: boolean;
}

/** Of a pool that VUs share. */
const SHARED_SPAN_SEC = 60;

interface RunTimes {
  /** What is asked about is all there before the run. */
  readonly query?: unknown;
  readonly vus: number;
  readonly warmupSec: number;
  readonly durationSec: number;
}

/** Unix seconds of the first event, or the run's own time. */
export type Epoch = number | "now";

/** The times of a pool from a given second on. */
export function timesFrom(epoch: number): PoolTimes {
  return { epoch, spanSec: POOL_SPAN_SEC, follows: false };
}

/**
 * Times that a relay takes which wants young events: each is as old as the signing, the start of k6 and the
 * connecting took, however long the run. Where VUs each send a part of the pool from the start, their events
 * lie within the minute before now, since a part that begins late would lie in the future.
 */
export function timesOfRun(
  { query = null, vus, warmupSec, durationSec }: RunTimes,
  nowSec: number,
): PoolTimes {
  const scheduleSec = Math.max(1, Math.floor(warmupSec + durationSec));
  if (vus === 1 && query === null)
    return { epoch: Math.floor(nowSec), spanSec: scheduleSec, follows: true };
  const spanSec = Math.min(SHARED_SPAN_SEC, scheduleSec);
  return { epoch: Math.floor(nowSec) - spanSec, spanSec, follows: false };
}
