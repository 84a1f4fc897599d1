/** The corpus of a run that asks: brought into a relay, learnt from one, and the pool of its questions. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { createFrameSource } from "../k6/lib/frames/frame-source.ts";
import { readCorpusRows } from "../k6/lib/query/corpus-rows.ts";
import { Interrupted } from "../src/errors.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { openReader } from "../src/node/audit/relay-reader.ts";
import { knowCorpus } from "../src/node/corpus/known-events.ts";
import { type LoadRequest, loadCorpus } from "../src/node/corpus/load.ts";
import { publishAll } from "../src/node/corpus/publish.ts";
import { ensureQuestions, type QuestionsOptions } from "../src/node/corpus/questions-pool.ts";
import { sampleRelays } from "../src/node/corpus/relay-sample.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { readEventsManifest } from "../src/node/pool/read.ts";
import { type RelayOptions, startRelay } from "../src/node/relay/relay.ts";
import type { Filter, NostrEvent } from "../src/nostr/wire.ts";
import { seedOfCorpus } from "../src/plan/query.ts";
import { FRAMES_FILE, readPlace } from "../src/pool/format.ts";
import { AnswerCheck } from "../src/query/answer-check.ts";
import { shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { expectedOf, filtersOf } from "../src/query/question-line.ts";
import { corpusEvents } from "./corpus-events.ts";

const EVERY_SHAPE = shapes.map(({ name }) => `${name}:1`).join(",");
const terminal = { note() {}, status() {}, clear() {} };
const { signal } = new AbortController();

let events: readonly NostrEvent[] = [];
let root = "";

before(async () => {
  events = await corpusEvents(1_000);
  root = await mkdtemp(join(tmpdir(), "k6-nostr-corpus-"));
});
after(() => rm(root, { recursive: true, force: true }));

async function relayOf(
  t: TestContext,
  limits: RelayOptions["limits"] = {},
): Promise<{ readonly admission: Admission; readonly stored: () => number }> {
  const relay = await startRelay({ port: 0, file: ":memory:", verify: false, limits });
  t.after(() => relay.close());
  return {
    admission: {
      status: "admitted",
      // A name that no resolver knows: only the admitted address leads to the relay.
      url: parseRelayUrl(`ws://nowhere.test:${relay.port}`),
      reason: "",
      addresses: ["127.0.0.1"],
    },
    stored: () => relay.stored(),
  };
}

const load = (admission: Admission, request: Partial<LoadRequest> = {}) =>
  loadCorpus({ events, admissions: [admission], mix: EVERY_SHAPE, terminal, signal, ...request });

const draw = (corpus: Corpus, request: Partial<QuestionsOptions> = {}) =>
  ensureQuestions({
    root,
    known: knowCorpus(corpus, "seed"),
    mix: EVERY_SHAPE,
    keys: "zipf",
    pages: 1,
    seed: "s",
    count: 100,
    signal,
    onProgress() {},
    ...request,
  });

async function linesOf(dir: string): Promise<readonly string[]> {
  return (await readFile(join(dir, FRAMES_FILE), "utf8")).split("\n").slice(0, -1);
}

/** Asks a relay everything in a pool of questions, which holds this part of the corpus; gives the verdicts. */
async function askAll(admission: Admission, dir: string, holder = 0): Promise<readonly string[]> {
  const { ordinals, ranks } = readCorpusRows(await readFile(join(dir, "rows.txt"), "utf8"));
  const reader = await openReader(admission);
  const verdicts: string[] = [];
  for (const line of await linesOf(dir)) {
    const filters = JSON.parse(`[${filtersOf(line)}]`) as readonly Filter[];
    const expected = expectedOf(line, holder);
    if (expected === null) throw new Error("nothing is expected");
    if (typeof expected === "number") {
      verdicts.push((await reader.count(filters)) === expected ? "right" : "wrong");
      continue;
    }
    const answer = await reader.ask(filters);
    if (answer.status === "refused") throw new Error(answer.text);
    const check = new AnswerCheck(expected, ranks);
    for (const { id } of answer.events) check.row(ordinals.get(id.slice(0, 13)));
    verdicts.push(check.end({ rows: null, saidMore: false }));
  }
  reader.close();
  return verdicts;
}

