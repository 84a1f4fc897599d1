/**
 * The corpus as a VU knows it: which event an id is. Its file has a line for each event, the newest first:
 * the first 13 hex digits of the id, and `created_at`. So many digits tell a million events apart but for one
 * chance in 10,000; they are looked up as text, as making a number of them costs more than the look. Where relays
 * hold different parts of it, a line names those that lack its event.
 */
import { ranksOf } from "../../../src/query/expected-answer.ts";
import { ROW_KEY_LENGTH } from "../../../src/query/rows-file.ts";

/** Stands before an event's id and nowhere else in a frame: in texts a quote is escaped, and tags are texts. */
export const ID_MARK = '"id":"';

export interface CorpusRows {
  /** By ordinal, what a frame with this event holds and no other does. */
  readonly marks: readonly string[];
  /** The first digits of an id → its ordinal. */
  readonly ordinals: ReadonlyMap<string, number>;
  readonly ranks: Uint32Array;
  /** By holder (`PoolManifest.holders`), ordinals of what its relays do not hold; none where all hold the same. */
  readonly lacking: readonly ReadonlySet<number>[];
}

export function readCorpusRows(text: string): CorpusRows {
  const lines = text.split("\n").filter((line) => line !== "");
  const keys = lines.map((line) => line.substring(0, ROW_KEY_LENGTH));
  return {
    marks: keys.map((key) => `${ID_MARK}${key}`),
    ordinals: new Map(keys.map((key, ordinal) => [key, ordinal])),
    ranks: ranksOf(
      lines.map((line) => ({
        created_at: Number.parseInt(line.substring(ROW_KEY_LENGTH + 1), 10),
      })),
    ),
    lacking: lackingOf(lines),
  };
}

function lackingOf(lines: readonly string[]): readonly ReadonlySet<number>[] {
  const lacking: Set<number>[] = [];
  for (const [ordinal, line] of lines.entries()) {
    const at = line.indexOf(" ", ROW_KEY_LENGTH + 1);
    if (at === -1) continue;
    for (const holder of line
      .substring(at + 1)
      .split(",")
      .map(Number)) {
      while (lacking.length <= holder) lacking.push(new Set());
      lacking[holder]?.add(ordinal);
    }
  }
  return lacking;
}

export const NO_CORPUS: CorpusRows = {
  marks: [],
  ordinals: new Map(),
  ranks: new Uint32Array(),
  lacking: [],
};
