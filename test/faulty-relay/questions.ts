/** REQs and COUNTs as the faulty relay reads them, and their answers by NIP-01 and NIP-45. */
import { compareNewestFirst } from "../../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../../src/nostr/wire.ts";
import type { Corpus } from "../../src/query/corpus.ts";

export interface Question {
  readonly verb: "REQ" | "COUNT";
  readonly id: string;
  readonly filters: readonly Filter[];
  /** Among all questions of this relay, from 0. */
  readonly place: number;
  /** The last question of this connection before this one that has its end. */
  readonly answered: string | undefined;
}

/** The right answer. */
export interface Right {
  /** By filter: newest first, ties by lowest id, up to the limit. */
  readonly byFilter: readonly (readonly NostrEvent[])[];
  /** Each once, those of a filter behind those of the one before. */
  readonly rows: readonly NostrEvent[];
  /** All rows that may be in a right answer: more, where a limit falls among events of one second. */
  readonly allowed: ReadonlySet<NostrEvent>;
  /** Every row is needed: one less, and the answer is short. */
  readonly isExact: boolean;
  readonly count: number;
}

export function answerRightly(corpus: Corpus, filters: readonly Filter[]): Right {
  const found = filters.map((filter) => {
    const all = corpus.select(filter).flatMap((ordinal) => corpus.events[ordinal] ?? []);
    const { limit = all.length, search } = filter;
    const rows = all.slice(0, limit);
    const lastTime = rows.at(-1)?.created_at ?? Number.POSITIVE_INFINITY;
    const isAllowed = ({ created_at }: NostrEvent) =>
      search === undefined ? created_at >= lastTime : limit > 0;
    return { all, rows, allowed: all.filter(isAllowed) };
  });
  const rows = [...new Set(found.flatMap((of) => of.rows))];
  const allowed = new Set(found.flatMap((of) => of.allowed));
  return {
    byFilter: found.map((of) => of.rows),
    rows,
    allowed,
    isExact: filters.length === 1 || allowed.size === rows.length,
    count: new Set(found.flatMap((of) => of.all)).size,
  };
}

export function newestFirst(rows: readonly NostrEvent[]): readonly NostrEvent[] {
  return rows.toSorted(compareNewestFirst);
}
