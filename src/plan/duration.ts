/** How long a run may take: one figure for k6's `maxDuration` and the watchdog around it. */
import { mostReadySeconds } from "./fanout.ts";
import type { Plan } from "./plan.ts";

/** A handshake that takes longer is given up; k6's own limit is fixed at 60 s. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** A Close frame that is not answered in this time is counted; k6 itself would wait for ever. */
export const CLOSE_TIMEOUT_MS = 3_000;

/** Longest time a run may take, seconds: connecting, warm-up, window, drain, closing. */
export function mostSeconds(plan: Plan): number {
  const waves = Math.ceil(plan.clients / plan.connectConcurrency);
  const connectSec = (CONNECT_TIMEOUT_MS / 1_000) * Math.min(waves, 30) + 2;
  const readySec = plan.fanout === null ? 0 : mostReadySeconds(plan.fanout);
  const restSec = plan.warmupSec + plan.durationSec + (drainMs(plan) + CLOSE_TIMEOUT_MS) / 1_000;
  return Math.ceil(connectSec + readySec + restSec + 10);
}

/** So long behind the window what was sent is waited for, ms. */
export function drainMs({ ackTimeoutMs, fanout }: Pick<Plan, "ackTimeoutMs" | "fanout">): number {
  return Math.max(ackTimeoutMs, fanout?.deliveryTimeoutMs ?? 0);
}
