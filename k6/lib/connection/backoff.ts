/**
 * How long a client waits before it connects again: twice as long after each try in a row that came to
 * nothing, and at random below that (full jitter), so that clients that were dropped together do not come
 * back together. Only a connection that has proved itself begins anew: a relay that takes a handshake and
 * closes at once would else be asked ten times a second by each client that it has no room for.
 */
import type { Random } from "../../../src/random.ts";

interface Bounds {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Nobody listens, or a good connection ended: a try costs the relay little, and it should be found when it is back. */
const GONE: Bounds = { firstMs: 100, mostMs: 5_000 };
/** The relay, or what is before it, answers and turns the client away: each try is work for it, and for us. */
const TURNED_AWAY: Bounds = { firstMs: 500, mostMs: 300_000 };

/** So long a life proves a connection without an answer. */
export const PROOF_MS = 5_000;

/** `failures`: tries in a row that led to no proven connection. */
export function retryDelayMs(failures: number, isTurnedAway: boolean, random: Random): number {
  const { firstMs, mostMs } = isTurnedAway ? TURNED_AWAY : GONE;
  return random() * Math.min(mostMs, firstMs * 2 ** Math.min(failures, 20));
}
