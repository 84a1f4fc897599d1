/** Every scenario shared by three processes in virtual time: their logs make one report, which is what the relay saw. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { Gathering } from "../src/merge/gather.ts";
import { mergeRun, NOBODY_ASKED } from "../src/merge/merge.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { SCENARIO_NAMES, type ScenarioName } from "../src/plan/scenarios.ts";
import { Corpus } from "../src/query/corpus.ts";
import { formatQuestion } from "../src/query/question-line.ts";
import { drawQuestions } from "../src/query/questions.ts";
import { deliveryOf, publishOf, queryOf } from "../src/report/class-report.ts";
import type { Report } from "../src/report/types.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { corpusEvents } from "./corpus-events.ts";
import { accept } from "./faulty-relay/frames.ts";
import { assertBalanced } from "./faulty-relay/hold.ts";
import { assertQueries } from "./faulty-relay/hold-queries.ts";
import { QUERY_FAULTS } from "./faulty-relay/query-faults.ts";
import { FanRelay, right } from "./k6-world/fan-relay.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { writeQuestions } from "./k6-world/questions.ts";
import { runInstances } from "./k6-world/run.ts";
import { type Conditions, type Relay, START_UNIX_MS } from "./k6-world/world.ts";
import { keepPool } from "./kept-pool.ts";

const INSTANCES = 3;
/** Late enough for each to have opened what it opens. */
const START_MS = 10_000;
/** k6's is a stub there. */
const sha256 = () => "0".repeat(64);

type Variables = Readonly<Record<string, string>>;

async function load(
  scenario: ScenarioName,
  pool: string | null,
  variables: Variables,
  relay: Relay,
  conditions: Conditions = {},
): Promise<Report> {
  const environment = { ...variables, START_AT: String(START_UNIX_MS + START_MS) };
  const place = { pool, environment, relay, conditions: { ...conditions, scenario } };
  const gathering = new Gathering(sha256);
  for (const line of await runInstances(INSTANCES, place)) gathering.take(line);
  const run = mergeRun(gathering.processes, { partial: false, runId: "three", sha256 });
  const report = run.complete(NOBODY_ASKED);
  assertBalanced(report);
  assert.equal(report.run.complete, true);
  assert.ok((report.generator.startSkewMs ?? 99) < 1, `${report.generator.startSkewMs} ms`);
  assert.deepEqual(
    report.generator.several?.each.map(({ index, complete }) => [index, complete]),
    Array.from({ length: INSTANCES }, (_, index) => [index, true]),
  );
  return report;
}

/** Of a plan that all have: as many events as they need, of the types that it names. */
function poolFor(scenario: ScenarioName, variables: Variables): Promise<string> {
  const own = { ...variables, RELAY_URL: "ws://127.0.0.1:1", INSTANCES: String(INSTANCES) };
  const plan = buildPlan(scenario, collectOptions({}, { ...own, CORES: "1" }, scenario), "shared");
  return keepPool({ seed: "shared", mix: parseMix(plan.mix), events: 700, epoch: 1_767_225_600 });
}

