/** What the questions of a run ask of a relay at most, before there is a corpus to draw them from. Pure. */
import type { NostrEvent, Tag } from "../nostr/wire.ts";
import { seededRandom } from "../random.ts";
import { findShape, parseQueryMix } from "./catalogue.ts";
import { Corpus } from "./corpus.ts";
import { Keys } from "./keys.ts";
import type { Shape } from "./shape.ts";

/** The most that one shape asks. */
export interface Demand {
  readonly shape: string;
  readonly verb: Shape["verb"];
  readonly filters: number;
  /** Of a filter, the largest; 0 where none has one. */
  readonly limit: number;
  /** Of the filters as they go on the wire; ids and keys have their full length. */
  readonly bytes: number;
  /** It asks for words (NIP-50). */
  readonly searches: boolean;
}

/** As many as any shape names in one filter. */
const MOST_PEOPLE = 500;

/** By shape of a mix, see `parseQueryMix`. `people`: so many can be asked about, where they are fewer than most shapes ask for. */
export function demandsOf(mix: string, people: number = MOST_PEOPLE): readonly Demand[] {
  const corpus = makeFullCorpus(Math.min(people, MOST_PEOPLE));
  return Object.keys(parseQueryMix(mix)).map((name) => {
    const shape = findShape(name);
    const keys = new Keys(corpus, "uniform", seededRandom("demands", name));
    const filters = shape?.ask(keys) ?? null;
    // The corpus here has something for every shape: a new shape that finds nothing is to be seen at once.
    if (shape === undefined || filters === null) throw new Error(`\`${name}\` asks for nothing`);
    return {
      shape: name,
      verb: shape.verb,
      filters: filters.length,
      limit: Math.max(0, ...filters.map(({ limit = 0 }) => limit)),
      bytes: filters.reduce((sum, filter) => sum + JSON.stringify(filter).length + 1, 0),
      searches: filters.some(({ search }) => search !== undefined),
    };
  });
}

/** People who each have and are everything that a shape may ask for. Signed by nobody. */
function makeFullCorpus(people: number): Corpus {
  const hex = (kind: number, i: number) =>
    `${kind.toString(16)}${i.toString(16)}`.padStart(64, "0");
  const events: NostrEvent[] = [];
  for (let i = 0; i < people; i++) {
    const own = { pubkey: hex(0, i), sig: "" };
    const next = hex(0, (i + 1) % people);
    const add = (kind: number, tags: readonly Tag[], content = "") => {
      events.push({ ...own, id: hex(kind + 1, i), kind, created_at: i, tags, content });
    };
    const note = hex(2, (i + 1) % people);
    add(0, []);
    add(
      1,
      [
        ["e", note],
        ["p", next],
        ["t", `t${String(i).padStart(11, "0")}`],
      ],
      `w${String(i).padStart(11, "0")}`,
    );
    add(3, [["p", next]]);
    add(
      7,
      [
        ["e", note],
        ["p", next],
      ],
      "+",
    );
    add(30_023, [["d", `article-${i}`]]);
  }
  return new Corpus(events);
}
