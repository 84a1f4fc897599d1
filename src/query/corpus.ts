/**
 * The events that questions are asked of, found by filter as NIP-01 and NIP-50 have it: what a relay that was
 * sent all of them should answer. An event goes by its *ordinal*, its place in the order of stored events:
 * newest first, ties by lowest id.
 */
import { compareNewestFirst, createMatcher, tagConditions } from "../nostr/filter.ts";
import { addressOf } from "../nostr/retention.ts";
import { askedWords, searchableWords } from "../nostr/search.ts";
import { classifyKind, type Filter, type NostrEvent } from "../nostr/wire.ts";

const SINGLE_LETTER = /^[a-zA-Z]$/;
const NONE: readonly number[] = [];

/** Ordinals under each value of one member of a filter. */
interface Member {
  readonly lists: readonly (readonly number[])[];
  readonly size: number;
}

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
    const matches = createMatcher(filter);
    return this.#candidates(filter).filter((ordinal) => {
      const event = this.events[ordinal];
      return event !== undefined && matches(event);
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
    const members: Member[] = [];
    const add = (values: readonly (string | number)[], prefix: string) => {
      const lists = values.map((value) => this.#lists.get(`${prefix}${value}`) ?? NONE);
      members.push({ lists, size: lists.reduce((sum, { length }) => sum + length, 0) });
    };
    if (filter.ids) add(filter.ids, "id:");
    if (filter.authors) add(filter.authors, "author:");
    if (filter.kinds) add(filter.kinds, "kind:");
    for (const { letter, values } of tagConditions(filter)) add(values, `#${letter}:`);
    if (filter.search !== undefined) {
      for (const word of askedWords(filter.search)) add([word], "word:");
    }
    const [fewest] = members.sort((a, b) => a.size - b.size);
    if (fewest === undefined) return this.events.map((_, ordinal) => ordinal);
    return this.#merge(fewest);
  }

  /** Several lists as one: rising, each ordinal once. */
  #merge({ lists, size }: Member): readonly number[] {
    const [first = NONE] = lists;
    if (lists.length < 2) return first;
    if (size < this.events.length / 64) return [...new Set(lists.flat())].sort((a, b) => a - b);
    // Marks are gone through once, where sorting so many takes ten times as long.
    const marks = new Uint8Array(this.events.length);
    for (const list of lists) for (const ordinal of list) marks[ordinal] = 1;
    const merged: number[] = [];
    for (let at = marks.indexOf(1); at !== -1; at = marks.indexOf(1, at + 1)) merged.push(at);
    return merged;
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
