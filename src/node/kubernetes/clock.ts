/** Time as a run of pods goes by it. */
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Unix ms. */
  readonly nowMs: () => number;
  /** Until then, or until it is aborted. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const CLOCK: Clock = {
  nowMs: () => Date.now(),
  wait: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  },
};
