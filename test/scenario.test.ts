import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import { type Relay, runScenario } from "./k6-world/world.ts";

let dir = "";
let pool = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-scenario-"));
  pool = join(dir, "pool");
  await makeLookAlikes(pool, 3_000);
});
after(() => rm(dir, { recursive: true }));

const LOAD = { CLIENTS: "100", RATE_EPS: "1000", DURATION_SEC: "2", ACK_TIMEOUT_MS: "500" };
const okFor = (frame: string) => `["OK","${frame.slice(16, 80)}",true,""]`;
const answering =
  (afterMs: number): Relay =>
  (frame, socket) =>
    socket.answer(okFor(frame), afterMs);

const within = (actual: number | null, expected: number, share: number) =>
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= expected * share,
    `${actual} is not within ${share * 100} % of ${expected}`,
  );

describe("the scenario publish, in virtual time", () => {
  it("reports an answer's delay and counts what is in flight meanwhile", async () => {
    const { report } = await runScenario(pool, LOAD, answering(30));
    assert.equal(report.totals.accepted, 2_000);
    assert.deepEqual(report.errors, []);
    within(report.latency.service.p50, 30, 0.01);
    within(report.latency.service.p999, 30, 0.01);
    within(report.latency.response.p50, 30, 0.02);
    // 1,000 a second for 30 ms each; the window begins with none.
    within(report.generator.inFlight.littlesLaw, 30, 0.01);
    within(report.generator.inFlight.mean, 30, 0.03);
    assert.ok(report.throughput.series.length >= 60);
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
    const { totals, latency } = report;
    assert.equal(totals.unsent.backpressure, 0);
    assert.equal(totals.connections.dropped, 100);
    assert.equal(totals.connections.reconnected, 100);
    assert.ok(totals.lost >= 28 && totals.lost <= 32, `${totals.lost} lost`);
    assert.ok(totals.unsent.noConnection > 0);
    assert.equal(totals.timedOut, 0);
    assert.equal(
      totals.scheduled,
      totals.accepted + totals.lost + totals.unsent.noConnection + totals.unsent.backpressure,
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
    const { response, service } = report.latency;
    assert.equal(report.totals.accepted, 2_000);
    // 20 of them were under way: the others waited in the schedule and were answered at once.
    const slow = service.histogram.buckets.reduce(
      (sum, n, i, all) => (i % 2 === 1 && (all[i - 1] ?? 0) > 768 ? sum + n : sum),
      0,
    );
    assert.ok(slow <= 40, `${slow} slow service times`);
    assert.ok((service.p90 ?? 0) < 10, `p90 of service time ${service.p90}`);
    assert.ok((response.p90 ?? 0) > 500, `p90 of response time ${response.p90}`);
    assert.ok(report.throughput.series.some((point) => point.accepted === 0));
  });
});
