import { matchesFilter, tagConditions } from "../../nostr/filter.ts";
import type { Filter, NostrEvent } from "../../nostr/wire.ts";

/** A live subscription; `deliver` is called once for an event that meets any of its filters. */
export interface Subscription {
  readonly id: string;
  readonly filters: readonly Filter[];
  readonly deliver: (frame: Buffer) => void;
}

interface IndexedFilter {
  readonly subscription: Subscription;
  readonly filter: Filter;
}

const ANY = "any";

/**
 * Finds the live subscriptions for an event without asking all of them: each filter stands under
 * the values of its most selective member (ids, then a tag, then authors, then kinds), and an event
 * is checked against the filters under its own id, tags, author and kind only.
 */
export class LiveSubscriptions {
  readonly #byKey = new Map<string, Set<IndexedFilter>>();
  readonly #entries = new Map<Subscription, readonly IndexedFilter[]>();

  add(subscription: Subscription): void {
    const entries = subscription.filters.map((filter) => ({ subscription, filter }));
    this.#entries.set(subscription, entries);
    for (const entry of entries) {
      for (const key of filterKeys(entry.filter)) {
        const under = this.#byKey.get(key);
        if (under === undefined) this.#byKey.set(key, new Set([entry]));
        else under.add(entry);
      }
    }
  }

  remove(subscription: Subscription): void {
    for (const entry of this.#entries.get(subscription) ?? []) {
      for (const key of filterKeys(entry.filter)) {
        const under = this.#byKey.get(key);
        under?.delete(entry);
        if (under?.size === 0) this.#byKey.delete(key);
      }
    }
    this.#entries.delete(subscription);
  }

  /** Sends an event to every subscription that asks for it. */
  broadcast(event: NostrEvent, raw: string): void {
    // Clients like to use the same subscription id: those frames are built once.
    const frames = new Map<string, Buffer>();
    for (const subscription of this.#find(event)) {
      let frame = frames.get(subscription.id);
      if (frame === undefined) {
        frame = Buffer.from(`["EVENT",${JSON.stringify(subscription.id)},${raw}]`);
        frames.set(subscription.id, frame);
      }
      subscription.deliver(frame);
    }
  }

  #find(event: NostrEvent): Set<Subscription> {
    const found = new Set<Subscription>();
    for (const key of eventKeys(event)) {
      for (const { subscription, filter } of this.#byKey.get(key) ?? []) {
        if (!found.has(subscription) && matchesFilter(filter, event)) found.add(subscription);
      }
    }
    return found;
  }
}

function filterKeys(filter: Filter): readonly string[] {
  if (filter.ids !== undefined) return filter.ids.map((id) => `id:${id}`);
  const [tag] = tagConditions(filter);
  if (tag !== undefined) return tag.values.map((value) => `#${tag.letter}:${value}`);
  if (filter.authors !== undefined) return filter.authors.map((author) => `author:${author}`);
  if (filter.kinds !== undefined) return filter.kinds.map((kind) => `kind:${kind}`);
  return [ANY];
}

function eventKeys(event: NostrEvent): Set<string> {
  const keys = new Set([ANY, `id:${event.id}`, `author:${event.pubkey}`, `kind:${event.kind}`]);
  for (const [name, value] of event.tags) {
    if (value !== undefined && name.length === 1) keys.add(`#${name}:${value}`);
  }
  return keys;
}
