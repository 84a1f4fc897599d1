/** Questions and their right answers, and how the rows of an answer are held against them. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { EventStore } from "../src/node/relay/store.ts";
import { compareNewestFirst, matchesFilter } from "../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { AnswerCheck, type AnswerState, type Bound } from "../src/query/answer-check.ts";
import { parseQueryMix, queryPresets, shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { demandsOf } from "../src/query/demands.ts";
import { type ExpectedAnswer, expectAnswer, ranksOf } from "../src/query/expected-answer.ts";
import { SHAPE_FACTS, type ShapeFacts } from "../src/query/facts.ts";
import { KEY_ORDERS } from "../src/query/keys.ts";
import { expectedOf, filtersOf, formatQuestion } from "../src/query/question-line.ts";
import { drawQuestions, type Question } from "../src/query/questions.ts";
import { corpusEvents } from "./corpus-events.ts";

const NOW = DEFAULT_EPOCH + 100_000;
const LIMITS = { max_limit: 5_000, default_limit: 5_000 };
const UNBOUNDED: Bound = { rows: null, saidMore: false };

function take(questions: Generator<Question>, count: number): readonly Question[] {
  return Array.from({ length: count }, () => questions.next().value as Question);
}

/** Rows as a relay sends them, by their ordinals; the verdict. */
function judge(
  expected: ExpectedAnswer,
  ranks: Uint32Array,
  rows: readonly (number | undefined)[],
  bound = UNBOUNDED,
): { states: readonly string[]; end: AnswerState } {
  const check = new AnswerCheck(expected, ranks);
  const states = rows.map((row) => check.row(row));
  return { states, end: check.end(bound) };
}

describe("questions of a corpus", () => {
  let sent: readonly NostrEvent[] = [];
  let corpus = new Corpus([]);
  const everyShape = Object.fromEntries(shapes.map(({ name }) => [name, 1]));
  before(async () => {
    sent = await corpusEvents(1_000);
    corpus = new Corpus(sent);
  });

  for (const keys of KEY_ORDERS) {
    it(`has the answers of a relay that holds it, by ${keys} keys`, () => {
      const store = new EventStore(":memory:", NOW);
      store.writeAll(sent.map((event) => ({ event, raw: JSON.stringify(event) })));
      const ordinals = new Map(corpus.events.map(({ id }, ordinal) => [id, ordinal]));
      const ranks = ranksOf(corpus.events);
      const seen = new Map<string, number>();
      for (const question of take(
        drawQuestions({ corpus, mix: everyShape, keys, seed: "s" }),
        90,
      )) {
        const { shape, filters, expected } = question;
        if (typeof expected === "number") {
          assert.equal(store.count(filters, NOW), expected, shape.name);
          continue;
        }
        const rows = store.query(filters, LIMITS, NOW).events.map(({ id }) => ordinals.get(id));
        assert.equal(judge(expected, ranks, rows).end, "right", shape.name);
        // A relay that answers filter by filter, and sends again what two of them find.
        const inTurn = filters.flatMap((filter) => store.query([filter], LIMITS, NOW).events);
        const answer = judge(
          expected,
          ranks,
          inTurn.map(({ id }) => ordinals.get(id)),
        );
        assert.equal(answer.end, "right", shape.name);
        assert.equal(
          answer.states.filter((s) => s === "duplicate").length,
          inTurn.length - rows.length,
        );
        assert.ok(
          filters.every(({ limit = 0 }) => limit >= 1),
          shape.name,
        );
        seen.set(shape.name, (seen.get(shape.name) ?? 0) + rows.length);
      }
      for (const { name, verb } of shapes) {
        if (verb === "REQ") assert.ok((seen.get(name) ?? 0) > 0, `${name} found nothing`);
      }
      store.close();
    });
  }

  it("ask what the facts of their shapes say", () => {
    const facts = new Map<string, ShapeFacts>();
    const questions = drawQuestions({ corpus, mix: everyShape, keys: "uniform", seed: "f" });
    const mosts = new Map(
      shapes.map(({ name }) => [name, demandsOf(`${name}:1`).map(({ limit }) => limit)[0]]),
    );
    for (const { shape, filters } of take(questions, 200)) {
      const most = mosts.get(shape.name);
      const sum = filters.reduce((rows, { limit = 0 }) => rows + limit, 0);
      const members = [...(facts.get(shape.name)?.members ?? []), ...filters.flatMap(Object.keys)];
      facts.set(shape.name, {
        verb: shape.verb,
        filters: filters.length,
        // Of few people a question asks about fewer.
        most: shape.verb === "COUNT" ? null : filters.length > 1 ? sum : (most ?? 0),
        members: [...new Set(members)].filter((member) => member !== "limit"),
      });
    }
    assert.deepEqual(Object.fromEntries(facts), SHAPE_FACTS);
  });

  it("are the same for the same seed, and others for another", () => {
    const ask = (seed: string) =>
      take(drawQuestions({ corpus, mix: everyShape, keys: "zipf", seed }), 50).map(
        ({ filters }) => filters,
      );
    assert.deepEqual(ask("a"), ask("a"));
    assert.notDeepEqual(ask("a"), ask("b"));
  });

  it("go through their line unchanged", () => {
    for (const question of take(
      drawQuestions({ corpus, mix: everyShape, keys: "zipf", seed: "l" }),
      100,
    )) {
      const line = formatQuestion(2, question);
      assert.ok(line.startsWith("c00"));
      assert.ok(!line.includes("\n"));
      assert.deepEqual(JSON.parse(`[${filtersOf(line)}]`), question.filters);
      assert.deepEqual(expectedOf(line), question.expected);
    }
  });

  it("spread over many keys, the popular ones asked for more", () => {
    const asked = (keys: "zipf" | "uniform") => {
      const counts = new Map<string, number>();
      for (const { filters } of take(
        drawQuestions({ corpus, mix: { author: 1 }, keys, seed: "k" }),
        500,
      )) {
        const key = filters[0]?.authors?.[0] ?? "";
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts.values()].sort((a, b) => b - a);
    };
    const [zipf, uniform] = [asked("zipf"), asked("uniform")];
    assert.ok(zipf.length > 30 && uniform.length > zipf.length);
    assert.ok((zipf[0] ?? 0) > 3 * (uniform[0] ?? 0));
  });

  it("are refused where the corpus has no answer for a shape", () => {
    const empty = new Corpus(sent.filter(({ kind }) => kind === 0));
    const questions = drawQuestions({ corpus: empty, mix: { thread: 1 }, keys: "zipf", seed: "x" });
    assert.throws(() => questions.next(), /holds nothing that `thread`/);
  });
});

