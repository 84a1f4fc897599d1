import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HOLD, RAMP } from "../src/measure/classes/connection.ts";
import { noLinkCounts } from "../src/measure/recorder.ts";
import type { Slice } from "../src/measure/slice.ts";
import { classesOf } from "../src/report/class-report.ts";
import { pointsOf } from "../src/report/points.ts";
import { summarize } from "../src/report/summary.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { figuresOf } from "./fixtures/reports/figures.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  goodSlices,
  histogramOf,
  planOf,
  rowOf,
  rowOfClass,
  sampleOf,
  sliceOf,
  TYPES,
} from "./fixtures/reports/run.ts";

describe("buildReport", () => {
  it("has the figures of a good run", () => {
    const { run, totals, throughput, latency, thresholds, errors } = figuresOf(buildOf());
    assert.equal(run.complete, true);
    assert.equal(run.stopReason, null);
    assert.equal(run.durationSec, 10);
    assert.equal(run.startedAt, "2026-01-02T03:04:05.000Z");
    assert.equal(run.sameHost, true);
    assert.deepEqual([totals.scheduled, totals.attempted, totals.accepted], [1_000, 1_000, 1_000]);
    assert.deepEqual([throughput.targetEps, throughput.attemptedEps], [100, 100]);
    assert.equal(throughput.acceptedEps, 100);
    assert.equal(throughput.series.length, 100);
    assert.deepEqual([latency.response.p50, latency.response.max], [2, 2]);
    assert.deepEqual(Object.keys(latency.byEvent), ["video", "view"]);
    assert.equal(latency.byEvent.view?.totals.accepted, 900);
    assert.equal(latency.connect.count, 2);
    assert.ok(thresholds.every(({ ok }) => ok === true));
    assert.deepEqual(errors, []);
  });

  it("says null for what only Node can know, and for what was not measured", () => {
    const report = emptyReport();
    const { latency, generator } = figuresOf(report);
    assert.deepEqual(report.run.host, { cpus: null, memoryBytes: null, platform: null });
    assert.deepEqual([report.resources, report.profile, report.audit], [null, null, null]);
    for (const summary of [latency.response, latency.service, latency.connect]) {
      const { unit: _, count, histogram: __, ...figures } = summary;
      assert.equal(count, 0);
      assert.ok(Object.values(figures).every((value) => value === null));
    }
    assert.deepEqual(generator.cpuPercent, { generator: null, host: null });
    assert.deepEqual(generator.inFlight, { mean: null, littlesLaw: null });
    assert.deepEqual([generator.clockDriftMs, generator.startSkewMs], [null, null]);
    assert.deepEqual([generator.ceilingEps, generator.floorMs], [null, null]);
    assert.deepEqual(pointsOf(report), []);
  });

  it("is incomplete until every VU is done, with a reason", () => {
    const cut = goodSlices().slice(0, -1);
    assert.equal(buildOf({ slices: cut }).run.complete, false);
    assert.match(buildOf({ slices: cut }).run.stopReason ?? "", /not all VUs/);
    assert.equal(buildOf({ slices: cut, stopReason: "killed" }).run.stopReason, "killed");
    const two = planOf({ CLIENTS: "5000" });
    assert.equal(buildOf({ plan: { ...two, vus: 2 } }).run.complete, false);
  });

  it("has each identity of each class as it came out", () => {
    const outOf = (slices: readonly Slice[]) =>
      classesOf(buildOf({ slices })).flatMap(([name, { identities }]) =>
        identities.map(({ text, left, right, balances }) => [
          name,
          text.split(" ", 1)[0],
          left,
          right,
          balances,
        ]),
      );
    const UNUSED = ["dropped", "asked", "probes", "interrupted"].map((left) => [
      ...["connection", left, 0, 0, true],
    ]);
    const good = [
      ["publish", "scheduled", 1_000, 1_000, true],
      ["publish", "attempted", 1_000, 1_000, true],
      ["connection", "due", 10, 10, true],
      ["connection", "tried", 10, 10, true],
      ["connection", "opened", 10, 10, true],
      ...UNUSED,
    ];
    assert.deepEqual(outOf(goodSlices()), good);
    // A slice lost on the way, of a VU that came to its end.
    assert.deepEqual(outOf(goodSlices().filter(({ seq }) => seq !== 0)), [
      ["publish", "scheduled", 990, 990, true],
      ["publish", "attempted", 990, 990, true],
      ["connection", "due", 0, 0, true],
      ["connection", "tried", 0, 0, true],
      ["connection", "opened", 0, 10, false],
      ...UNUSED,
    ]);
  });

  it("keeps the warm-up out of totals, latency and series", () => {
    const warm = sliceOf({
      seq: 200,
      phase: "warmup",
      index: -1,
      classes: {
        publish: [
          rowOf(TYPES.length + 1, { scheduled: 9, attempted: 8, accepted: 7, timedOut: 1 }),
        ],
      },
      histograms: { [`publish.response.${TYPES.length + 1}`]: histogramOf(5_000) },
    });
    const { warmup, totals, latency, throughput } = figuresOf(
      buildOf({ slices: [...goodSlices(), warm] }),
    );
    const good = buildOf();
    const counted = { scheduled: 9, attempted: 8, accepted: 7, timedOut: 1 };
    assert.deepEqual(warmup, { ...zerosOf("publish"), ...counted });
    assert.deepEqual(totals, figuresOf(good).totals);
    assert.deepEqual(latency, figuresOf(good).latency);
    assert.deepEqual(throughput.series, figuresOf(good).throughput.series);
  });

  it("counts what is accepted after the window in the totals but not in the rate", () => {
    const late = sliceOf({
      seq: 200,
      phase: "drain",
      index: 105,
      classes: { publish: [rowOf(1, { scheduled: 10, attempted: 10, accepted: 10 })] },
      histograms: { "publish.response.1": histogramOf(700), "publish.service.1": histogramOf(700) },
    });
    const { totals, throughput } = figuresOf(buildOf({ slices: [...goodSlices(), late] }));
    assert.equal(totals.accepted, 1_010);
    assert.equal(throughput.acceptedEps, 100);
    assert.equal(
      throughput.series.reduce((sum, point) => sum + point.accepted, 0),
      1_010,
    );
  });

  it("counts arrivals without an event in the totals, in a row of no type", () => {
    const none = sliceOf({
      seq: 200,
      classes: { publish: [rowOf(2, { scheduled: 3, poolExhausted: 3 })] },
    });
    const { totals, latency } = figuresOf(buildOf({ slices: [...goodSlices(), none] }));
    assert.equal(totals.scheduled, 1_003);
    assert.equal(totals.poolExhausted, 3);
    assert.deepEqual(Object.keys(latency.byEvent), ["video", "view", "(none)"]);
    const { scheduled, poolExhausted } = latency.byEvent["(none)"]?.totals ?? zerosOf("publish");
    assert.deepEqual([scheduled, poolExhausted], [3, 3]);
  });

  it("has no rows of sets and queries that there were none of", () => {
    const plan = { ...planOf(), scenario: "playback" } as const;
    assert.deepEqual(buildOf({ plan }).classes.query?.rows, {});
    assert.equal(buildOf({ plan }).classes.set, undefined);
    const feed = rowOfClass("query", 0, { scheduled: 1, sent: 1, closed: 1 });
    const video = rowOfClass("set", 0, { started: 1, failed: 1 });
    const more = sliceOf({ seq: 200, classes: { query: [feed], set: [video] } });
    const { query, set } = buildOf({ plan, slices: [...goodSlices(), more] }).classes;
    assert.deepEqual(Object.keys(query?.rows ?? {}), ["feed"]);
    assert.deepEqual(Object.keys(set?.rows ?? {}), ["video"]);
    const alone = buildOf({ plan: { ...plan, scenario: "query" }, slices: [] });
    assert.equal(alone.classes.query?.totals.scheduled, 0);
    assert.equal(alone.classes.publish, undefined);
  });

  it("takes an error's share of what it may have struck", () => {
    const error = (errorClass: string, count: number) => ({
      class: errorClass,
      code: "x",
      count,
      firstAtSec: 0,
      example: "",
    });
    const errors = [error("reject", 100), error("connect", 5), error("close", 2)];
    const shares = (slices: readonly ReturnType<typeof sliceOf>[]) =>
      Object.fromEntries(buildOf({ slices }).errors.map((e) => [e.class, e.share]));
    const bad = sliceOf({ seq: 200, errors });
    assert.deepEqual(shares([...goodSlices(), bad]), { reject: 0.1, connect: 0.5, close: 0.2 });
    assert.deepEqual(shares([bad]), { reject: null, connect: null, close: null });
  });

  it("shows no more of a relay than host and port", () => {
    const plan = planOf({ RELAY_URL: "ws://127.0.0.1:7777/secret?token=secret" });
    assert.doesNotMatch(JSON.stringify(buildOf({ plan })), /secret/);
  });

  it("knows whether generator and relay share a host", () => {
    const sameHost = (url: string) => buildOf({ plan: planOf({ RELAY_URL: url }) }).run.sameHost;
    assert.equal(sameHost("ws://localhost:1,ws://[::1]:2,ws://127.9.9.9:3"), true);
    // One relay that shares the processor is enough.
    assert.equal(sameHost("ws://127.0.0.1:1,ws://10.0.0.1:2"), true);
    assert.equal(sameHost("ws://10.0.0.1:2"), false);
  });

  it("sums connections, and frames that answer nothing", () => {
    const link = { ...noLinkCounts(), notices: 3, malformedFrames: 2, unknownOk: 1, lateOk: 4 };
    const connection = [
      rowOfClass("connection", RAMP, { due: 2, tried: 2, failed: 2 }),
      rowOfClass("connection", HOLD, { dropped: 1 }),
    ];
    const more = sliceOf({ seq: 200, link, classes: { connection } });
    const report = buildOf({ slices: [...goodSlices(), more] });
    assert.deepEqual(figuresOf(report).totals.connections, {
      attempted: 12,
      opened: 10,
      failed: 2,
      dropped: 1,
      reconnected: 0,
    });
    const { ramp, hold } = report.classes.connection.rows;
    assert.deepEqual([ramp?.totals.due, hold?.totals.due, hold?.totals.dropped], [12, 0, 1]);
    assert.deepEqual(report.frames, { notices: 3, malformed: 2, unknownOk: 1, lateOk: 4 });
  });
});

