/** The embedded relay's store gives the answers that a corpus of the same events expects, whatever is asked. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EventStore } from "../src/node/relay/store.ts";
import type { Filter, NostrEvent, Tag } from "../src/nostr/wire.ts";
import { AnswerCheck } from "../src/query/answer-check.ts";
import { Corpus } from "../src/query/corpus.ts";
import { expectAnswer, expectCount, ranksOf } from "../src/query/expected-answer.ts";
import { NOW, run, sign } from "./relay-client.ts";

const hex = (n: number) => n.toString(16).padStart(64, "0");
/** A few who publish, among so many that nobody knows. */
const CROWD = Array.from({ length: 300 }, (_, at) => hex(at));
const author = fc.integer({ min: 0, max: 4 }).map(hex);
const kind = fc.constantFrom(0, 1, 7, 30_023);
const time = fc.integer({ min: NOW, max: NOW + 6 });
const value = fc.constantFrom("a", "b");
const word = fc.constantFrom("cats", "dogs", "birds");

const event = fc.record({
  pubkey: author,
  kind,
  created_at: time,
  tags: fc.array(fc.tuple(fc.constantFrom("t", "d"), value) as fc.Arbitrary<Tag>, { maxLength: 3 }),
  content: fc.array(word, { maxLength: 2 }).map((words) => words.join(" ")),
});

const list = <T>(item: fc.Arbitrary<T>) => fc.uniqueArray(item, { minLength: 1, maxLength: 3 });
const filterOf = (members: object): fc.Arbitrary<Filter> =>
  fc.record(members, { requiredKeys: [] });
const authors = fc.oneof(list(author), fc.constant(CROWD));
const limit = fc.integer({ min: 1, max: 8 });
const filter = fc.oneof(
  filterOf({ authors, kinds: list(kind), limit }),
  filterOf({ kinds: list(kind), since: time, until: time, limit }),
  filterOf({ search: word, "#t": list(value), authors, limit }),
);

describe("answers of the store", () => {
  it("are right for any filters, and say where a bound of the relay cut them", () => {
    const bounds = fc.record({
      max_limit: fc.integer({ min: 1, max: 8 }),
      default_limit: fc.integer({ min: 1, max: 8 }),
    });
    let cut = 0;
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 15, maxLength: 40 }),
        fc.array(filter, { minLength: 1, maxLength: 3 }),
        bounds,
        (made, filters, limits) => {
          const sent = made.map((fields, at): NostrEvent => {
            return { ...fields, id: hex((at * 7_919) % 10_007), sig: "f".repeat(128) };
          });
          const corpus = new Corpus(sent);
          const store = new EventStore(":memory:", NOW);
          store.writeAll(sent.map((one) => ({ event: one, raw: JSON.stringify(one) })));
          const ordinals = new Map(corpus.events.map(({ id }, ordinal) => [id, ordinal]));
          const check = new AnswerCheck(expectAnswer(corpus, filters), ranksOf(corpus.events));
          const { events, isCut } = store.query(filters, limits, NOW);
          for (const { id } of events) assert.equal(check.row(ordinals.get(id)), "matching");
          const end = check.end({ rows: null, saidMore: isCut });
          assert.ok(end === "right" || isCut, end);
          // What one filter was cut off another may send: that looks like a hole.
          if (filters.length === 1) assert.notEqual(end, "short");
          const count = store.count(filters, NOW);
          assert.equal(count, expectCount(corpus, filters));
          assert.ok(!isCut || count > events.length);
          if (end === "truncated") cut++;
          store.close();
        },
      ),
      { numRuns: 80 },
    );
    assert.ok(cut > 10, `${cut} answers were cut`);
  });

  it("reach a client with a hint of what was kept back (NIP-67)", async (t) => {
    const { client } = await run(t, { limits: { max_limit: 3, default_limit: 2 } });
    for (const content of ["a", "b", "c", "d"]) await client.publish(sign({ content }));
    for (const [filter, rows, hints] of [
      [{}, 2, [["more"]]],
      [{ limit: 9 }, 3, [["more"]]],
      // More are there, and more were not asked for.
      [{ limit: 3 }, 3, []],
      [{ kinds: [7] }, 0, []],
    ] as const) {
      client.send(["REQ", "s", filter]);
      for (let n = 0; n < rows; n++) assert.equal((await client.next())[0], "EVENT");
      assert.deepEqual(await client.next(), ["EOSE", "s", ...hints]);
    }
  });
});
