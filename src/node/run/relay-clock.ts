/**
 * This machine's clock held against a relay's, by the `Date` of its answers: the one clock that instances on several
 * machines have in common. It has whole seconds; asked around the turn of one, each look halves what is open.
 */
import type { ClockReading } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { type GetLimits, pinnedGet } from "../guard/pinned-get.ts";

const LOOKS = 7;
const SECOND_MS = 1_000;
const LEAST_PAUSE_MS = 500;
const LIMITS: GetLimits = { timeoutMs: 2_000, maxBytes: 262_144 };

export interface Looks {
  /** A relay's `Date` as Unix ms; `null` where it gives none. */
  readonly ask: () => Promise<number | null>;
  /** Unix ms. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** `null` where an answer has no `Date`. Takes some seconds. */
export async function readClock({ ask, now, pause }: Looks): Promise<ClockReading | null> {
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) {
      const middle = (least + most) / 2;
      // From now to a turn of a second, if the relay is ahead by the middle of what is open; so late that a `Date`
      // which is kept contradicts itself.
      const since = (((now() + middle) % SECOND_MS) + SECOND_MS) % SECOND_MS;
      await pause((since > LEAST_PAUSE_MS ? 2 : 1) * SECOND_MS - since);
    }
    const askedMs = now();
    const date = await ask();
    if (date === null) return null;
    // It was written at some moment of the request, and of its second.
    least = Math.max(least, date - now());
    most = Math.min(most, date + SECOND_MS - askedMs);
  }
  // Where the bounds contradict each other, by a `Date` that is kept for a while, they are as far off.
  return {
    aheadMs: Math.round((least + most) / 2),
    uncertainMs: Math.ceil(Math.abs(most - least) / 2) + 1,
  };
}

/** The `Date` of a relay's information document, or of what it answers instead. */
export async function askDate({
  url,
  addresses,
  headers = {},
  ca,
}: Admission): Promise<number | null> {
  const { date = null } = await pinnedGet({
    ...{ url, headers, ca, limits: LIMITS, port: url.port, path: url.path },
    address: addresses[0],
    accept: "application/nostr+json",
  });
  return date;
}
