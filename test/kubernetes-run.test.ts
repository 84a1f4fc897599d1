/** Runs and searches by the pods of a cluster in virtual time: who is waited for, who is stopped, and what is said of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { carryOutSearches } from "../src/node/capacity/search-run.ts";
import { readSettings } from "../src/node/capacity/settings.ts";
import { firstPlan, openSide } from "../src/node/capacity/sides.ts";
import { jobOfPods, readPods } from "../src/node/kubernetes/asked.ts";
import { runByPods } from "../src/node/kubernetes/run.ts";
import { searchByPods } from "../src/node/kubernetes/search.ts";
import { collectOptions, type OptionTexts } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { publishOf } from "../src/report/class-report.ts";
import type { Report } from "../src/report/types.ts";
import { FakeCluster, type Life } from "./fake-cluster.ts";
import { histogramOf, rowOf, rowOfClass, sliceOf } from "./fixtures/reports/run.ts";
import { said } from "./instances-said.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
/** Beyond it half of what is sent gets no answer. */
const MOST_A_SECOND = 400;

type Variables = Readonly<Record<string, string>>;

/** What an instance does of its plan, a slice a second; figures begin a second before the window. */
function live(variables: Variables, index: number, more: Partial<Life> = {}): Life {
  const {
    START_AT = "",
    INSTANCES = "",
    RATE_EPS = "",
    DURATION_SEC = "",
    RUN_ID = "",
  } = variables;
  const startMs = Number(START_AT) + 1_000 * Number(variables.WARMUP_SEC ?? 0);
  const each = Math.round(Number(RATE_EPS) / Number(INSTANCES));
  const timedOut = Number(RATE_EPS) > MOST_A_SECOND ? each / 2 : 0;
  const seconds = Math.round(Number(DURATION_SEC));
  const slices = Array.from({ length: seconds + 1 }, (_, i) =>
    sliceOf({
      ...{ vu: index + 1, seq: i, index: i, atMs: 1_000 * (i + 2), slackMs: 5_000 },
      ...(i === seconds ? { phase: "done" as const, clockDriftMs: 0 } : {}),
      classes:
        i === seconds
          ? { connection: [rowOfClass("connection", 0, { closedByUs: 1 })] }
          : {
              publish: [
                rowOf(0, {
                  ...{ scheduled: each, attempted: each, accepted: each - timedOut, timedOut },
                }),
              ],
              ...(i === 0
                ? { connection: [rowOfClass("connection", 0, { due: 1, tried: 1, opened: 1 })] }
                : {}),
            },
      histograms:
        i === seconds
          ? {}
          : {
              "publish.response.0": histogramOf(...Array.from({ length: each }, () => 2)),
              "publish.service.0": histogramOf(...Array.from({ length: each }, () => 1)),
              "publish.lag": histogramOf(0.1),
              loop: histogramOf(0.1),
            },
    }),
  );
  const originMs = startMs - 1_000;
  const texts = said(Number(INSTANCES), {
    ...{ index, of: `${RUN_ID}.${index}`, variables, slices, originMs },
    ...{ startAtMs: Number(START_AT), about: {} },
  });
  const lines = texts.map((text) => {
    const atMs = /^k6-nostr slice .*"atMs":(\d+)/.exec(text)?.[1];
    const isBegin = text.startsWith("k6-nostr begin");
    const endMs = originMs + 1_000 * (seconds + 2);
    return [isBegin ? originMs : atMs ? originMs + Number(atMs) : endMs, text] as const;
  });
  const endsMs = originMs + 1_000 * (seconds + 3);
  const life = { lines, endsMs, ...more };
  return { ...life, lines: lines.filter(([atMs]) => atMs <= life.endsMs) };
}

function textsOf(more: OptionTexts = {}): OptionTexts {
  const own = { relay: "ws://10.0.0.9:7777", allowPrivate: "1", instances: "2", lead: "5" };
  return { ...collectOptions({}, {}, "publish"), ...own, ...more };
}

interface Ran {
  readonly report: Report;
  readonly cluster: FakeCluster;
  readonly notes: readonly string[];
}

