/**
 * The events that questions are asked of, found by filter as NIP-01 and NIP-50 have it: what a relay that was
 * sent all of them should answer. An event goes by its *ordinal*, its place in the order of stored events:
 * newest first, ties by lowest id.
 */
import { compareNewestFirst, matchesFilter, tagConditions } from "../nostr/filter.ts";
import { addressOf } from "../nostr/retention.ts";
import { askedWords, searchableWords } from "../nostr/search.ts";
import { classifyKind, type Filter, type NostrEvent } from "../nostr/wire.ts";

const SINGLE_LETTER = /^[a-zA-Z]$/;

export class Corpus {
  /** What is kept of what was sent (NIP-01: of an address the newest, nothing ephemeral), by ordinal. */
  readonly events: readonly NostrEvent[];
  /** `id:<id>`, `author:<key>`, `kind:<n>`, `#<letter>:<value>`, `word:<word>` → ordinals, rising. */
  readonly #lists = new Map<string, number[]>();

  constructor(sent: Iterable<NostrEvent>) {
    this.events = kept(sent).sort(compareNewestFirst);
    for (const [ordinal, event] of this.events.entries()) {
      for (const key of keysOf(event)) {
        const list = this.#lists.get(key);
        if (list === undefined) this.#lists.set(key, [ordinal]);
        else list.push(ordinal);
      }
    }
  }

  /** Ordinals of all events that a filter matches, rising; its `limit` has no part in it. */
  select(filter: Filter): readonly number[] {
    return this.#candidates(filter).filter((ordinal) => {
      const event = this.events[ordinal];
      return event !== undefined && matchesFilter(filter, event);
    });
  }

  /** Values under which events stand, such as those of `#t` for `"#t:"`, with their ordinals, the newest first. */
  *listsOf(prefix: string): Generator<readonly [value: string, ordinals: readonly number[]]> {
    for (const [key, ordinals] of this.#lists) {
      if (key.startsWith(prefix)) yield [key.slice(prefix.length), ordinals];
    }
  }

  /** At least all that match: those under the member of the filter with the fewest. */
  #candidates(filter: Filter): readonly number[] {
    const members: (readonly string[])[] = [];
    if (filter.ids) members.push(filter.ids.map((id) => `id:${id}`));
    if (filter.authors) members.push(filter.authors.map((author) => `author:${author}`));
    if (filter.kinds) members.push(filter.kinds.map((kind) => `kind:${kind}`));
    for (const { letter, values } of tagConditions(filter)) {
      members.push(values.map((value) => `#${letter}:${value}`));
    }
    if (filter.search !== undefined) {
      for (const word of askedWords(filter.search)) members.push([`word:${word}`]);
    }
    const sizeOf = (keys: readonly string[]) =>
      keys.reduce((sum, key) => sum + (this.#lists.get(key)?.length ?? 0), 0);
    const [fewest] = members.sort((a, b) => sizeOf(a) - sizeOf(b));
    if (fewest === undefined) return this.events.map((_, ordinal) => ordinal);
    const found = new Set(fewest.flatMap((key) => this.#lists.get(key) ?? []));
    return [...found].sort((a, b) => a - b);
  }
}

function kept(sent: Iterable<NostrEvent>): NostrEvent[] {
  const byAddress = new Map<string, NostrEvent>();
  for (const event of sent) {
    if (classifyKind(event.kind) === "ephemeral") continue;
    const address = addressOf(event) ?? event.id;
    const known = byAddress.get(address);
    if (known === undefined || compareNewestFirst(event, known) < 0) byAddress.set(address, event);
  }
  return [...byAddress.values()];
}

function keysOf(event: NostrEvent): ReadonlySet<string> {
  const keys = new Set([`id:${event.id}`, `author:${event.pubkey}`, `kind:${event.kind}`]);
  for (const [name, value] of event.tags) {
    if (value !== undefined && SINGLE_LETTER.test(name)) keys.add(`#${name}:${value}`);
  }
  for (const word of searchableWords(event)) keys.add(`word:${word}`);
  return keys;
}
