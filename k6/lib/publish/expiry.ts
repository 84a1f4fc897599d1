/** Looks for publishes that have waited for too long, at a part of the connections at a time. */
import type { Lane, Waiting } from "./lane.ts";

/** At each call so many connections, or a tenth of them. */
const FEWEST_LOOKS = 50;

export interface ExpiryOptions {
  readonly lanes: readonly Lane[];
  readonly ackTimeoutMs: number;
  readonly sentMsOf: (cell: number) => number;
  readonly timeOut: (lane: Lane, key: string, cell: number) => void;
  /** Since when an event due then has waited for a place. */
  readonly waitsSince: (dueMs: number) => number;
  readonly giveUpWaiting: (waiting: Waiting) => void;
  readonly sendWaiting: (lane: Lane) => void;
}

export interface Expiry {
  /** `hasWaiting`, `hasFlight`: there is something that could have waited for too long. */
  look(nowMs: number, hasWaiting: boolean, hasFlight: boolean): void;
  /** Looks at all connections. */
  lookAtAll(nowMs: number): void;
}

export function createExpiry(options: ExpiryOptions): Expiry {
  const { lanes, ackTimeoutMs, sentMsOf, timeOut, waitsSince, giveUpWaiting, sendWaiting } =
    options;
  const count = lanes.length;
  const looks = Math.min(count, Math.max(FEWEST_LOOKS, count / 10));
  /** The client whose oldest publishes are looked at next. */
  let at = 0;
  /** The oldest publish that this round of looks left in flight, and when the first may expire. */
  let oldestMs = 0;
  let expiryMs = 0;

  const lookAt = (lane: Lane, nowMs: number): void => {
    // A map keeps the order in which its keys were set: the first is the oldest.
    for (const [key, cell] of lane.pending) {
      const sentMs = sentMsOf(cell);
      if (sentMs + ackTimeoutMs > nowMs) {
        oldestMs = Math.min(oldestMs, sentMs);
        break;
      }
      timeOut(lane, key, cell);
    }
    const { waiting } = lane;
    for (let next = waiting.peek(); next !== undefined; next = waiting.peek()) {
      if (waitsSince(next.dueMs) + ackTimeoutMs > nowMs) break;
      waiting.shift();
      giveUpWaiting(next);
    }
    sendWaiting(lane);
  };

  return {
    look(nowMs, hasWaiting, hasFlight) {
      if (!hasWaiting && (!hasFlight || nowMs < expiryMs)) return;
      for (let n = 0; n < looks; n++) {
        // What is sent behind a look at its client is sent later than this round began.
        if (at === 0) oldestMs = nowMs;
        const lane = lanes[at] as Lane;
        // Of many connections most are idle: a call for each of them would be a pause in sending.
        if (lane.pending.size > 0 || hasWaiting) lookAt(lane, nowMs);
        at = at + 1 === count ? 0 : at + 1;
        if (at === 0) expiryMs = oldestMs + ackTimeoutMs;
      }
    },
    lookAtAll(nowMs) {
      for (const lane of lanes) lookAt(lane, nowMs);
    },
  };
}
