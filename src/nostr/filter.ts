import { matchesSearch } from "./search.ts";
import type { Filter, NostrEvent } from "./wire.ts";

export type FilterParse = { readonly filter: Filter } | { readonly problem: string };

const HEX_64 = /^[0-9a-f]{64}$/;
const TAG_MEMBER = /^#[a-zA-Z]$/;

/**
 * Checks one filter as it came off the wire (NIP-01, NIP-50). The problem of a refused filter opens with a
 * prefix (`invalid:` or `unsupported:`), ready for a CLOSED.
 */
export function parseFilter(value: unknown): FilterParse {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: "invalid: a filter must be an object" };
  }
  for (const [name, member] of Object.entries(value)) {
    const problem = findMemberProblem(name, member);
    if (problem !== undefined) return { problem };
  }
  return { filter: value as Filter };
}

/** Whether an event meets every member of a filter; `limit` has no part in it (NIP-01). */
export function matchesFilter(filter: Filter, event: NostrEvent): boolean {
  if (filter.kinds !== undefined && !filter.kinds.includes(event.kind)) return false;
  if (filter.since !== undefined && event.created_at < filter.since) return false;
  if (filter.until !== undefined && event.created_at > filter.until) return false;
  if (filter.ids !== undefined && !filter.ids.includes(event.id)) return false;
  if (filter.authors !== undefined && !filter.authors.includes(event.pubkey)) return false;
  if (filter.search !== undefined && !matchesSearch(filter.search, event)) return false;
  return tagConditions(filter).every(({ letter, values }) =>
    event.tags.some(
      ([name, value]) => name === letter && value !== undefined && values.includes(value),
    ),
  );
}

/** `matchesFilter` for many events: a list of 500 authors is looked up, not gone through. */
export function createMatcher(filter: Filter): (event: NostrEvent) => boolean {
  const { kinds, ids, authors, search } = filter;
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = filter;
  const setOf = <T>(list: readonly T[] | undefined) => list && new Set<T>(list);
  const [ofKinds, ofIds, ofAuthors] = [setOf(kinds), setOf(ids), setOf(authors)];
  const tags = tagConditions(filter).map(({ letter, values }) => ({ letter, of: new Set(values) }));
  return (event) =>
    ofKinds?.has(event.kind) !== false &&
    event.created_at >= since &&
    event.created_at <= until &&
    ofAuthors?.has(event.pubkey) !== false &&
    ofIds?.has(event.id) !== false &&
    tags.every(({ letter, of }) =>
      event.tags.some(([name, value]) => name === letter && value !== undefined && of.has(value)),
    ) &&
    (search === undefined || matchesSearch(search, event));
}

export interface TagCondition {
  readonly letter: string;
  readonly values: readonly string[];
}

/** The `#<letter>` members of a filter. */
export function tagConditions(filter: Filter): readonly TagCondition[] {
  const conditions: TagCondition[] = [];
  for (const name in filter) {
    if (!isTagMember(name)) continue;
    const values = filter[name];
    if (values !== undefined) conditions.push({ letter: name.slice(1), values });
  }
  return conditions;
}

/** The order of stored events: newest first, ties by lowest id (NIP-01). */
export function compareNewestFirst(
  a: Pick<NostrEvent, "created_at" | "id">,
  b: Pick<NostrEvent, "created_at" | "id">,
): number {
  if (a.created_at !== b.created_at) return b.created_at - a.created_at;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function findMemberProblem(name: string, member: unknown): string | undefined {
  switch (name) {
    case "ids":
    case "authors":
    case "#e":
    case "#p":
      return isListOf(member, isHex64) ? undefined : expected(name, "a list of 64 hex digits each");
    case "kinds":
      return isListOf(member, isKind) ? undefined : expected(name, "a list of kinds, 0 to 65535");
    case "since":
    case "until":
    case "limit":
      return isCount(member) ? undefined : expected(name, "an integer, 0 or more");
    case "search":
      return isText(member) ? undefined : expected(name, "a string");
    default:
      if (!isTagMember(name)) return `unsupported: filter member ${JSON.stringify(name)}`;
      return isListOf(member, isText) ? undefined : expected(name, "a list of strings");
  }
}

function expected(name: string, what: string): string {
  return `invalid: filter member ${JSON.stringify(name)} must be ${what}`;
}

function isTagMember(name: string): name is `#${string}` {
  return TAG_MEMBER.test(name);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isHex64(value: unknown): boolean {
  return typeof value === "string" && HEX_64.test(value);
}

function isKind(value: unknown): boolean {
  return isCount(value) && Number(value) <= 65_535;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
