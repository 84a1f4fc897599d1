/** The verdict on whole runs in virtual time: what a relay does is never held against the generator. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import { publishOf } from "../src/report/class-report.ts";
import type { Report } from "../src/report/types.ts";
import { runScenario } from "./k6-world/run.ts";
import type { Conditions, Relay, RelaySide } from "./k6-world/world.ts";

let dir = "";
let pool = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-verdict-"));
  pool = join(dir, "pool");
  await makeLookAlikes(pool, 11_000);
});
after(() => rm(dir, { recursive: true }));

const LOAD = { CLIENTS: "50", RATE_EPS: "1500", DURATION_SEC: "5", ACK_TIMEOUT_MS: "2000" };
/** As k6 has them. */
const TIMERS = { timersLateMs: 1.1 };

const answer = (frame: string, socket: RelaySide, afterMs: number) =>
  socket.answer(`["OK","${frame.slice(16, 80)}",true,""]`, afterMs);

async function runWith(
  relay: Relay,
  variables: Readonly<Record<string, string>> = {},
  conditions: Conditions = {},
): Promise<Report> {
  const all = { ...TIMERS, ...conditions };
  return (await runScenario(pool, { ...LOAD, ...variables }, relay, all)).report;
}

const badSignals = ({ generator }: Report, ...states: readonly string[]) =>
  generator.signals.filter(({ state }) => states.includes(state)).map(({ text }) => text);

describe("a generator in order is not invalid", () => {
  it("nor suspect, when the relay is in order too", async () => {
    const report = await runWith((frame, socket) => answer(frame, socket, 3));
    assert.deepEqual(badSignals(report, "suspect", "invalid"), []);
    assert.equal(publishOf(report).totals.accepted, 7_500);
  });

  let n = 0;
  const refused = { error: "dial tcp 127.0.0.1:7777: connect: connection refused" };
  const table: Readonly<
    Record<string, readonly [Relay, Readonly<Record<string, string>>?, Conditions?]>
  > = {
    "leaves a few events without an answer": [
      (frame, socket) => {
        if (++n % 110 !== 0) answer(frame, socket, 30);
      },
      { ACK_TIMEOUT_MS: "4000" },
    ],
    "leaves all without an answer": [() => {}],
    "leaves all without an answer, on many connections": [
      () => {},
      { CLIENTS: "1000", MAX_IN_FLIGHT: "2" },
    ],
    "stalls for two seconds": [
      (frame, socket, atMs) => answer(frame, socket, Math.max(1, atMs < 2_500 ? 0 : 4_500 - atMs)),
    ],
    "stalls, and ends all connections for good": [
      (frame, socket, atMs) => {
        if (atMs < 3_000) answer(frame, socket, 1);
      },
      { MAX_IN_FLIGHT: "1" },
      {
        handshake: (place) => (place < 50 ? "open" : refused),
        at: [[4_500, (sockets) => sockets[0]?.dropAll(1_006)]],
      },
    ],
    "ends all connections each second": [
      (frame, socket) => {
        if (++n % 1_500 === 0) socket.dropAll(1_001);
        else answer(frame, socket, 2);
      },
    ],
    "takes one event at a time from each, slowly": [
      (frame, socket) => answer(frame, socket, 200),
      { MAX_IN_FLIGHT: "1" },
    ],
    "answers with garbage alone": [(_, socket) => socket.answer("{", 1)],
  };
  for (const [does, [relay, variables, conditions]] of Object.entries(table)) {
    it(`when the relay ${does}`, async () => {
      const report = await runWith(relay, variables, conditions);
      assert.deepEqual(badSignals(report, "suspect", "invalid"), []);
      assert.ok(report.findings.every(({ id }) => id !== "generator-limit"));
    });
  }
});

describe("a generator without a processor", () => {
  it("is invalid, and no finding blames the relay", async () => {
    let n = 0;
    const report = await runWith((frame, socket) => {
      answer(frame, socket, 3);
      // A tenth of the time is taken away, 60 ms each time.
      if (++n % 900 === 0) socket.starve(60);
    });
    assert.equal(report.generator.verdict, "invalid");
    assert.match(report.generator.reasons.join(), /events were sent late by this generator/);
    assert.deepEqual(
      report.findings.map(({ id }) => id),
      ["generator-limit"],
    );
    // What the relay took is measured all the same: stamps come from the socket's reader.
    assert.ok((publishOf(report).times.service.p999 ?? 0) < 4);
  });

  it("for a moment is suspect: the slowest responses are its own", async () => {
    let n = 0;
    const report = await runWith(
      (frame, socket) => {
        answer(frame, socket, 3);
        // Two seconds of four hundred.
        if (++n === 5_000) socket.starve(2_000);
      },
      { CLIENTS: "5", RATE_EPS: "25", DURATION_SEC: "400" },
    );
    const suspect = badSignals(report, "suspect");
    assert.deepEqual(badSignals(report, "invalid"), []);
    assert.equal(suspect.length, 1, suspect.join());
    assert.match(suspect.join(), /p99.9 of schedule lag .* slowest response times are this gen/);
    assert.deepEqual(
      report.findings.filter(({ severity }) => severity !== "info"),
      [],
    );
  });

  it("shows how late answers were looked at as loop lag", async () => {
    let n = 0;
    const report = await runWith((frame, socket) => {
      answer(frame, socket, 3);
      if (++n % 100 === 0) socket.starve(50);
    });
    const { loopLag } = report.generator;
    assert.ok((loopLag.p99 ?? 0) > 20 && (loopLag.max ?? 0) <= 52, `${loopLag.p99} ms`);
  });
});
