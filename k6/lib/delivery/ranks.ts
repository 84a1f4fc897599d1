/** How long behind the first receiver of an event others had it, by their rank. */
import type { Book } from "../../../src/measure/book.ts";
import { RANKS } from "../../../src/measure/classes/delivery.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import { record, substring } from "../hot.ts";
import { AWAITED, KEY_LENGTH, type Sent } from "./sent.ts";

/**
 * Receivers a second whose times are put in order, 0.3 % of a core: one takes 0.6 µs in k6's interpreter, a fifth of what
 * its delivery takes there. Of more, some events stand for all.
 */
const MOST_RANKED = 5_000;

/** Gives what is done with an event that several receivers have. `perSecond`: deliveries of the VU. */
export function createRanks(times: Book<"delivery">["times"], perSecond: number) {
  const every = Math.ceil(perSecond / MOST_RANKED);
  let inOrder = new Float64Array(64);
  /** By chance, not by turn: topics have turns too. */
  const isChosen = ({ key }: Sent) =>
    every <= 1 || Number.parseInt(substring(key, KEY_LENGTH - 8), 16) % every === 0;
  return (sent: Sent): void => {
    const { row, slots, firstMs, lastMs } = sent;
    if (!isChosen(sent)) return;
    record(times.spread[row] as Histogram, lastMs - firstMs);
    if (inOrder.length < slots.length) inOrder = new Float64Array(slots.length * 2);
    let n = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      const receivedMs = slots[slot] as number;
      if (receivedMs > AWAITED) inOrder[n++] = receivedMs;
    }
    // Without a function to compare with: 0.1 of the time.
    const known = inOrder.subarray(0, n).sort();
    for (const [time, share] of RANKS) {
      const receivedMs = known[Math.ceil(share * n) - 1] as number;
      record(times[time][row] as Histogram, receivedMs - (known[0] as number));
    }
  };
}
