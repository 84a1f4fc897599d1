/**
 * What each of several relays holds of one corpus, where they took different parts of it: the same question has
 * another right answer at each of them. A row goes by its ordinal among all that any of them holds.
 */
import { compareNewestFirst } from "../nostr/filter.ts";
import type { Filter, NostrEvent } from "../nostr/wire.ts";
import type { Corpus } from "./corpus.ts";
import { type ExpectedAnswer, expectAnswer, expectCount } from "./expected-answer.ts";
import type { Shape } from "./shape.ts";

interface Holding {
  readonly corpus: Corpus;
  /** By its own ordinals, those of the whole: they rise with them. */
  readonly ordinals: readonly number[];
}

export class Holdings {
  /** What any of them holds, the newest first. */
  readonly events: readonly NostrEvent[];
  readonly #holdings: readonly Holding[];

  constructor(corpora: readonly Corpus[]) {
    const all = new Map(corpora.flatMap(({ events }) => events.map((event) => [event.id, event])));
    this.events = [...all.values()].sort(compareNewestFirst);
    const ordinals = new Map(this.events.map(({ id }, ordinal) => [id, ordinal]));
    this.#holdings = corpora.map((corpus) => ({
      corpus,
      ordinals: corpus.events.map(({ id }) => ordinals.get(id) ?? 0),
    }));
  }

  /** The right answer of each. */
  expect(verb: Shape["verb"], filters: readonly Filter[]): readonly (ExpectedAnswer | number)[] {
    return this.#holdings.map(({ corpus, ordinals }) => {
      if (verb === "COUNT") return expectCount(corpus, filters);
      const own = expectAnswer(corpus, filters);
      const whole = (list: readonly number[]) => list.map((ordinal) => ordinals[ordinal] ?? 0);
      const { parts, anywhere, either } = own;
      const rows = { anywhere: whole(anywhere), either: whole(either) };
      return { ...own, ...rows, parts: parts.map(whole) };
    });
  }

  /** By ordinal, which of them do not hold the event. */
  lackedBy(): readonly (readonly number[])[] {
    const lacked = this.events.map(() => [] as number[]);
    for (const [holder, { ordinals }] of this.#holdings.entries()) {
      const held = new Set(ordinals);
      for (const [ordinal, lacking] of lacked.entries())
        if (!held.has(ordinal)) lacking.push(holder);
    }
    return lacked;
  }
}
