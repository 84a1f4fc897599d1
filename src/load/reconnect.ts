/**
 * How long clients wait before they connect again, each as its code has it: after a restart those that wait alike
 * come back together. Pure.
 */
import type { Random } from "../random.ts";

interface Policy {
  /** Delay before each try in a row, ms; the last one stands for all that follow. */
  readonly delaysMs: readonly number[];
  /**
   * When the row begins anew: as soon as a connection opens, which makes a storm of a relay that takes handshakes
   * only to close; once it has proved itself; or never.
   */
  readonly beginsAnew: "open" | "proven" | "never";
  /** Each delay is drawn between nothing and itself. */
  readonly isDrawn: boolean;
}

const doubled = (firstMs: number, mostMs: number): readonly number[] => {
  const delays = [firstMs];
  for (let next = firstMs * 2; next < mostMs; next *= 2) delays.push(next);
  return [...delays, mostMs];
};

const POLICIES = {
  /** At once, then once a second: the loop that is written around a WebSocket first. */
  immediate: { delaysMs: [0, 1_000], beginsAnew: "proven", isDrawn: false },
  /** nostr-tools 2.25 (abstract-relay.ts, `resubscribeBackoff`), which counts anew as a connection opens. */
  "nostr-tools": {
    delaysMs: [10_000, 10_000, 10_000, 20_000, 20_000, 30_000, 60_000],
    beginsAnew: "open",
    isDrawn: false,
  },
  /**
   * snort (packages/system, connection.ts and const.ts): 2 s, doubled before each try, without an end and without
   * a way back. From an hour on it makes no difference to a run.
   */
  snort: { delaysMs: doubled(4_000, 4_096_000), beginsAnew: "never", isDrawn: false },
  /** Exponential with full jitter, as AWS's architecture blog advises ("Exponential Backoff And Jitter", 2015). */
  jitter: { delaysMs: doubled(1_000, 60_000), beginsAnew: "proven", isDrawn: true },
} as const satisfies Readonly<Record<string, Policy>>;

export type ReconnectPolicy = keyof typeof POLICIES;
export const RECONNECT_POLICIES = Object.keys(POLICIES) as readonly ReconnectPolicy[];

/** The tries in a row of each of so many clients. */
export class Reconnects {
  readonly #policy: Policy;
  readonly #random: Random;
  readonly #tries: Uint32Array;

  constructor(name: ReconnectPolicy, random: Random, clients: number) {
    this.#policy = POLICIES[name];
    this.#random = random;
    this.#tries = new Uint32Array(clients);
  }

  /** Its handshake has succeeded, or its connection has proved itself. */
  note(client: number, what: "open" | "proven"): void {
    if (what === this.#policy.beginsAnew) this.#tries[client] = 0;
  }

  /** Ms to wait before the next try. */
  nextMs(client: number): number {
    const { delaysMs, isDrawn } = this.#policy;
    const tries = this.#tries[client] ?? 0;
    const delayMs = delaysMs[Math.min(tries, delaysMs.length - 1)] ?? 0;
    this.#tries[client] = tries + 1;
    return isDrawn ? this.#random() * delayMs : delayMs;
  }
}