describe("a query mix", () => {
  it("is read with its weights; presets have a name", () => {
    assert.deepEqual(parseQueryMix("home:0.5, ids:2"), { home: 0.5, ids: 2 });
    for (const preset of queryPresets) assert.ok(Object.keys(parseQueryMix(preset)).length > 1);
  });
  for (const text of [
    "",
    "hom:1",
    "home",
    "home:0",
    "home:-1",
    "home:1:2",
    "home:x",
    "home:1,home:2",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseQueryMix(text), { name: "ConfigError" });
    });
  }
});

/** Ten events, two in each second: ordinals 0 and 1 are the newest. */
const TEN = Array.from({ length: 10 }, (_, i): NostrEvent => {
  const id = i.toString(16).padStart(64, "0");
  const created_at = NOW - Math.floor(i / 2);
  return { id, pubkey: id, kind: 1, created_at, tags: [], content: "a word", sig: "f".repeat(128) };
});

describe("an answer", () => {
  const corpus = new Corpus(TEN);
  const ranks = ranksOf(corpus.events);
  const answerOf = (...filters: Filter[]) => expectAnswer(corpus, filters);
  const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const ids = (...places: readonly number[]) => places.map((place) => TEN[place]?.id ?? "");
  const table: readonly [
    what: string,
    filters: readonly Filter[],
    rows: readonly (number | undefined)[],
    end: AnswerState,
    bound?: Bound,
  ][] = [
    ["as asked for", [{ limit: 10 }], all, "right"],
    [
      "with those of a second in any order",
      [{ limit: 10 }],
      [1, 0, 3, 2, 4, 5, 6, 7, 8, 9],
      "right",
    ],
    ["with a row twice", [{ limit: 4 }], [0, 1, 1, 2, 3], "right"],
    ["with either event of the last second", [{ limit: 5 }], [0, 1, 2, 3, 5], "right"],
    ["with both events of the last second", [{ limit: 5 }], [0, 1, 2, 3, 4, 5], "wrong"],
    ["with neither", [{ limit: 5 }], [0, 1, 2, 3], "short"],
    ["oldest first", [{ limit: 10 }], [...all].reverse(), "wrong"],
    ["without its newest rows", [{ limit: 10 }], [2, 3, 4, 5, 6, 7, 8, 9], "short"],
    ["without a row in the middle", [{ limit: 10 }], [0, 1, 2, 4, 5, 6, 7, 8, 9], "short"],
    ["cut at its end, with no word", [{ limit: 10 }], [0, 1, 2, 3], "short"],
    [
      "cut where the relay says it cuts",
      [{ limit: 10 }],
      [0, 1, 2, 3],
      "truncated",
      { rows: 4, saidMore: false },
    ],
    ["cut earlier than that", [{ limit: 10 }], [0, 1, 2], "short", { rows: 4, saidMore: false }],
    [
      "cut, with a word (NIP-67)",
      [{ limit: 10 }],
      [0, 1],
      "truncated",
      { rows: null, saidMore: true },
    ],
    [
      "with a hole, whatever the relay says",
      [{ limit: 10 }],
      [0, 2, 3],
      "short",
      { rows: 3, saidMore: true },
    ],
    [
      "cut within a second, in another order",
      [{ limit: 10 }],
      [0, 1, 3],
      "truncated",
      { rows: 3, saidMore: false },
    ],
    ["of a search, cut", [{ search: "word" }], [2, 4], "truncated", { rows: 2, saidMore: false }],
    [
      "of two filters, one of them cut and the other one with a choice",
      [{ ids: ids(6, 8) }, { limit: 1 }],
      [6, 1],
      "truncated",
      { rows: null, saidMore: true },
    ],
    ["with the event of the last second first", [{ limit: 3 }], [2, 0, 1], "wrong"],
    ["with either of a last second behind it", [{ limit: 3 }], [1, 0, 3], "right"],
    ["of none", [{ ids: [TEN[3]?.id ?? ""] }], [], "short"],
    ["of none where there is none", [{ kinds: [7] }], [], "right"],
    ["with a row that was not asked for", [{ kinds: [7] }], [4], "wrong"],
    ["with a row of nobody", [{ limit: 1 }], [undefined, 0], "wrong"],
    [
      "of two filters in turn",
      [{ ids: [TEN[7]?.id ?? ""] }, { limit: 4 }],
      [7, 0, 1, 2, 3],
      "right",
    ],
    [
      "of two filters merged",
      [{ ids: [TEN[7]?.id ?? ""] }, { limit: 4 }],
      [0, 1, 2, 3, 7],
      "right",
    ],
    ["of the first filter alone", [{ ids: [TEN[7]?.id ?? ""] }, { limit: 4 }], [7], "short"],
    [
      "of two filters in turn, the first with a choice of what the second is sure of",
      [{ ids: ids(2, 3), limit: 1 }, { limit: 10 }],
      [3, 0, 1, 2, ...all.slice(4)],
      "right",
    ],
    ["of the whole store", [{ limit: 4 }], all, "wrong"],
  ];
  for (const [what, filters, rows, end, bound] of table) {
    it(`${what} is ${end}`, () => {
      assert.equal(judge(answerOf(...filters), ranks, rows, bound).end, end);
    });
  }

  it("of any relay that keeps to NIP-01 is right, and without one of its rows never", () => {
    const time = fc.integer({ min: 0, max: 5 });
    const kind = fc.constantFrom(1, 7);
    const events = fc.array(fc.tuple(time, kind), { maxLength: 25 });
    const filter = fc.record(
      {
        kinds: fc.constant([1]),
        limit: fc.integer({ min: 1, max: 12 }),
        since: time.map((t) => NOW + t),
      },
      { requiredKeys: ["limit"] },
    );
    fc.assert(
      fc.property(
        events,
        fc.array(filter, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.boolean(),
        (made, filters, pick, merged) => {
          const stored = made.map(([t, k], i): NostrEvent => {
            const id = ((i * 7_919) % 1_009).toString(16).padStart(64, "0");
            return { id, pubkey: id, kind: k, created_at: NOW + t, tags: [], content: "", sig: "" };
          });
          const held = new Corpus(stored);
          const byId = new Map(held.events.map(({ id }, ordinal) => [id, ordinal]));
          const expected = expectAnswer(held, filters);
          // Those of one second in the order of their arrival, as strfry has them.
          const select = (one: Filter) =>
            stored
              .filter((event) => matchesFilter(one, event))
              .sort((a, b) => b.created_at - a.created_at)
              .slice(0, one.limit);
          const inTurn = [...new Set(filters.flatMap(select))];
          const rows = merged ? inTurn.toSorted(compareNewestFirst) : inTurn;
          const ordinals = rows.map(({ id }) => byId.get(id));
          const all = ranksOf(held.events);
          assert.equal(judge(expected, all, ordinals).end, "right");
          if (ordinals.length === 0 || expected.least < expected.most) return;
          const without = ordinals.toSpliced(pick % ordinals.length, 1);
          assert.notEqual(judge(expected, all, without).end, "right");
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
