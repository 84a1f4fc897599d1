/**
 * The clock of a run: float milliseconds since the start of the test, about 0.5 µs a reading.
 * `Date.now()` has whole milliseconds in k6; the time a message was read from its socket comes as
 * Unix time in float milliseconds. `offset` leads from one to the other.
 */
import exec from "k6/execution";

export interface Clock {
  /** What `now` reads, for where the call would cost as much as the reading. */
  readonly source: { readonly currentTestRunDuration: number };
  /** Milliseconds since the start of the test. */
  now(): number;
  /** Unix milliseconds minus `now()`. */
  readonly offsetMs: number;
  /** Calibrates again and gives the difference to the first calibration in ms. */
  driftMs(): number;
}

/** Made in VU code: the execution module has no clock in the init context. */
export function createClock(): Clock {
  // Reading the getter again on each call costs 8 µs.
  const instance = exec.instance;
  const now = () => instance.currentTestRunDuration;
  const offsetMs = calibrate(now);
  return { source: instance, now, offsetMs, driftMs: () => calibrate(now) - offsetMs };
}

/**
 * Waits for the tick of `Date.now()` several times. Each reading comes a little after the tick, never
 * before it, so the largest offset found is the nearest to the truth. Takes 8 ms.
 */
function calibrate(now: () => number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const before = Date.now();
    let tick = before;
    while (tick === before) tick = Date.now();
    best = Math.max(best, tick - now());
  }
  return best;
}