const TRIALS: Readonly<Record<ScenarioName, () => Promise<void>>> = {
  publish: async () => {
    const variables = { CLIENTS: "6", RATE_EPS: "150", DURATION_SEC: "2", MIX: "view:1" };
    const { relay, ledger } = misbehave(({ event }) => [accept(event.id, 2)]);
    const pool = await poolFor("publish", variables);
    const { totals } = publishOf(await load("publish", pool, variables, relay));
    assert.deepEqual([totals.scheduled, totals.accepted], [300, 300]);
    assert.equal(new Set(ledger.events.map(({ id }) => id)).size, 300);
    const dueMs = ledger.events.map(({ receivedMs }) => receivedMs).sort((a, b) => a - b);
    for (const [i, ms] of dueMs.entries()) {
      assert.ok(Math.abs(ms - START_MS - i / 0.15) < 1, `event ${i} at ${ms} ms`);
    }
  },
  playback: async () => {
    const variables = { CLIENTS: "6", RATE_EPS: "60", DURATION_SEC: "3", MIX: "view:1" };
    const pool = await poolFor("playback", variables);
    let asked = 0;
    const relay: Relay = (frame, socket) => {
      const [type, first] = JSON.parse(frame);
      if (type === "EVENT") socket.answer(JSON.stringify(["OK", first.id, true, ""]), 2);
      if (type !== "REQ") return;
      asked++;
      socket.answer(JSON.stringify(["EOSE", first]), 2);
    };
    const report = await load("playback", pool, variables, relay);
    assert.equal(publishOf(report).totals.accepted, 180);
    const { sent, eose } = queryOf(report).totals;
    assert.deepEqual([sent, eose], [asked, asked]);
    assert.ok(asked > 100, `${asked}`);
  },
  query: async () => {
    const corpus = new Corpus(await corpusEvents(300));
    const questions = drawQuestions({ corpus, mix: { author: 1 }, keys: "zipf", seed: "shared" });
    const lines = Array.from({ length: 400 }, () => formatQuestion(0, questions.next().value));
    const pool = await writeQuestions(corpus, ["author"], lines);
    const { relay, ledger } = misbehave(() => [], {
      corpus,
      fault: ({ place }) => QUERY_FAULTS[place % 10 === 3 ? "missing" : "rightly"],
    });
    const variables = { CLIENTS: "6", QUERY_RATE: "90", DURATION_SEC: "2", CORPUS: "1000" };
    const report = await load("query", pool, variables, relay);
    assertQueries(report, ledger);
    const { scheduled, short, right: rightly } = queryOf(report).totals;
    assert.equal(scheduled, 180);
    assert.ok(short > 10 && rightly > 100, `${short} short, ${rightly} right`);
  },
  fanout: async () => {
    const variables = {
      ...{ SUBSCRIBERS: "30", PUBLISHERS: "3", FANOUT: "5", RATE_EPS: "120", DURATION_SEC: "2" },
      ...{ ACK_TIMEOUT_MS: "500", DELIVERY_TIMEOUT_MS: "500" },
    };
    const pool = await poolFor("fanout", variables);
    const relay = new FanRelay({ deliver: ({ place }) => (place % 100 === 7 ? [] : right()) });
    const report = await load("fanout", pool, variables, relay.receive);
    const { bytes, ...totals } = deliveryOf(report).totals;
    const { bytes: _, ...zeros } = zerosOf("delivery");
    assert.deepEqual([totals.due, totals.missing], [1_200, 12]);
    assert.deepEqual(totals, { ...zeros, ...relay.counts });
  },
  connect: async () => {
    const triesMs: number[] = [];
    let asked = 0;
    const relay: Relay = (frame, socket) => {
      const [type, id] = JSON.parse(frame);
      if (type !== "REQ") return;
      asked++;
      socket.answer(JSON.stringify(["EOSE", id]), 2);
    };
    const handshake = (_: number, atMs: number) => {
      triesMs.push(atMs);
      return "open" as const;
    };
    const variables = { CLIENTS: "18", CONNECT_RATE: "9", HOLD_SEC: "2", ACK_TIMEOUT_MS: "500" };
    const report = await load("connect", null, variables, relay, { handshake });
    const { due, opened, usable, probes, closedByUs } = report.classes.connection.totals;
    assert.deepEqual([due, opened, usable, closedByUs], [18, 18, 18, 18]);
    assert.equal(usable + probes, asked);
    for (const [i, ms] of triesMs.sort((a, b) => a - b).entries()) {
      assert.ok(Math.abs(ms - START_MS - i / 0.009) < 3, `handshake ${i} at ${ms} ms`);
    }
  },
};

describe("three instances share", () => {
  for (const scenario of SCENARIO_NAMES) it(scenario, TRIALS[scenario]);
});
