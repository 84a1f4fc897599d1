/** The right answer to a question, from the corpus alone. */
import type { Filter, NostrEvent } from "../nostr/wire.ts";
import type { Corpus } from "./corpus.ts";

/**
 * What the rows of a right answer are. Where a filter's `limit` falls among events of one second, or a search
 * has more matches than it asks for, a relay may choose: `either` are those it chooses from.
 */
export interface ExpectedAnswer {
  /**
   * By filter, ordinals that must be there, rising. A row that two filters find stands with the first: a
   * relay sends it once, or a second time as a duplicate.
   */
  readonly parts: readonly (readonly number[])[];
  /**
   * Ordinals that must be there too, rising, in any place: one filter finds them, and an earlier or later one may
   * choose them, so that a relay which answers filter by filter sends them with either.
   */
  readonly anywhere: readonly number[];
  /** Ordinals that may be there, rising; most questions have none. */
  readonly either: readonly number[];
  /** Rows out of `either`, at least and at most. */
  readonly least: number;
  readonly most: number;
  /** The rows of each filter come newest first; not so in a search, whose order is the relay's (NIP-50). */
  readonly isOrdered: boolean;
}

export function expectAnswer(corpus: Corpus, filters: readonly Filter[]): ExpectedAnswer {
  const sure = new Set<number>();
  const either = new Set<number>();
  let least = 0;
  let most = 0;
  const parts = filters.map((filter) => {
    const found = expectOf(corpus, filter);
    for (const ordinal of found.either) either.add(ordinal);
    most += found.chosen;
    // Rows that two filters choose alike come once.
    least = Math.max(least, found.chosen);
    const part = found.sure.filter((ordinal) => !sure.has(ordinal));
    for (const ordinal of part) sure.add(ordinal);
    return part;
  });
  // What another filter is sure of is no choice any more; it may have been one of those chosen.
  const settled = new Set([...sure].filter((ordinal) => either.delete(ordinal)));
  return {
    parts: parts.map((part) => part.filter((ordinal) => !settled.has(ordinal))),
    anywhere: [...settled].sort((a, b) => a - b),
    either: [...either].sort((a, b) => a - b),
    least: Math.max(0, least - settled.size),
    most: Math.min(most, either.size),
    isOrdered: filters.every(({ search }) => search === undefined),
  };
}

/** How many events the filters of a COUNT match (NIP-45), each once. */
export function expectCount(corpus: Corpus, filters: readonly Filter[]): number {
  return new Set(filters.flatMap((filter) => corpus.select(filter))).size;
}

function expectOf(corpus: Corpus, filter: Filter) {
  const matching = corpus.select(filter);
  const limit = filter.limit ?? Number.POSITIVE_INFINITY;
  if (matching.length <= limit) return { sure: matching, either: [], chosen: 0 };
  if (filter.search !== undefined) return { sure: [], either: matching, chosen: limit };
  const timeOf = (ordinal: number | undefined) =>
    ordinal === undefined ? undefined : corpus.events[ordinal]?.created_at;
  const lastTime = timeOf(matching[limit - 1]);
  if (limit === 0 || timeOf(matching[limit]) !== lastTime) {
    return { sure: matching.slice(0, limit), either: [], chosen: 0 };
  }
  const sure = matching.filter((ordinal) => Number(timeOf(ordinal)) > Number(lastTime));
  const either = matching.filter((ordinal) => timeOf(ordinal) === lastTime);
  return { sure, either, chosen: limit - sure.length };
}

/** By ordinal, the first ordinal of the same second: rows of equal rank come in any order. */
export function ranksOf(events: readonly Pick<NostrEvent, "created_at">[]): Uint32Array {
  const ranks = new Uint32Array(events.length);
  for (let at = 1; at < events.length; at++) {
    const isTie = events[at]?.created_at === events[at - 1]?.created_at;
    ranks[at] = isTie ? (ranks[at - 1] ?? 0) : at;
  }
  return ranks;
}
