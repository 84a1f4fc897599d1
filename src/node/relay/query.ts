import { tagConditions } from "../../nostr/filter.ts";
import { askedWords } from "../../nostr/search.ts";
import type { Filter } from "../../nostr/wire.ts";
import { toKeyText } from "./schema.ts";

/** What to select rows of `events` from, a WHERE clause and the values to bind, in order. */
export interface Condition {
  readonly from: string;
  readonly where: string;
  readonly values: readonly (string | number)[];
  /** Which rows come first: the newest (NIP-01), in a search the best match (NIP-50). */
  readonly order: string;
}

const NEWEST_FIRST = "created_at DESC, id";
/**
 * From so many pairs of author and kind on, the newest events are looked through for them: one search a pair
 * and the sort of what all of them found cost more. A feed of 500 authors and two kinds out of 20,000 events: 3 ms
 * for 9.
 */
const MANY_PAIRS = 200;

/**
 * The rows that a filter selects, expired ones left out (NIP-40). Lists of several values are bound
 * as one JSON array: the text depends on the filter's shape only, so prepared statements are reused,
 * and no list runs into SQLite's bound on variables.
 */
export function toCondition(filter: Filter, nowSec: number): Condition {
  const terms: string[] = ["(expires_at IS NULL OR expires_at > ?)"];
  const values: (string | number)[] = [nowSec];
  const add = (term: string, value: string | number): void => {
    terms.push(term);
    values.push(value);
  };
  const addList = (column: string, list: readonly (string | number)[] | undefined): void => {
    if (list === undefined) return;
    const [only] = list;
    if (list.length === 1 && only !== undefined) add(`${column} = ?`, only);
    else add(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(list));
  };
  const { authors = [], kinds = [] } = filter;
  const isBroad = authors.length * Math.max(1, kinds.length) > MANY_PAIRS;
  addList("id", filter.ids);
  // A plus keeps SQLite from the index of that column.
  addList(isBroad ? "+pubkey" : "pubkey", filter.authors);
  addList(isBroad && kinds.length > 1 ? "+kind" : "kind", filter.kinds);
  if (filter.since !== undefined) add("created_at >= ?", filter.since);
  if (filter.until !== undefined) add("created_at <= ?", filter.until);
  for (const { letter, values: tagValues } of tagConditions(filter)) {
    values.push(letter, JSON.stringify(tagValues.map(toKeyText)));
    terms.push(
      "seq IN (SELECT seq FROM tags WHERE letter = ? AND value IN (SELECT value FROM json_each(?)))",
    );
  }
  if (filter.search !== undefined) {
    add("texts MATCH ?", toMatch(filter.search));
  }
  const isSearch = filter.search !== undefined;
  return {
    from: isSearch ? "events JOIN texts ON texts.rowid = seq" : "events",
    where: terms.join(" AND "),
    values,
    order: isSearch ? `rank, ${NEWEST_FIRST}` : NEWEST_FIRST,
  };
}

/** A `search` as an expression of SQLite's FTS5: every word, none of them read as an operator. */
function toMatch(search: string): string {
  const words = askedWords(search);
  // A search without a word finds nothing: so does this word, as no content holds it.
  return words.length === 0 ? '"\u{f8ff}"' : words.map((word) => `"${word}"`).join(" ");
}
