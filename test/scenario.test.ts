import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import { makePool } from "../src/node/pool/make.ts";
import { publishOf, queryOf, setOf } from "../src/report/class-report.ts";
import { pointsOf } from "../src/report/points.ts";
import { figuresOf } from "./fixtures/reports/figures.ts";
import { runScenario } from "./k6-world/run.ts";
import { assertSeriesSums } from "./k6-world/trial.ts";
import type { Relay } from "./k6-world/world.ts";

let dir = "";
let pool = "";
/** Views, and videos of two parts: 30078 and 1063. */
let videos = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-scenario-"));
  pool = join(dir, "pool");
  videos = join(dir, "videos");
  await makeLookAlikes(pool, 3_000);
  await makePool({
    dir: videos,
    seed: "scenario",
    mix: parseMix("view:0.7,video:0.3"),
    events: 1_100,
    epoch: 1_767_225_600,
  });
});
after(() => rm(dir, { recursive: true }));

const LOAD = { CLIENTS: "100", RATE_EPS: "1000", DURATION_SEC: "2", ACK_TIMEOUT_MS: "500" };
const okFor = (frame: string) => `["OK","${frame.slice(16, 80)}",true,""]`;
const answering =
  (afterMs: number): Relay =>
  (frame, socket) =>
    socket.answer(okFor(frame), afterMs);

const kindOf = (frame: string) => Number(/"kind":(\d+)/.exec(frame)?.[1]);
const within = (actual: number | null, expected: number, share: number) =>
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= expected * share,
    `${actual} is not within ${share * 100} % of ${expected}`,
  );

