/** Relays that took different parts of a corpus: each one's answers are held against what it holds itself. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type KnownCorpus, knowCorpus, knowParts } from "../src/node/corpus/known-events.ts";
import { ensureQuestions } from "../src/node/corpus/questions-pool.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { shapes } from "../src/query/catalogue.ts";
import { Corpus } from "../src/query/corpus.ts";
import { expectAnswer } from "../src/query/expected-answer.ts";
import { formatQuestion } from "../src/query/question-line.ts";
import { queryOf } from "../src/report/class-report.ts";
import { corpusEvents } from "./corpus-events.ts";
import { QUERY_FAULTS } from "./faulty-relay/query-faults.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { writeQuestions } from "./k6-world/questions.ts";
import { runScenario } from "./k6-world/run.ts";

const { signal } = new AbortController();
const ONE = "ws://127.0.0.1:7771";
const OTHER = "ws://127.0.0.1:7772";
const LOAD = {
  CLIENTS: "4",
  QUERY_RATE: "100",
  DURATION_SEC: "3",
  CORPUS: "1000",
  CORES: "1",
  OWN_COUNTS: "1,1",
};

let events: readonly NostrEvent[] = [];
let root = "";
before(async () => {
  events = await corpusEvents(600);
  root = await mkdtemp(join(tmpdir(), "k6-nostr-holdings-"));
});
after(() => rm(root, { recursive: true, force: true }));

/** What a relay holds that refused the n-th of so many events. */
const without = (n: number, of: number) => new Corpus(events.filter((_, i) => i % of !== n));

/** Asks two relays that answer rightly about what they hold, by questions about what is known of them. */
async function ask(known: KnownCorpus, held: readonly [Corpus, Corpus], verify: string) {
  const mix = shapes.map(({ name }) => `${name}:1`).join(",");
  const { dir } = await ensureQuestions({
    ...{ root, known, mix, keys: "zipf", pages: 1, seed: "s", count: 320, signal },
    onProgress() {},
  });
  const fault = () => QUERY_FAULTS.rightly;
  const [one, other] = held.map((corpus) => misbehave(() => [], { corpus, fault }));
  assert.ok(one && other);
  const { report } = await runScenario(
    dir,
    { ...LOAD, RELAY_URL: `${ONE},${OTHER}`, VERIFY: verify },
    (text, socket, atMs) => (socket.url.startsWith(ONE) ? one : other).relay(text, socket, atMs),
    { scenario: "query" },
  );
  const asked = [one, other].map(({ ledger }) => ledger.queries.questions.length);
  assert.ok(
    asked.every((count) => count > 100),
    asked.join(),
  );
  return queryOf(report).totals;
}

describe("the answers of relays that hold different parts of a corpus", () => {
  for (const verify of ["rows", "counts"]) {
    it(`are right where each answers rightly (--verify ${verify})`, async () => {
      const held = [without(0, 9), without(4, 9)] as const;
      const { eose, right, rows, matching, uncheckedRows } = await ask(
        knowParts(held),
        held,
        verify,
      );
      assert.ok(eose > 250);
      assert.deepEqual([right, matching + uncheckedRows], [eose, rows]);
    });
  }

  it("are wrong where a relay answers as another one should", async () => {
    const held = [without(0, 9), new Corpus(events)] as const;
    const { right, eose, short, wrong } = await ask(knowParts(held), [held[1], held[0]], "rows");
    assert.ok(short > 20 && wrong > 0 && right < eose, JSON.stringify({ right, short, wrong }));
  });

  it("may have rows that were refused, as they may have anybody's", async () => {
    const held = [without(0, 60), without(4, 60)] as const;
    const whole = new Corpus(events);
    const { foreign, notMatching, short, rows, matching } = await ask(
      knowParts(held),
      [whole, whole],
      "rows",
    );
    assert.ok(foreign > 20);
    assert.deepEqual([notMatching, short, matching + foreign], [0, 0, rows]);
  });
});

it("a row that is missing is unchecked where others' rows fill its filter, one of several", async () => {
  const known = without(0, 2);
  const whole = new Corpus(events);
  const filters = [
    { kinds: [1], limit: 5 },
    { kinds: [7], limit: 500 },
  ];
  const line = formatQuestion(0, { filters, expected: expectAnswer(known, filters) });
  const lines = Array.from({ length: 100 }, () => line);
  const { relay } = misbehave(() => [], { corpus: whole, fault: () => QUERY_FAULTS.rightly });
  const folder = await writeQuestions(known, ["thread"], lines);
  const { report } = await runScenario(folder, { ...LOAD, QUERY_RATE: "20" }, relay, {
    scenario: "query",
  });
  const { eose, unchecked, foreign } = queryOf(report).totals;
  assert.ok(foreign > 0);
  assert.deepEqual([eose, unchecked], [60, 60]);
});

describe("what several relays hold", () => {
  it("is one corpus where it is the same, whatever they refused of what they would not keep", () => {
    const [held, same] = [new Corpus(events), new Corpus(events.toReversed())];
    assert.deepEqual(knowParts([held, same]), knowCorpus(held, "seed"));
  });

  it("is asked about where all hold it", () => {
    const { corpus, parts } = knowParts([without(0, 9), without(4, 9), without(0, 9)]);
    assert.deepEqual(parts?.holders, [0, 1, 0]);
    const [one, other] = [without(0, 9), without(4, 9)].map(
      (held) => new Set(held.events.map(({ id }) => id)),
    );
    assert.ok(corpus.events.length > 400);
    assert.ok(corpus.events.every(({ id }) => one?.has(id) && other?.has(id)));
    const lackedBy = parts?.holdings.lackedBy() ?? [];
    const all = parts?.holdings.events.filter((_, ordinal) => lackedBy[ordinal]?.length === 0);
    assert.deepEqual(all, corpus.events);
  });
});
