/** What of a file of signed events is not replayed, and why: in the pool's manifest and in the report. */
import { formatCount } from "../report/format.ts";

/** Each reason in words that follow a count. */
const WORDS = {
  "not-json": "not JSON",
  "trailing-comma": "with a comma behind the event",
  "several-events": "with several events on the line",
  "doubled-backslashes": "with doubled backslashes",
  "not-event": "without the members of a signed event, each of its type",
  tags: "with tags that are no lists of texts, or with an empty tag",
  kind: "of a kind outside 0 to 65535",
  "created-at": "with a created_at below 0 or above 4294967295",
  text: "with a text that is cut within a character",
  size: "larger than can be verified (512 KiB)",
  signature: "with a wrong id or signature",
  duplicate: "duplicates of an earlier line",
  protected: "protected (NIP-70)",
  expired: "expired, or expiring within the hour (NIP-40)",
  ephemeral: "ephemeral",
  seal: "seals (kind 13)",
  vanish: "requests to vanish (kind 62)",
  auth: "AUTH events (kind 22242)",
  "too-old": "older than the relay takes",
  "too-new": "further in the future than the relay takes",
} as const;

export type LeftOutReason = keyof typeof WORDS;

export interface LeftOut {
  readonly reason: LeftOutReason;
  readonly count: number;
  /** The numbers of the first such lines, from 1. */
  readonly lines: readonly number[];
}

/** `3 protected (NIP-70) (lines 4, 9 and 12)`; a reason that a newer version wrote stands as it is. */
export function describeLeftOut({ reason, count, lines }: LeftOut): string {
  const words = Object.hasOwn(WORDS, reason) ? WORDS[reason] : reason;
  const shown = lines.join(", ");
  const where = count > lines.length ? `${shown}, …` : shown;
  return `${formatCount(count)} ${words} (line${count === 1 ? "" : "s"} ${where})`;
}

/** The words for one line. */
export function describeReason(reason: LeftOutReason): string {
  return WORDS[reason];
}
