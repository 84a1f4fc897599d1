/**
 * Which event an id is, for who checks rows: a line for each event of the corpus by its ordinal, with the first 13
 * digits of its id, which tell a million events apart but for one chance in 10,000, and its `created_at`. Where
 * relays hold different parts of it, a third word names those that lack it, `0,2`: see `holders` of the manifest.
 */
import type { NostrEvent } from "../nostr/wire.ts";

/** Beside a pool of questions. */
export const ROWS_FILE = "rows.txt";
export const ROW_KEY_LENGTH = 13;

export function formatRow(
  { id, created_at }: Pick<NostrEvent, "id" | "created_at">,
  lackedBy: readonly number[] = [],
): string {
  const lacking = lackedBy.length === 0 ? "" : ` ${lackedBy.join(",")}`;
  return `${id.substring(0, ROW_KEY_LENGTH)} ${created_at}${lacking}\n`;
}
