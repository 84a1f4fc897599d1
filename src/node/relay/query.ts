import { tagConditions } from "../../nostr/filter.ts";
import type { Filter } from "../../nostr/wire.ts";
import { toKeyText } from "./schema.ts";

/** A WHERE clause over `events` and the values to bind, in order. */
export interface Condition {
  readonly where: string;
  readonly values: readonly (string | number)[];
}

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
  addList("id", filter.ids);
  addList("pubkey", filter.authors);
  addList("kind", filter.kinds);
  if (filter.since !== undefined) add("created_at >= ?", filter.since);
  if (filter.until !== undefined) add("created_at <= ?", filter.until);
  for (const { letter, values: tagValues } of tagConditions(filter)) {
    values.push(letter, JSON.stringify(tagValues.map(toKeyText)));
    terms.push(
      "seq IN (SELECT seq FROM tags WHERE letter = ? AND value IN (SELECT value FROM json_each(?)))",
    );
  }
  return { where: terms.join(" AND "), values };
}