async function run(
  lives: (variables: Variables, index: number) => Life,
  { failFast = false, signal = new AbortController().signal, texts = textsOf() } = {},
): Promise<Ran> {
  const cluster = new FakeCluster(NOW_MS, lives);
  const given = ["instances"] as const;
  const pods = readPods({ scenario: "publish", texts, given }, { lead: "5" });
  const job = jobOfPods(pods, buildPlan("publish", texts, "7", 1), NOW_MS);
  const notes: string[] = [];
  const terminal = { note: (text: string) => void notes.push(text), status() {}, clear() {} };
  const { clock } = cluster;
  const report = await runByPods({
    ...{ api: cluster, job, failFast, isKept: false, terminal, signal, clock },
  });
  return { report, cluster, notes };
}

/** The relay is one that only pods reach: `127.0.0.1` on nodes elsewhere. */
const LOAD = textsOf({
  ...{ relay: "ws://127.0.0.1:7", clients: "2", rate: "100", duration: "10", threshold: "" },
});

describe("a run by pods", () => {
  it("follows all of them to their end, makes one report and removes what it made", async () => {
    const { report, cluster, notes } = await run(live, { texts: LOAD });
    assert.equal(report.run.complete, true, report.run.stopReason ?? "");
    assert.equal(publishOf(report).totals.accepted, 1_000);
    const [job] = cluster.jobs;
    assert.equal(cluster.jobs.length, 1);
    const endMs = NOW_MS + 5_000 + 12_000;
    // Looked at every two seconds, and a log's end is awaited for three.
    assert.ok(job?.goneMs && job.goneMs >= endMs && job.goneMs < endMs + 8_000, `${job?.goneMs}`);
    assert.match(notes[0] ?? "", /^made {8}k6-nostr-\S+ in load, which begins in 5 s$/);
  });

  it("says why nothing was read back: pods have a loopback of their own", async () => {
    const { report, notes } = await run(live, { texts: LOAD });
    const why = "`127.0.0.1:7` is each pod's own, and not the one of this machine";
    assert.ok(notes.includes(`read-back   nothing was read back: ${why}`), notes.join("\n"));
    assert.deepEqual(
      report.resources?.notMeasured.find(({ what }) => what === "what the relay stored"),
      { what: "what the relay stored", why: `not read back from where this command ran: ${why}` },
    );
  });

  it("goes on without one that died, and says when and of what", async () => {
    const dead = { endsMs: NOW_MS + 9_500, exitCode: 137, reason: "OOMKilled" };
    const { report, cluster } = await run(
      (variables, index) => live(variables, index, index === 1 ? dead : {}),
      { texts: LOAD },
    );
    assert.equal(
      report.run.stopReason,
      "instance 1 of 2: ended at 5 s: exit 137 (OOMKilled); rates behind it are those of 1 of 2 shares",
    );
    assert.equal(publishOf(report).totals.accepted, 500 + 200);
    assert.ok((cluster.jobs[0]?.goneMs ?? 0) > NOW_MS + 17_000);
  });

  it("is ended by one that died with --fail-fast, and says that of the others", async () => {
    const dead = { endsMs: NOW_MS + 9_500, exitCode: 137, reason: "OOMKilled" };
    const { report, cluster, notes } = await run(
      (variables, index) => live(variables, index, index === 1 ? dead : {}),
      { texts: { ...LOAD, instances: "3", clients: "3", rate: "150" }, failFast: true },
    );
    assert.equal(
      report.run.stopReason,
      "instance 1 of 3: ended at 5 s: exit 137 (OOMKilled); instance 0 of 3: stopped, as another one had died (--fail-fast); instance 2 of 3: stopped, as another one had died (--fail-fast)",
    );
    assert.equal(report.run.complete, false);
    const [job] = cluster.jobs;
    assert.ok(job?.goneMs && job.goneMs <= NOW_MS + 9_500 + 2_000, `${job?.goneMs}`);
    assert.ok(notes.includes("instance 1 of 3: ended at 5 s: exit 137 (OOMKilled)"));
    const { accepted } = publishOf(report).totals;
    assert.ok(accepted > 400 && accepted < 900, `${accepted} of 1,500`);
  });

  it("is told in a line where nothing was measured, and nothing is left", async () => {
    const silent = (variables: Variables, index: number): Life => ({
      ...live(variables, index),
      ...{ endsMs: NOW_MS + 1_000, exitCode: 2, lines: [[NOW_MS, "SEED is required"] as const] },
    });
    await assert.rejects(
      run(silent, { texts: LOAD }),
      (error: unknown) =>
        error instanceof ConfigError &&
        error.message.startsWith("nothing was measured\ninstance 0 of 2: SEED is required"),
    );
  });
});

