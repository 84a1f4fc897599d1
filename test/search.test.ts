/** Full-text search (NIP-50): by the rule that live events are held against, and by the relay's store. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import sqlite from "node-sqlite3-wasm";
import { EventStore } from "../src/node/relay/store.ts";
import { matchesSearch } from "../src/nostr/search.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { NOW, run, sign } from "./relay-client.ts";

const LIMITS = { max_limit: 1_000, default_limit: 1_000 };

function note(at: number, content: string, kind = 1): NostrEvent {
  const id = at.toString(16).padStart(64, "0");
  return { id, pubkey: id, kind, created_at: NOW + at, tags: [], content, sig: "f".repeat(128) };
}

function storeOf(events: readonly NostrEvent[], file = ":memory:"): EventStore {
  const store = new EventStore(file, NOW);
  store.writeAll(events.map((event) => ({ event, raw: JSON.stringify(event) })));
  return store;
}

describe("matchesSearch", () => {
  for (const [search, content, expected] of [
    ["cats", "Cats and dogs", true],
    ["dogs cats", "cats, dogs", true],
    ["cat", "cats", false],
    ["cats birds", "cats and dogs", false],
    ["naive", "naïve", true],
    ["über", "uber", true],
    ["language:en cats", "cats", true],
    ["include:spam", "cats", false],
    ["", "cats", false],
    ['"cats" OR NOT*', "cats or not", true],
    ["猫", "猫 好き", true],
  ] as const) {
    it(`${expected ? "finds" : "leaves"} ${JSON.stringify(content)} for ${JSON.stringify(search)}`, () => {
      assert.equal(matchesSearch(search, { kind: 1, content }), expected);
    });
  }

  it("looks into profiles, and into no other JSON", () => {
    const content = '{"name":"alice"}';
    assert.equal(matchesSearch("alice", { kind: 0, content }), true);
    assert.equal(matchesSearch("alice", { kind: 30_078, content }), false);
  });
});

describe("the store's search", () => {
  it("finds what matchesSearch finds, whatever was written", () => {
    const word = fc.constantFrom(
      "cat",
      "Dog",
      "naïve",
      "OR",
      "near",
      '"',
      "*",
      "ﬁ",
      "a:b",
      "١",
      "\0",
    );
    const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(text, fc.string()), { maxLength: 8 }),
        text,
        (contents, search) => {
          const events = contents.map((content, at) => note(at, content));
          const store = storeOf(events);
          const found = store.query([{ search }], LIMITS, NOW).events.map(({ id }) => id);
          const expected = events
            .filter((event) => matchesSearch(search, event))
            .map(({ id }) => id);
          assert.deepEqual(found.toSorted(), expected.toSorted());
          assert.equal(store.count([{ search }], NOW), expected.length);
          store.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives the best match first, and takes the limit behind it", () => {
    const store = storeOf([note(1, "cats cats cats"), note(2, `cats ${"and more ".repeat(40)}`)]);
    const [best] = store.query([{ search: "cats", limit: 1 }], LIMITS, NOW).events;
    assert.equal(best?.created_at, NOW + 1);
    store.close();
  });

  it("forgets what was deleted, and knows what a file from before held", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "k6-nostr-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "relay.sqlite");
    const [kept, gone] = [note(1, "cats"), note(2, "more cats")];
    storeOf([kept, gone], file).close();
    const old = new sqlite.Database(file);
    old.exec("PRAGMA locking_mode = EXCLUSIVE");
    old.exec("DROP TABLE texts");
    old.close();
    const deletion = {
      ...note(3, "", 5),
      pubkey: gone.pubkey,
      tags: [["e", gone.id]],
    } as NostrEvent;
    const store = storeOf([deletion], file);
    assert.deepEqual(
      store.query([{ search: "cats" }], LIMITS, NOW).events.map(({ id }) => id),
      [kept.id],
    );
    store.close();
  });

  it("answers a REQ and a COUNT, alone or beside other filters", async (t) => {
    const { client } = await run(t);
    const cats = sign({ content: "cats" }, 1);
    const dogs = sign({ content: "dogs" }, 2);
    for (const event of [cats, dogs]) await client.publish(event);
    assert.deepEqual(await client.query({ search: "cats" }), [cats.id]);
    assert.deepEqual(await client.query({ search: "cats" }, { ids: [cats.id, dogs.id] }), [
      cats.id,
      dogs.id,
    ]);
    assert.equal(await client.count({ search: "birds" }), 0);
  });
});
