/**
 * Rows held against their filters alone, where nobody knows what the relay holds: do they match, is none there
 * twice, do they come newest first, are they no more than asked for. The order is looked at where there is one
 * filter, since a relay may answer several one after the other or merged; never in a search (NIP-50).
 */
import { createMatcher } from "../../../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../../../src/nostr/wire.ts";
import type { AnswerState, RowState } from "../../../src/query/answer-check.ts";

export class LooseCheck {
  private readonly matchers: readonly ((event: NostrEvent) => boolean)[];
  private readonly most: number;
  private readonly isOrdered: boolean;
  private readonly ids = new Set<string>();
  private lastTime = Number.POSITIVE_INFINITY;
  private isWrong = false;

  constructor(filters: string) {
    const asked = parseFilters(filters);
    this.matchers = asked.map(createMatcher);
    this.most = asked.reduce((sum, { limit = Number.POSITIVE_INFINITY }) => sum + limit, 0);
    this.isOrdered = asked.length === 1 && asked[0]?.search === undefined;
  }

  row(text: string): RowState {
    const event = parseRow(text);
    if (event === null || !this.matchers.some((matches) => matches(event))) {
      this.isWrong = true;
      return "notMatching";
    }
    if (this.ids.has(event.id)) return "duplicate";
    this.ids.add(event.id);
    if (this.isOrdered && event.created_at > this.lastTime) this.isWrong = true;
    this.lastTime = event.created_at;
    return "matching";
  }

  end(): AnswerState {
    return this.isWrong || this.ids.size > this.most ? "wrong" : "right";
  }
}

export function parseFilters(text: string): readonly Filter[] {
  return JSON.parse(`[${text}]`) as readonly Filter[];
}

/** The event of an EVENT frame; `null` where it has none that a filter could be held against. */
export function parseRow(text: string): NostrEvent | null {
  try {
    const event = (JSON.parse(text) as readonly unknown[])[2] as Partial<NostrEvent> | null;
    const isEvent =
      typeof event?.id === "string" &&
      typeof event.created_at === "number" &&
      typeof event.content === "string" &&
      Array.isArray(event.tags) &&
      event.tags.every(Array.isArray);
    return isEvent ? (event as NostrEvent) : null;
  } catch {
    // A relay may send anything: it is no row that was asked for.
    return null;
  }
}