describe("a search by pods", () => {
  let dir = "";
  const relay = createServer((socket) => socket.destroy());
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "k6-nostr-search-"));
    await once(relay.listen(0, "127.0.0.1"), "listening");
  });
  after(async () => {
    relay.close();
    await rm(dir, { recursive: true, force: true });
  });

  it("makes a Job for each trial, with events of its own, and finds what the relay takes", async () => {
    const { port } = relay.address() as AddressInfo;
    // Of the third trial an instance dies: that says nothing of the relay.
    const dies = { exitCode: 137, reason: "OOMKilled" };
    const cluster = new FakeCluster(NOW_MS, (variables, index, job) => {
      const startMs = Number(variables.START_AT);
      return live(
        variables,
        index,
        job === 2 && index === 1 ? { endsMs: startMs + 2_500, ...dies } : {},
      );
    });
    const texts = textsOf({
      ...{ relay: `ws://127.0.0.1:${port}`, clients: "4", force: "1", reportDir: dir, seed: "s" },
      threshold: "nostr_publish_failed: rate<0.01",
    });
    const flags = {
      from: "100",
      to: "1600",
      probe: "3",
      trial: "3",
      repeats: "1",
      precision: "60%",
    };
    const given = ["instances", "relay"] as const;
    const asked = { scenario: "publish" as const, texts, given };
    const generator = searchByPods(
      asked,
      { ...flags, lead: "5", namespace: "load" },
      {
        open: async () => cluster,
        clock: cluster.clock,
      },
    );
    const settings = readSettings(flags, "publish");
    const own = { scenario: asked.scenario, seed: "s", given, generator, settings, texts };
    const signal = new AbortController().signal;
    const planning = {
      ...{ ...own, cores: generator.cores, cooldownSec: 0, emptyBy: null },
      ...{ isResumed: false, isBudgetGiven: false, isScaleGiven: false },
    };
    const terminal = { note() {}, status() {}, clear() {} };
    const side = await openSide({
      ...{ ...planning, plan: firstPlan(planning, texts), isNamed: false, dir, terminal, signal },
    });
    const [searched] = await carryOutSearches([side]);
    await generator.close();
    const { trials = [], result } = searched ?? {};
    assert.deepEqual(
      [result?.lastPassing, result?.firstFailing],
      [400, 600],
      JSON.stringify(result),
    );
    assert.equal(trials.length, cluster.jobs.length);
    assert.deepEqual(
      trials.map(({ load }) => String(load)),
      cluster.jobs.map(({ variables }) => variables.RATE_EPS),
    );
    assert.deepEqual([trials[2]?.verdict, trials[3]?.load], ["void", trials[2]?.load]);
    assert.match(
      trials[2]?.voidReason ?? "",
      /^instance 1 of 2: ended at \d+ s: exit 137 \(OOMKilled\)/,
    );
    assert.equal(new Set(cluster.jobs.map(({ variables }) => variables.SEED)).size, trials.length);
    for (const { goneMs, variables } of cluster.jobs) {
      assert.notEqual(goneMs, null);
      assert.equal(variables.INSTANCES, "2");
    }
  });

  const refused: readonly (readonly [
    string,
    OptionTexts,
    Readonly<Record<string, string>>,
    RegExp,
  ])[] = [
    ["k6's operator", {}, { engine: "k6-operator" }, /^a search is by --engine job/],
    ["a start", { startAt: "1767225600000" }, {}, /^START_AT .* is for a single run/],
  ];
  for (const [what, more, flags, reason] of refused) {
    it(`is not made with ${what}`, () => {
      const asked = {
        scenario: "publish" as const,
        texts: textsOf(more),
        given: ["instances"] as const,
      };
      assert.throws(
        () => searchByPods(asked, flags),
        (error: unknown) => error instanceof ConfigError && reason.test(error.message),
      );
    });
  }
});