describe("the scenario publish, in virtual time", () => {
  it("reports an answer's delay and counts what is in flight meanwhile", async () => {
    const { report } = await runScenario(pool, LOAD, answering(30));
    assert.equal(publishOf(report).totals.accepted, 2_000);
    assert.deepEqual(report.errors, []);
    within(publishOf(report).times.service.p50, 30, 0.01);
    within(publishOf(report).times.service.p999, 30, 0.01);
    within(publishOf(report).times.response.p50, 30, 0.02);
    // 1,000 a second for 30 ms each; the window begins with none.
    within(report.generator.inFlight.littlesLaw, 30, 0.01);
    within(report.generator.inFlight.mean, 30, 0.03);
    assert.ok(pointsOf(report).length >= 60);
  });

  it("counts what was in flight on a lost connection as lost, once, and forgets it", async () => {
    let isDropped = false;
    const relay: Relay = (frame, socket, atMs) => {
      // Half-way: connections open in a millisecond, and the schedule begins at the next full second.
      if (!isDropped && atMs > 2_000) {
        isDropped = true;
        socket.dropAll(1001);
        return;
      }
      socket.answer(okFor(frame), 30);
    };
    // One place on each connection: what kept its place after the drop would stand in the way for ever.
    const load = { ...LOAD, MAX_IN_FLIGHT: "1" };
    const { report, endedMs } = await runScenario(pool, load, relay);
    const { totals, latency } = figuresOf(report);
    assert.equal(totals.backpressure, 0);
    assert.equal(totals.connections.dropped, 100);
    assert.equal(totals.connections.reconnected, 100);
    assert.ok(totals.lost >= 28 && totals.lost <= 32, `${totals.lost} lost`);
    assert.ok(totals.noConnection > 0);
    assert.equal(totals.timedOut, 0);
    assert.equal(
      totals.scheduled,
      totals.accepted + totals.lost + totals.noConnection + totals.backpressure,
    );
    assert.equal(latency.service.count, totals.accepted);
    // Nothing that is gone is waited for: the drain takes as long as the last answer.
    assert.ok(endedMs > 3_000 && endedMs < 3_100, `ended at ${endedMs}`);
    const answered = (totals.accepted * 30) / 2_000;
    within(report.generator.inFlight.mean, answered, 0.05);
  });

  it("shows a stall in response times, and in no service time of what was not sent", async () => {
    const heldUntilMs = 2_500;
    const relay: Relay = (frame, socket, atMs) =>
      socket.answer(okFor(frame), atMs > 1_500 ? Math.max(5, heldUntilMs - atMs) : 5);
    const load = { ...LOAD, MAX_IN_FLIGHT: "2", CLIENTS: "10", ACK_TIMEOUT_MS: "5000" };
    const { report } = await runScenario(pool, load, relay);
    const { response, service } = publishOf(report).times;
    assert.equal(publishOf(report).totals.accepted, 2_000);
    // 20 of them were under way: the others waited in the schedule and were answered at once.
    const slow = service.histogram.buckets.reduce(
      (sum, n, i, all) => (i % 2 === 1 && (all[i - 1] ?? 0) > 768 ? sum + n : sum),
      0,
    );
    assert.ok(slow <= 40, `${slow} slow service times`);
    assert.ok((service.p90 ?? 0) < 10, `p90 of service time ${service.p90}`);
    assert.ok((response.p90 ?? 0) > 500, `p90 of response time ${response.p90}`);
    assert.ok(pointsOf(report).some((point) => point.accepted === 0));
  });

  it("settles each set of several parts once, and names the part it lacks", async () => {
    const seen = { 30078: 0, 1063: 0 };
    const lost = { first: 0, second: 0, both: 0 };
    let firstIsLost = false;
    const relay: Relay = (frame, socket) => {
      const kind = kindOf(frame);
      if (kind === 30_078) firstIsLost = ++seen[30_078] % 5 === 0;
      if (kind === 30_078 && firstIsLost) {
        lost.first++;
        socket.answer(okFor(frame).replace("true", "false").replace('""', '"blocked: no"'), 20);
      } else if (kind === 1_063 && ++seen[1_063] % 3 === 0) {
        // Unanswered: it times out.
        lost.second++;
        if (firstIsLost) lost.both++;
      } else {
        socket.answer(okFor(frame), kind === 1_063 ? 40 : 20);
      }
    };
    const load = { ...LOAD, RATE_EPS: "500" };
    const { report } = await runScenario(videos, load, relay);
    const { rows, lacking } = setOf(report);
    const figures = rows.video?.totals;
    assert.ok(figures !== undefined);
    assert.deepEqual(Object.keys(rows), ["video"]);
    assert.equal(figures.started, seen[30_078]);
    assert.equal(figures.failed, lost.both);
    assert.equal(figures.partial, lost.first + lost.second - 2 * lost.both);
    assert.ok(lost.both > 0 && figures.cutOff <= 1, `${lost.both}, ${figures.cutOff}`);
    assert.equal(
      figures.complete + figures.partial + figures.failed + figures.cutOff,
      figures.started,
    );
    assert.deepEqual(lacking, {
      video: [
        { part: 0, kinds: [30_078], count: lost.first },
        { part: 1, kinds: [1_063], count: lost.second },
      ].sort((a, b) => b.count - a.count),
    });
    assert.equal(rows.video?.times.completion.count, figures.complete);
    // The second part is due 2 ms behind the first and answered 40 ms after it was sent.
    within(rows.video?.times.completion.p50 ?? null, 42, 0.03);
  });

  it("asks before each view what its session asks, to the end of the window", async () => {
    const asked: { filter: string; atMs: number; socket: unknown }[] = [];
    const views: { address: string; atMs: number; socket: unknown }[] = [];
    const relay: Relay = (frame, socket, atMs) => {
      const [type, id, filter] = JSON.parse(frame);
      if (type === "REQ") {
        asked.push({ filter: JSON.stringify(filter), atMs, socket });
        socket.answer(`["EVENT","${id}",{"id":"x"}]`, 10);
        socket.answer(`["EVENT","${id}",{"id":"y"}]`, 10);
        socket.answer(`["EOSE","${id}"]`, 20);
      } else if (type === "EVENT") {
        const address = id.tags.find(([name]: [string]) => name === "a")?.[1];
        if (id.kind === 30_079) views.push({ address, atMs, socket });
        socket.answer(okFor(frame), 5);
      }
    };
    const load = { ...LOAD, RATE_EPS: "50", DURATION_SEC: "20" };
    const { report } = await runScenario(videos, load, relay, { scenario: "playback" });
    const { feed, choose } = queryOf(report).rows;
    assert.ok(feed !== undefined && choose !== undefined);
    for (const { totals, times } of [feed, choose]) {
      assert.equal(totals.scheduled, totals.sent);
      assert.equal(totals.sent, totals.eose);
      assert.equal(totals.unchecked, totals.eose);
      assert.equal(totals.rows, 2 * totals.eose);
      assert.equal(totals.uncheckedRows, totals.rows);
      assert.equal(times.response.count, totals.eose);
      within(times.service.p50, 20, 0.02);
      within(times.response.p50, 20, 0.1);
    }
    assertSeriesSums(report);
    assert.equal(asked.length, feed.totals.sent + choose.totals.sent);
    assert.equal(publishOf(report).totals.accepted, 1_000);
    assert.deepEqual(report.errors, []);
    // As many in the last quarter as in the one before: the rate holds to the end.
    const inWindow = (from: number, to: number) =>
      asked.filter(({ atMs }) => atMs >= 1_000 + from && atMs < 1_000 + to).length;
    within(inWindow(15_000, 20_000), inWindow(10_000, 15_000), 0.25);
    // A view that is published late enough was chosen 5 to 6 s before, on its connection.
    for (const { address, atMs, socket } of views.filter((view) => view.atMs > 8_000)) {
      const d = address.split(":")[2];
      const chosen = asked.some(
        (query) =>
          query.filter.includes(`"#d":["${d}"]`) &&
          query.socket === socket &&
          atMs - query.atMs > 4_995 &&
          atMs - query.atMs < 6_005,
      );
      assert.ok(chosen, `nobody chose ${address} before its view at ${atMs}`);
    }
  });

  it("counts queries that are refused, not answered, or cut off, each once", async () => {
    let n = 0;
    const relay: Relay = (frame, socket, atMs) => {
      const [type, id] = JSON.parse(frame);
      if (type === "EVENT") socket.answer(okFor(frame), 5);
      if (type !== "REQ") return;
      n++;
      if (n % 4 === 0) socket.answer(`["CLOSED","${id}","rate-limited: slow down"]`, 5);
      else if (n % 4 === 1) socket.answer(`["EOSE", "${id}"]`, 5);
      if (n === 60 && atMs > 0) socket.dropAll(1001);
    };
    const load = { ...LOAD, RATE_EPS: "50", DURATION_SEC: "10", CLIENTS: "5" };
    const { report } = await runScenario(videos, load, relay, { scenario: "playback" });
    assertSeriesSums(report);
    const all = Object.values(queryOf(report).rows).map(({ totals }) => totals);
    const sum = (pick: (q: (typeof all)[number]) => number) => all.reduce((s, q) => s + pick(q), 0);
    assert.equal(
      sum((q) => q.sent),
      n,
    );
    assert.equal(
      sum((q) => q.eose + q.closed + q.timedOut + q.lost),
      n,
    );
    const closed = report.errors.find((e) => e.class === "closed");
    assert.equal(closed?.code, "rate-limited");
    assert.equal(
      sum((q) => q.closed),
      closed?.count,
    );
    assert.ok(sum((q) => q.timedOut) > 0 && sum((q) => q.lost) > 0);
    assert.equal(
      sum((q) => q.scheduled),
      sum((q) => q.sent + q.noConnection),
    );
  });
});
