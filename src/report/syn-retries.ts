/**
 * Handshakes whose SYN the kernel sent again. A SYN that finds the listener's queue full is dropped and sent again a second
 * later, then after two and four more (RFC 6298, 2.1 and 5.5): at 1, 3 and 7 s; Linux from 6.5 on sends it each second at
 * first (`tcp_syn_linear_timeouts`). What clusters shortly behind a whole second is that timer, and no relay's work.
 */
import { bucketLowerMs, type HistogramData } from "../measure/histogram.ts";

export interface SynRetry {
  readonly afterSec: number;
  readonly count: number;
}

const LAST_SEC = 7;
/** A handshake that goes well needs less behind its SYN. */
const BEHIND_MS = 200;
const LEAST = 5;
/** In the fifth of each second behind the timer, so many times as in the rest of it. */
const CLEAR = 2;
const LEAST_SHARE = 0.05;

/** By the second after which they came, of handshake times that cluster; empty where they don't. */
export function synRetriesOf({ buckets }: HistogramData): readonly SynRetry[] {
  const near = new Map<number, number>();
  let far = 0;
  for (let i = 0; i + 1 < buckets.length; i += 2) {
    const [ms, count] = [bucketLowerMs((buckets[i] ?? 0) + 1), buckets[i + 1] ?? 0];
    const sec = Math.floor(ms / 1_000);
    if (sec < 1 || sec > LAST_SEC) continue;
    if (ms - sec * 1_000 < BEHIND_MS) near.set(sec, (near.get(sec) ?? 0) + count);
    else far += count;
  }
  const all = [...near.values()].reduce((sum, n) => sum + n, 0);
  if (all < LEAST || all < far * CLEAR) return [];
  return [...near]
    .map(([afterSec, count]) => ({ afterSec, count }))
    .filter(({ count }) => count >= all * LEAST_SHARE)
    .sort((a, b) => a.afterSec - b.afterSec);
}
