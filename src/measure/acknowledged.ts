/**
 * Which publishes a VU notes for the read-back: every so many of those the relay accepted, so that a
 * run of any length leaves about `MOST_NOTED` of them, and a smaller one leaves all.
 */

const MOST_NOTED = 10_000;
/** Of a run without an audit; each VU notes its first one at least. */
const MOST_SPOTS = 10;

/**
 * Hex digits of an event's id that a note holds: 64 bits, so that no other event of a pool is meant.
 */
export const NOTED_ID_LENGTH = 16;

/** One of so many accepted publishes is noted, for a schedule of `events` events. */
export function noteEvery(events: number, isAudited = true): number {
  return Math.max(1, Math.ceil(events / (isAudited ? MOST_NOTED : MOST_SPOTS)));
}
