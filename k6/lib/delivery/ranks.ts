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
  const shares = RANKS.map(([, share]) => share);
  const byShare = RANKS.map(([time]) => times[time]);
  /** Room for as many times, by their number. */
  const rooms = new Map<number, Float64Array>();
  const roomFor = (count: number): Float64Array => {
    const room = rooms.get(count) ?? new Float64Array(count);
    rooms.set(count, room);
    return room;
  };
  /** By chance, not by turn: topics have turns too. */
  const isChosen = ({ key }: Sent) =>
    every <= 1 || Number.parseInt(substring(key, KEY_LENGTH - 8), 16) % every === 0;
  return (sent: Sent): void => {
    if (!isChosen(sent)) return;
    const { row, slots, whole, left } = sent;
    const inOrder = roomFor(slots.length);
    // No loop of ours, and no function to compare with: that took ten times as long. What has no time is below all that have.
    inOrder.set(slots);
    inOrder.sort();
    const arrived = whole - left;
    const first = slots.length - arrived;
    const firstMs = inOrder[first] as number;
    record(times.spread[row] as Histogram, (inOrder[slots.length - 1] as number) - firstMs);
    // By index: each turn of `for … of` makes objects.
    for (let i = 0; i < shares.length; i++) {
      const receivedMs = inOrder[first + Math.ceil((shares[i] as number) * arrived) - 1] as number;
      record(byShare[i]?.[row] as Histogram, receivedMs - firstMs);
    }
  };
}
