/** What questions may be asked about: authors, notes, topics and the like that a corpus has answers for. */
import { drawZipf } from "../events/popularity.ts";
import { addressOf } from "../nostr/retention.ts";
import type { NostrEvent } from "../nostr/wire.ts";
import { type Random, randomInt } from "../random.ts";
import type { Corpus } from "./corpus.ts";

/**
 * Which keys are asked for, after the names of YCSB: `zipf` the popular ones most, `latest` those with the
 * newest events most, `uniform` all alike. One key for all questions would measure a cache.
 */
export const KEY_ORDERS = ["zipf", "latest", "uniform"] as const;
export type KeyOrder = (typeof KEY_ORDERS)[number];

/** A word that so many events hold at most is searched for: fewer than a relay's limit on rows. */
const MOST_MATCHES = 100;
/** Shorter words stand in many texts, and relays leave some of them out of their index. */
const SHORTEST_WORD = 8;

type Listed = readonly [value: string, ordinals: readonly number[]];

export class Keys {
  readonly corpus: Corpus;
  readonly random: Random;
  readonly #order: KeyOrder;
  readonly #lists = new Map<string, readonly string[]>();

  constructor(corpus: Corpus, order: KeyOrder, random: Random) {
    this.corpus = corpus;
    this.random = random;
    this.#order = order;
  }

  /** Who has published. */
  get authors(): readonly string[] {
    return this.#list("authors", () => this.#under("author:"));
  }

  /** Who has a profile. */
  get people(): readonly string[] {
    return this.#list("people", () => this.#under("author:", ({ kind }) => kind === 0));
  }

  /** Who is spoken to or of, in notes and reactions. */
  get mentioned(): readonly string[] {
    return this.#list("mentioned", () => this.#under("#p:", ({ kind }) => kind !== 3));
  }

  /** Who is followed. */
  get followed(): readonly string[] {
    return this.#list("followed", () => this.#under("#p:", ({ kind }) => kind === 3));
  }

  /** Ids of events that others point at. */
  get posts(): readonly string[] {
    return this.#list("posts", () => this.#under("#e:"));
  }

  get hashtags(): readonly string[] {
    return this.#list("hashtags", () => this.#under("#t:", ({ kind }) => kind === 1));
  }

  get words(): readonly string[] {
    const isRare = ([word, { length }]: Listed) =>
      word.length >= SHORTEST_WORD && length <= MOST_MATCHES && /\d/.test(word);
    return this.#list("words", () => this.#under("word:").filter(isRare));
  }

  /** `<kind>:<pubkey>:<d>` of addressable events. */
  get addresses(): readonly string[] {
    return this.#list("addresses", () =>
      this.corpus.events.flatMap((event, ordinal): Listed[] => {
        const address = event.kind >= 30_000 ? addressOf(event) : undefined;
        return address === undefined ? [] : [[address, [ordinal]]];
      }),
    );
  }

  /** One of a list, by the order of keys; `undefined` of an empty one. */
  pick(list: readonly string[]): string | undefined {
    if (list.length === 0) return undefined;
    const at =
      this.#order === "uniform"
        ? randomInt(this.random, list.length)
        : drawZipf(this.random, list.length);
    return list[at];
  }

  /** So many different ones, or as many as there are. */
  pickSome(list: readonly string[], count: number): readonly string[] {
    if (list.length <= count) return list;
    const picked = new Set<string>();
    // Zipf's law brings the first ones again and again: what is still missing then follows one another.
    for (let draws = 0; picked.size < count && draws < 4 * count; draws++) {
      const value = this.pick(list);
      if (value !== undefined) picked.add(value);
    }
    const first = randomInt(this.random, list.length);
    for (let i = 0; picked.size < count; i++) {
      const value = list[(first + i) % list.length];
      if (value !== undefined) picked.add(value);
    }
    return [...picked];
  }

  #under(prefix: string, isMeant: (event: NostrEvent) => boolean = () => true): Listed[] {
    return [...this.corpus.listsOf(prefix)].flatMap(([value, ordinals]): Listed[] => {
      const meant = ordinals.filter((ordinal) => {
        const event = this.corpus.events[ordinal];
        return event !== undefined && isMeant(event);
      });
      return meant.length === 0 ? [] : [[value, meant]];
    });
  }

  #list(name: string, listed: () => readonly Listed[]): readonly string[] {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const values = [...listed()].sort(this.#compare).map(([value]) => value);
    this.#lists.set(name, values);
    return values;
  }

  /** The likeliest first; those alike by their value, so that the same corpus gives the same draws. */
  readonly #compare = ([a, of]: Listed, [b, than]: Listed): number => {
    const byRank =
      this.#order === "latest" ? (of[0] ?? 0) - (than[0] ?? 0) : than.length - of.length;
    if (byRank !== 0) return byRank;
    return a < b ? -1 : 1;
  };
}