describe("a corpus", () => {
  it("is loaded once, and then all questions about it are answered right", async (t) => {
    const { admission, stored } = await relayOf(t);
    const first = await load(admission);
    const { length } = first.known.corpus.events;
    assert.equal(stored(), length);
    assert.deepEqual(
      { ...first.loading, loadSec: 0 },
      { loaded: events.length, alreadyThere: 0, refused: [], loadSec: 0, ownCounts: [true] },
    );
    const again = await load(admission);
    assert.deepEqual([again.loading.loaded, again.loading.alreadyThere], [0, length]);
    assert.equal(again.known.facts.fingerprint, first.known.facts.fingerprint);

    const { dir, manifest } = await draw(first.known.corpus, { pages: 3, count: 150 });
    const verdicts = await askAll(admission, dir);
    assert.equal(verdicts.length, manifest.events);
    assert.ok(manifest.events > manifest.sets, "no question has a second page");
    assert.deepEqual(new Set(verdicts), new Set(["right"]));
    for (const { name } of shapes) assert.ok(Number(manifest.perType[name]?.events) > 0, name);
  });

  it("is counted alone until others answer to its events, or follow its people", async (t) => {
    const { admission } = await relayOf(t);
    const few = events.slice(0, 200);
    const mix = "author:1,count-reactions:1,count-followers:1";
    assert.deepEqual((await load(admission, { events: few, mix })).loading.ownCounts, [true]);
    assert.equal(
      (await load(admission, { events: few, mix: "author:1" })).loading.ownCounts,
      undefined,
    );
    const [note] = few.filter(({ kind }) => kind === 1);
    assert.ok(note);
    const by = {
      pubkey: "f".repeat(64),
      created_at: note.created_at + 1,
      content: "+",
      sig: "0".repeat(128),
    };
    const stranger = "e".repeat(64);
    const others = [
      [{ ...by, id: "1".repeat(64), kind: 7, tags: [["e", stranger]] }, true],
      [{ ...by, id: "2".repeat(64), kind: 1, tags: [["e", note.id]] }, true],
      [{ ...by, id: "3".repeat(64), kind: 7, tags: [["e", note.id]] }, false],
    ] as const;
    for (const [event, isAlone] of others) {
      const sent = await publishAll(admission, [event], { signal, onProgress() {} });
      assert.equal(sent.accepted, 1);
      const { loading } = await load(admission, { events: few, mix });
      assert.deepEqual(loading.ownCounts, [isAlone], JSON.stringify(event));
    }
  });

  it("is not known to be counted alone where a relay does not return all of it", async (t) => {
    const { admission } = await relayOf(t, { max_limit: 1 });
    const few = [3, 7].flatMap((of) => events.filter(({ kind }) => kind === of).slice(0, 9));
    const { loading } = await load(admission, { events: few, mix: "count-followers:1" });
    assert.deepEqual([loading.refused, loading.ownCounts], [[], [false]]);
  });

  it("is completed where a relay lacks some of it", async (t) => {
    const { admission } = await relayOf(t);
    const lacking = events.filter(({ kind }) => kind === 1).slice(0, 3);
    await load(admission, { events: events.filter((event) => !lacking.includes(event)) });
    const { loading } = await load(admission);
    assert.equal(loading.loaded, lacking.length);
  });

  it("is no corpus without a kind that is asked for; else what is refused is left out", async (t) => {
    const longest = 400;
    const { admission } = await relayOf(t, { max_content_length: longest });
    await assert.rejects(load(admission, { mix: "address:1,author:1" }), {
      name: "ConfigError",
      message: /takes no event of kind 30023 of the corpus \(invalid: .*\), which address ask/,
    });
    const { known, loading } = await load(admission, { mix: "author:1,hashtag:1" });
    const tooLong = events.filter(({ content }) => content.length > longest);
    assert.deepEqual(
      loading.refused.map(({ count }) => count),
      [tooLong.length],
    );
    const { dir } = await draw(known.corpus, { mix: "author:1,hashtag:1", count: 300 });
    assert.deepEqual(new Set(await askAll(admission, dir)), new Set(["right"]));
  });

  it("of several relays is held against each of them by what it took itself", async (t) => {
    // Notes and contact lists that are asked for: questions of every kind have other answers at each relay.
    const limits = [{ max_content_length: 226 }, { max_event_tags: 60 }];
    const isLong = ({ kind, content }: NostrEvent) => kind === 1 && content.length > 226;
    const isWide = ({ tags }: NostrEvent) => tags.length > 60;
    const spared = new Set([isLong, isWide].flatMap((is) => events.filter(is).slice(8)));
    const some = events.filter((event) => !spared.has(event) && event.kind !== 30_023);
    const relays = await Promise.all(limits.map((limit) => relayOf(t, limit)));
    const mix = "home:1,author:2,hashtag:1,notifications:1,count-followers:3";
    const { known, loading } = await loadCorpus({
      ...{ events: some, mix, terminal, signal },
      admissions: relays.map(({ admission }) => admission),
    });
    assert.equal(loading.refused.length, 2);
    const { dir, manifest } = await draw(known.corpus, { known, mix, count: 60, pages: 2 });
    assert.deepEqual(manifest.holders, [0, 1]);
    for (const [place, { admission }] of relays.entries()) {
      assert.deepEqual(new Set(await askAll(admission, dir, place)), new Set(["right"]));
    }
    const [{ admission } = assert.fail()] = relays;
    assert.ok(new Set(await askAll(admission, dir, 1)).has("wrong"));
  });

  it("has keys of its own: one of another size leaves it in a relay as it was", async (t) => {
    const { admission } = await relayOf(t);
    const [one = [], other = []] = await Promise.all(
      [300, 400].map((size) => corpusEvents(size, seedOfCorpus("s", size, 1_767_225_600))),
    );
    for (const first of [one, other]) await load(admission, { events: first, mix: "author:1" });
    const { known, loading } = await load(admission, { events: one });
    assert.deepEqual([loading.loaded, loading.alreadyThere], [0, known.corpus.events.length]);
    const mix = "author:1,home:1,notifications:1,count-followers:1";
    const { dir } = await draw(known.corpus, { mix });
    assert.deepEqual(new Set(await askAll(admission, dir)), new Set(["right"]));
  });

  it("is refused where more than a few of its events are not taken", async (t) => {
    const { admission } = await relayOf(t, { max_content_length: 150 });
    await assert.rejects(load(admission, { mix: "author:1" }), {
      name: "ConfigError",
      message: /does not hold \d+ of the corpus's \d+ events: \d+ × invalid: /,
    });
  });

  it("ends with an interruption as one", async (t) => {
    const { admission } = await relayOf(t);
    const stopped = AbortSignal.abort();
    await assert.rejects(load(admission, { signal: stopped }), Interrupted);
  });

  it("is learnt from what a relay holds, a bounded part of it", async (t) => {
    const { admission } = await relayOf(t, { max_limit: 100 });
    await load(admission);
    const sample = await sampleRelays({ admissions: [admission], terminal, signal });
    const notes = events.filter(({ kind }) => kind === 1).length;
    assert.equal(sample.filter(({ kind }) => kind === 1).length, notes);
    const corpus = new Corpus(sample);
    const { dir, manifest } = await draw(corpus, { known: knowCorpus(corpus, "relay") });
    assert.equal(manifest.corpus?.source, "relay");
    assert.equal(await readFile(join(dir, "rows.txt"), "utf8"), "");
    assert.ok((await linesOf(dir)).every((line) => expectedOf(line) === null));
  });
});

