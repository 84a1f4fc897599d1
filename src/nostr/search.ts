/** Full-text search (NIP-50): which events a `search` member finds. The order among them is the relay's. */
import type { NostrEvent } from "./wire.ts";

const WORD = /[\p{L}\p{N}]+/gu;
const MARKS = /\p{M}/gu;
/** `key:value` words are extensions; those that a relay does not know are to be ignored (NIP-50). */
const EXTENSION = /(?:^|\s)[a-z]+:\S*/g;
const PROFILE_KIND = 0;

type Text = Pick<NostrEvent, "kind" | "content">;

/**
 * The words of an event as a search compares them: letters and digits of the content, lower case, without
 * diacritics. An application's data (JSON, but for a profile) has none: nobody wrote it to be read.
 */
export function searchableWords({ kind, content }: Text): readonly string[] {
  return kind !== PROFILE_KIND && content.startsWith("{") ? [] : wordsOf(content);
}

/** The words that a `search` asks for; none when it holds nothing but extensions. */
export function askedWords(search: string): readonly string[] {
  return wordsOf(search.replace(EXTENSION, " "));
}

/** Whether an event holds every word that is asked for. A search without a word finds nothing. */
export function matchesSearch(search: string, event: Text): boolean {
  const asked = askedWords(search);
  if (asked.length === 0) return false;
  const held = new Set(searchableWords(event));
  return asked.every((word) => held.has(word));
}

function wordsOf(text: string): readonly string[] {
  return text.normalize("NFD").replace(MARKS, "").toLowerCase().match(WORD) ?? [];
}
