/** How long behind the first receiver of an event others had it, by their rank. */
import type { Book } from "../../../src/measure/book.ts";
import { RANKS } from "../../../src/measure/classes/delivery.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import { record, substring } from "../hot.ts";
import { KEY_LENGTH, type Sent } from "./sent.ts";

/** Receivers a second whose times are put in order. Of more, some events stand for all. */
const MOST_RANKED = 5_000;

/** Gives what is done with an event that several receivers have. `perSecond`: deliveries of the VU. */
export function createRanks(times: Book<"delivery">["times"], perSecond: number) {
  const every = Math.ceil(perSecond / MOST_RANKED);
  let room = new Float64Array(64);
  /** By chance, not by turn: topics have turns too. */
  const isChosen = ({ key }: Sent) =>
    every <= 1 || Number.parseInt(substring(key, KEY_LENGTH - 8), 16) % every === 0;
  return (sent: Sent): void => {
    if (!isChosen(sent)) return;
    const { row, slots, whole, left } = sent;
    if (room.length < slots.length) room = new Float64Array(slots.length * 2);
    // No loop of ours, and no function to compare with: that took ten times as long. What has no time is below all that have.
    room.set(slots);
    const inOrder = room.subarray(0, slots.length).sort();
    const arrived = whole - left;
    const first = slots.length - arrived;
    const firstMs = inOrder[first] as number;
    record(times.spread[row] as Histogram, (inOrder[slots.length - 1] as number) - firstMs);
    for (const [time, share] of RANKS) {
      const receivedMs = inOrder[first + Math.ceil(share * arrived) - 1] as number;
      record(times[time][row] as Histogram, receivedMs - firstMs);
    }
  };
}