describe("a pool of questions", () => {
  it("is kept under what decides it", async () => {
    const corpus = new Corpus(events);
    const first = await draw(corpus);
    assert.equal((await draw(corpus)).made, false);
    const others = [
      { seed: "t" },
      { keys: "latest" as const },
      { pages: 2 },
      { count: 101 },
      { mix: "author:1" },
    ];
    for (const other of others) {
      const pool = await draw(corpus, other);
      assert.ok(pool.made && pool.manifest.id !== first.manifest.id, JSON.stringify(other));
    }
    const fewer = await draw(new Corpus(events.slice(1)));
    assert.notEqual(fewer.manifest.id, first.manifest.id);
  });

  it("is no pool to be published", async () => {
    const { dir } = await draw(new Corpus(events));
    await assert.rejects(readEventsManifest(dir), {
      name: "ConfigError",
      message: /holds questions/,
    });
  });

  it("goes to VUs in parts that cut no question", async () => {
    const { dir, manifest } = await draw(new Corpus(events), {
      mix: "author:1,hashtag:1",
      pages: 5,
      count: 300,
    });
    const text = await readFile(join(dir, FRAMES_FILE));
    const taken: string[] = [];
    for (const share of [0, 1, 2]) {
      const openAt = async (offset: number) => {
        const chunks = [text.toString("utf8", offset).split("\n").slice(0, -1)];
        return async () => chunks.shift() ?? [];
      };
      const source = await createFrameSource(openAt, manifest, share, 3);
      const lines: string[] = [];
      for (let line = source.next(); line !== undefined; line = source.next()) lines.push(line);
      const [first, last] = [readPlace(lines[0] ?? ""), readPlace(lines.at(-1) ?? "")];
      assert.deepEqual([first.part, last.part], [0, last.lastPart]);
      taken.push(...lines);
    }
    assert.deepEqual(taken, await linesOf(dir));
  });

  it("leaves nothing when it is interrupted, or asks for what is not there", async () => {
    const corpus = new Corpus(events);
    const before = await readdir(root);
    const stopped = { signal: AbortSignal.abort(), seed: "stopped" };
    await assert.rejects(draw(corpus, stopped), { name: "AbortError" });
    const profiles = new Corpus(events.filter(({ kind }) => kind === 0));
    await assert.rejects(draw(profiles), { name: "ConfigError" });
    assert.deepEqual(await readdir(root), before);
  });

  it("turns pages down to the last row, each behind the one before", async () => {
    const corpus = new Corpus(events);
    const { dir } = await draw(corpus, { mix: "author:1", pages: 36, count: 200 });
    let rows = new Set<number>();
    let filter: Filter = {};
    let turned = 0;
    let before: readonly number[] = [];
    for (const line of await linesOf(dir)) {
      const { part, lastPart } = readPlace(line);
      const [asked = {}] = JSON.parse(`[${filtersOf(line)}]`) as readonly Filter[];
      const expected = expectedOf(line);
      assert.ok(typeof expected === "object" && expected !== null);
      if (part === 0) {
        rows = new Set();
        filter = asked;
      } else {
        turned++;
        assert.equal(asked.until, corpus.events[Math.max(...before)]?.created_at);
        assert.deepEqual({ ...asked, until: filter.until }, filter);
      }
      before = [...expected.parts.flat(), ...expected.either];
      for (const ordinal of before) rows.add(ordinal);
      if (part === lastPart)
        assert.deepEqual(
          [...rows].sort((a, b) => a - b),
          corpus.select(filter),
        );
    }
    assert.ok(turned > 0);
  });
});