describe("summarize", () => {
  it("has percentiles in rising order within least and most", () => {
    const s = summarize(histogramOf(...Array.from({ length: 1_000 }, (_, i) => i + 0.123_456_7)));
    const rising = [s.min, s.p50, s.p90, s.p95, s.p99, s.p999, s.max].map((v) => v ?? Number.NaN);
    assert.deepEqual(
      rising,
      [...rising].sort((a, b) => a - b),
    );
    assert.ok(Math.abs((s.min ?? 0) - 0.123_456_7) < 0.002);
    assert.ok(Math.abs((s.mean ?? 0) - 499.6) < 5);
  });
});

describe("completeReport", () => {
  it("names the proofs of consent that the run rested on", () => {
    const digest = "ab".repeat(32);
    const proofs = [{ host: "8.8.8.8", until: "2027-01-01", source: "nip-11", digest } as const];
    const report = completeOf(buildOf(), { proofs });
    assert.deepEqual(report.run.proofs, proofs);
    assert.deepEqual(completeOf(buildOf()).run.proofs, []);
  });

  it("has service times by relay where there are several, and sizes by event type", () => {
    const plan = planOf({ RELAY_URL: "ws://127.0.0.1:1,ws://127.0.0.1:2" });
    const slices = [
      sliceOf({ histograms: { "relay.0": histogramOf(1, 1), "relay.1": histogramOf(30) } }),
      sliceOf({ seq: 1, histograms: { "relay.1": histogramOf(30, 30) } }),
    ];
    const { latency } = figuresOf(buildOf({ plan, slices }));
    assert.deepEqual(
      latency.byRelay.map(({ relay, service }) => [relay, service.count, service.max]),
      [
        ["127.0.0.1:1", 2, 1],
        ["127.0.0.1:2", 3, 30],
      ],
    );
    assert.deepEqual(figuresOf(buildOf()).latency.byRelay, []);
    assert.equal(buildOf().config.pool.types.video?.meanBytes, 1_500);
  });

  it("adds what Node knows, and judges again", () => {
    const report = completeOf(buildOf());
    assert.equal(report.run.k6, "k6 v2.2.0");
    assert.equal(report.run.host.cpus, 4);
    assert.equal(report.resources?.samples.length, 4);
    assert.deepEqual(report.generator.cpuPercent, { generator: 30, host: 20 });
    assert.equal(report.generator.ceilingEps, 5_000);
    assert.equal(report.generator.verdict, "valid");
    const busy = sampleOf({ t: 1, process: "generator", cpuPercent: 390 });
    assert.equal(completeOf(buildOf(), { resources: [busy] }).generator.verdict, "invalid");
  });

  it("takes samples of the window alone", () => {
    const sample = (t: number, cpuPercent: number | null) =>
      sampleOf({ t, process: "generator", cpuPercent });
    const resources = [
      sample(-5, 400),
      sample(1, 10),
      sample(2, null),
      sample(3, 20),
      sample(11, 400),
    ];
    assert.equal(completeOf(buildOf(), { resources }).generator.cpuPercent.generator, 15);
    assert.equal(completeOf(buildOf(), { resources: [] }).resources, null);
  });

  it("keeps k6's figures as they were", () => {
    const report = buildOf();
    const completed = completeOf(report);
    assert.deepEqual(figuresOf(completed).totals, figuresOf(report).totals);
    assert.deepEqual(figuresOf(completed).latency, figuresOf(report).latency);
    assert.deepEqual(completed.generator.scheduleLag, report.generator.scheduleLag);
  });

  it("keeps the reason that k6 gave for a stop, unless Node has a better one", () => {
    const report = buildOf({ slices: goodSlices().slice(0, 50), stopReason: "k6's reason" });
    assert.equal(completeOf(report).run.stopReason, "k6's reason");
    assert.equal(completeOf(report, { stopReason: "better" }).run.stopReason, "better");
  });
});
