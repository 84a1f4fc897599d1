/** The accounting of a whole run in virtual time, against the ledger of a relay that misbehaves. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { makePool } from "../src/node/pool/make.ts";
import type { Report } from "../src/report/types.ts";
import {
  type Answer,
  broken,
  flooding,
  huge,
  inTurn,
  rejected,
  toldApart,
  unasked,
} from "./faulty-relay/answers.ts";
import { accept, acceptLate, acceptUnasked, cut, frame, reject } from "./faulty-relay/frames.ts";
import { assertCounts, type Beside } from "./faulty-relay/hold.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { type Conditions, type Ran, type RelaySide, runScenario } from "./k6-world/world.ts";

let dir = "";
/** Views, and videos of two parts. */
let pool = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-outcomes-"));
  pool = join(dir, "pool");
  await makePool({
    dir: pool,
    seed: "outcomes",
    mix: parseMix("view:0.5,video:0.5"),
    events: 1_400,
    epoch: 1_767_225_600,
  });
});
after(() => rm(dir, { recursive: true }));

const LOAD = { CLIENTS: "4", RATE_EPS: "200", DURATION_SEC: "1", ACK_TIMEOUT_MS: "500" };
const refusal = "dial tcp 127.0.0.1:7777: connect: connection refused";
const WARM = { ...LOAD, WARMUP_SEC: "1" };

interface Trial {
  readonly variables?: Readonly<Record<string, string>>;
  readonly conditions?: Conditions;
  readonly beside?: Beside;
}

/** Runs against the relay and holds the counts against its ledger. */
async function hold(
  { relay, ledger }: ReturnType<typeof misbehave>,
  { variables = {}, conditions = {}, beside = {} }: Trial = {},
): Promise<Ran> {
  const ran = await runScenario(pool, { ...LOAD, ...variables }, relay, conditions);
  ledger.taken = ran.dialled;
  ledger.opened = ran.opened;
  assertCounts(ran.report, ledger, beside);
  assertSetsClosed(ran.report);
  assertSeriesSums(ran.report);
  return ran;
}

/** Every set that was begun is settled, and what its parts lacked is what the totals lack of them. */
function assertSetsClosed({ sets }: Report): void {
  for (const { started, complete, partial, failed, cutOff, lacking } of Object.values(sets ?? {})) {
    assert.equal(started, complete + partial + failed + cutOff);
    assert.ok(cutOff <= 1, `${cutOff} sets cut off`);
    const parts = lacking.reduce((sum, { count }) => sum + count, 0);
    assert.ok(parts >= partial + 2 * failed, `${parts} parts lacking`);
  }
}

const SUMMED = [
  ...["scheduled", "attempted", "accepted", "duplicate", "superseded", "rejected"],
  ...["timedOut", "lost"],
] as const;

function assertSeriesSums({ throughput, totals }: Report): void {
  const sum = (of: string) =>
    throughput.series.reduce((n, point) => n + Number(Reflect.get(point, of)), 0);
  for (const column of SUMMED) assert.equal(sum(column), Reflect.get(totals, column), column);
  const { backpressure, noConnection, poolExhausted } = totals.unsent;
  assert.equal(sum("unsent"), backpressure + noConnection + poolExhausted);
  assert.ok(throughput.series.length >= 60);
}

function errorsOf({ errors }: Report): Readonly<Record<string, number>> {
  return Object.fromEntries(errors.map((e) => [`${e.class}/${e.code}`, e.count]));
}

describe("what a relay answers is counted as what it was", () => {
  const table: Readonly<Record<string, readonly Answer[]>> = {
    rejected,
    toldApart,
    unasked,
    broken,
    huge,
    flooding,
  };
  for (const [name, answers] of Object.entries(table)) {
    it(name, async () => {
      await hold(misbehave(inTurn(answers)));
    });
  }

  it("is matched by id, whatever the order of the answers", async () => {
    // Each connection has an answer after 30 ms, then one after 5 ms that overtakes it.
    const { relay, ledger } = misbehave(({ event, place }) => {
      const afterMs = place % 8 < 4 ? 30 : 5;
      return [
        place % 3 === 0
          ? { ...reject(event.id, "pow", "pow: 20"), afterMs }
          : accept(event.id, afterMs),
      ];
    });
    const { report } = await hold({ relay, ledger }, { variables: { CLIENTS: "4" } });
    const { min, max, mean, p50 } = report.latency.service;
    assert.ok(min !== null && max !== null && mean !== null && p50 !== null);
    assert.ok(min > 4.9 && max < 30.4, `${min} to ${max} ms`);
    assert.ok(Math.abs(mean - 17.5) < 0.5, `${mean} ms on average`);
  });
});

describe("what is not answered in time", () => {
  it("is timed out, and an answer behind that late, once", async () => {
    const late = misbehave(({ event, place }) => {
      if (place >= 40) return [accept(event.id)];
      if (place % 4 === 0) return [];
      if (place % 4 === 1) return [acceptLate(event.id, 700)];
      if (place % 4 === 2)
        return [frame(["OK", event.id, false, "error: late"], "lateOk", null, 700)];
      return [acceptLate(event.id, 700), { ...acceptUnasked(event.id), afterMs: 710 }];
    });
    const { report, endedMs } = await hold(late, { variables: { DURATION_SEC: "2" } });
    assert.deepEqual([report.totals.timedOut, report.totals.lateOk], [40, 30]);
    assert.equal(report.latency.service.count, 360);
    // Nothing is left in flight that the drain would wait for.
    assert.ok(endedMs < 3_060, `ended at ${endedMs}`);
  });

  it("has as long from the moment it was sent, however long it waited before", async () => {
    // The second part of a video waits for the first: answered 300 ms after it was sent, over 500 after it was due.
    const slow = misbehave(({ event }) => [accept(event.id, 300)]);
    const { report } = await hold(slow, {
      variables: { MAX_IN_FLIGHT: "1", RATE_EPS: "12", DURATION_SEC: "5" },
      beside: { heldBack: true },
    });
    assert.ok((report.latency.response.max ?? 0) > 500);
    assert.equal(report.totals.timedOut, 0);
  });

  it("makes others wait, which are given up after as long, or at the end of the window", async () => {
    const silent = misbehave(({ event, place }) => (place % 3 === 0 ? [] : [accept(event.id)]));
    const { report } = await hold(silent, {
      variables: { MAX_IN_FLIGHT: "1" },
      beside: { heldBack: true },
    });
    const { timedOut, unsent } = report.totals;
    assert.ok(timedOut > 0 && unsent.backpressure > 0 && unsent.noConnection === 0);
    // Nothing is sent behind the window.
    const lastMs = silent.ledger.events.at(-1)?.receivedMs ?? 0;
    assert.ok(lastMs < 2_005, `the last was sent at ${lastMs}`);
  });

  it("holds all back when it takes every place, until it is over, and none longer than that", async () => {
    const stuck = await hold(
      misbehave(() => []),
      {
        variables: { MAX_IN_FLIGHT: "1" },
        beside: { heldBack: true },
      },
    );
    const { attempted, unsent } = stuck.report.totals;
    assert.ok(attempted >= 4 && attempted <= 8);
    assert.equal(unsent.backpressure, 200 - attempted);
    // Stalled for 1.5 s, three times as long as an event waits to be sent.
    const back = await hold(
      misbehave(({ event, receivedMs }) =>
        receivedMs > 1_200 && receivedMs < 2_700 ? [] : [accept(event.id, 1)],
      ),
      { variables: { MAX_IN_FLIGHT: "1", DURATION_SEC: "3" }, beside: { heldBack: true } },
    );
    const { max } = back.report.latency.response;
    assert.ok((max ?? 0) > 400 && (max ?? 0) < 560, `${max} ms`);
  });

  for (const [name, says] of [
    ["accepted", accept],
    ["rejected", (id: string, ms: number) => ({ ...reject(id, "pow", "pow: 20"), afterMs: ms })],
  ] as const) {
    it(`lets what waits go at once when it is ${name} after all`, async () => {
      // The second part of a video is due 5 ms behind the first, which is answered after 20.
      const slow = misbehave(({ event }) => [says(event.id, 20)]);
      const { report } = await hold(slow, {
        variables: { MAX_IN_FLIGHT: "1", CLIENTS: "40" },
        beside: { heldBack: true },
      });
      const { max } = report.latency.response;
      assert.ok((max ?? 0) > 34 && (max ?? 0) < 40, `${max} ms`);
    });
  }

  it("keeps no other from being sent when it is given up", async () => {
    const relay = misbehave(({ event, place }) => (place < 4 ? [] : [accept(event.id)]));
    const { report } = await hold(relay, {
      variables: { MAX_IN_FLIGHT: "1", RATE_EPS: "50", DURATION_SEC: "2" },
      beside: { heldBack: true },
    });
    assert.equal(report.totals.timedOut, 4);
    // Held back for half a second of two.
    assert.ok(report.totals.accepted > 50, `${report.totals.accepted} accepted`);
  });

  it("is waited for no longer than an answer may take, and all of it is timed out then", async () => {
    const silent = misbehave(() => []);
    const { report, endedMs } = await hold(silent, { variables: { MAX_IN_FLIGHT: "1000" } });
    assert.equal(report.totals.timedOut, 200);
    assert.equal(report.latency.response.count, 0);
    assert.ok(endedMs > 2_400 && endedMs < 2_700, `ended at ${endedMs}`);
  });
});

describe("what is lost with a connection", () => {
  it("is lost once, what waited for a place on it was not sent, and others go on", async () => {
    // One place on a connection, and 100 ms for an answer: second parts of videos wait for their first.
    const dropping = misbehave(({ event, place }) =>
      place % 25 === 24 ? [cut(place % 2 === 0 ? 1_001 : "reset")] : [accept(event.id, 100)],
    );
    const { report, endedMs } = await hold(dropping, {
      variables: { MAX_IN_FLIGHT: "1", CLIENTS: "20", RATE_EPS: "150", DURATION_SEC: "3" },
      beside: { heldBack: true },
    });
    const { lost, unsent, connections } = report.totals;
    assert.ok(lost >= 10 && unsent.noConnection > 0, `${lost} lost, ${unsent.noConnection} unsent`);
    assert.equal(connections.dropped, connections.reconnected);
    assert.ok(endedMs < 4_250, `ended at ${endedMs}`);
    // Never more open than there are, and all of them again at the end.
    const open = report.throughput.series.map(({ connectionsOpen }) => connectionsOpen);
    assert.ok(Math.min(...open) < 20 && Math.max(...open) === 20, open.join(" "));
    assert.equal(open.at(-1), 20);
  });

  it("takes with it what waited for a place on it; what waits on the next one is held back", async () => {
    // One of two answers: whatever falls to the other waits behind its first event.
    const seen: RelaySide[] = [];
    const relay = misbehave(({ event }, socket) => {
      if (!seen.includes(socket)) seen.push(socket);
      return socket === seen[1] ? [accept(event.id)] : [];
    });
    const { report } = await hold(relay, {
      variables: {
        ...{ CLIENTS: "2", MAX_IN_FLIGHT: "1", RATE_EPS: "100", DURATION_SEC: "2" },
        ACK_TIMEOUT_MS: "5000",
      },
      conditions: {
        at: [
          [
            2_000,
            () => {
              relay.ledger.cuts.push("1001");
              seen[0]?.drop(1_001);
            },
          ],
        ],
      },
      beside: { heldBack: true, timedOut: 1 },
    });
    const { noConnection, backpressure } = report.totals.unsent;
    assert.ok(noConnection > 40 && noConnection < 65, `${noConnection} without a connection`);
    assert.ok(backpressure > 30 && backpressure < 60, `${backpressure} held back`);
  });

  it("is not awaited on the next one: an OK for it there is unknown", async () => {
    const unanswered: string[] = [];
    const relay = misbehave(({ event, place }, socket) => {
      if (place < 4) {
        unanswered.push(event.id);
        return [];
      }
      if (place === 180) {
        socket.dropAll(1_001);
        return [];
      }
      const id = place < 300 ? undefined : unanswered.pop();
      return id === undefined ? [accept(event.id)] : [acceptUnasked(id), accept(event.id)];
    });
    const { report } = await runScenario(pool, { ...LOAD, DURATION_SEC: "2" }, relay.relay);
    const { timedOut, lost, lateOk, unknownOk, connections } = report.totals;
    assert.deepEqual([timedOut, lost, connections.dropped], [4, 1, 4]);
    assert.deepEqual([lateOk, unknownOk], [0, 4]);
  });
});

describe("connections", () => {
  it("are opened so many at a time, as fast as they come", async () => {
    let most = 0;
    let underWay = 0;
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const { report } = await hold(accepting, {
      variables: { CLIENTS: "40", CONNECT_CONCURRENCY: "7" },
      conditions: {
        handshake: () => {
          underWay++;
          most = Math.max(most, underWay);
          return "open";
        },
        onOpen: () => underWay--,
      },
    });
    assert.equal(most, 7);
    assert.equal(report.latency.connect.count, 40);
    assert.ok((report.latency.connect.min ?? 0) >= 0.99);
  });

  it("are tried again at growing distances, up to five seconds", async () => {
    const tries: number[] = [];
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    await hold(accepting, {
      variables: { CLIENTS: "1", RATE_EPS: "1", DURATION_SEC: "30" },
      conditions: {
        handshake: (_, atMs) => {
          tries.push(Math.round(atMs / 10) / 100);
          return tries.length < 9 ? { error: refusal } : "open";
        },
      },
      beside: { errors: { "connect/refused": 8 } },
    });
    const gaps = tries.slice(1).map((at, i) => Math.round((at - (tries[i] ?? 0)) * 10) / 10);
    assert.deepEqual(gaps, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]);
  });

  it("that were open and dropped begin with the shortest distance again", async () => {
    const tries: number[] = [];
    const dropping = misbehave(({ event, place }) =>
      place % 20 === 19 ? [cut(1_012)] : [accept(event.id)],
    );
    await hold(dropping, {
      variables: { CLIENTS: "1", RATE_EPS: "20", DURATION_SEC: "6" },
      conditions: {
        handshake: (_, atMs) => {
          tries.push(atMs);
          return tries.length > 1 && tries.length < 4 ? { error: refusal } : "open";
        },
      },
      beside: { errors: { "connect/refused": 2 } },
    });
    const gaps = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    // Behind a drop 0.1 s, then 0.2 and 0.4 of those refused; the next drops a second apart.
    assert.ok(
      gaps.slice(3).every((gap) => gap < 1_200),
      gaps.join(" "),
    );
  });

  it("whose handshake never ends are given up after ten seconds, or with the run", async () => {
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const { report, endedMs } = await hold(accepting, {
      conditions: { handshake: (place) => (place === 2 || place > 3 ? "silent" : "open") },
      beside: { errors: { "connect/timeout": 1, "connect/unfinished": 1 } },
    });
    const { attempted, opened, failed } = report.totals.connections;
    assert.deepEqual([attempted, opened, failed], [5, 3, 2]);
    assert.ok(report.totals.unsent.noConnection > 0);
    assert.ok(endedMs < 13_000, `ended at ${endedMs}`);
  });

  it("that answer no Close frame are counted, and waited for three seconds", async () => {
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const { report, endedMs } = await hold(accepting, {
      conditions: { ignoresClose: true },
      beside: { errors: { "close/unanswered": 4 } },
    });
    assert.equal(report.run.complete, true);
    assert.ok(endedMs > 4_990 && endedMs < 5_100, `ended at ${endedMs}`);
  });

  it("spread over several relays evenly, each with its own service times", async () => {
    const seen = { one: 0, other: 0 };
    const relay = misbehave(({ event }, { url }) => {
      const isOne = url.includes("7777");
      seen[isOne ? "one" : "other"]++;
      return [accept(event.id, isOne ? 5 : 20)];
    });
    const { report, slices } = await hold(relay, {
      variables: { RELAY_URL: "ws://127.0.0.1:7777,ws://127.0.0.1:7778", AUDIT_EVERY: "1" },
    });
    const figures = report.latency.byRelay.map(({ relay: label, service }) => [
      label,
      Math.round(service.p50 ?? 0),
      service.count,
    ]);
    const { one, other } = seen;
    assert.ok(Math.abs(one - other) <= 4, `${one} and ${other}`);
    assert.deepEqual(figures, [
      ["127.0.0.1:7777", 5, one],
      ["127.0.0.1:7778", 20, other],
    ]);
    const noted = [0, 1].map((i) => slices.flatMap(({ accepted }) => accepted?.[i] ?? []).length);
    assert.deepEqual(noted, [one, other]);
  });
});

describe("the series", () => {
  for (const seconds of [1, 5, 59, 61, 600, 3_600]) {
    it(`has at least 60 points for ${seconds} s, whose sums are the totals, with an outage in them`, async () => {
      // Out of reach for the third sixth of the window, which begins at 1 s.
      const [outMs, backMs] = [1_000 + (seconds * 1_000) / 3, 1_000 + (seconds * 1_000) / 2];
      let refused = 0;
      const relay = misbehave(({ event, place }) => [
        place % 7 === 0 ? reject(event.id, "pow", "pow: 20") : accept(event.id, 1),
      ]);
      const { report } = await hold(relay, {
        variables: { DURATION_SEC: String(seconds), RATE_EPS: String(600 / seconds) },
        conditions: {
          handshake: (_, atMs) => {
            if (atMs < outMs || atMs >= backMs) return "open";
            refused++;
            return { error: refusal };
          },
          at: [
            [
              outMs,
              (sockets) => {
                relay.ledger.cuts.push(...sockets.map(() => "1012"));
                sockets[0]?.dropAll(1_012);
              },
            ],
          ],
        },
        beside: {
          get errors() {
            return refused === 0 ? {} : { "connect/refused": refused };
          },
        },
      });
      assert.equal(report.totals.connections.dropped, 4);
      const { series, sliceSec } = report.throughput;
      assert.ok(series.length >= 60 && series.length <= 602, `${series.length} points`);
      for (const [i, { t, connectionsOpen }] of series.entries()) {
        assert.ok(Math.abs(t - i * sliceSec) < 0.002, `point ${i} at ${t}`);
        const endMs = 1_000 + (t + sliceSec) * 1_000;
        if (endMs <= outMs) assert.equal(connectionsOpen, 4, `at ${t}`);
        // Right behind the drop none is open; a try may open one as soon as the relay is back.
        if (endMs > outMs && endMs <= backMs) assert.equal(connectionsOpen, 0, `at ${t}`);
        if (endMs > backMs + 6_000) assert.equal(connectionsOpen, 4, `at ${t}`);
      }
    });
  }
});

describe("what is noted for the read-back", () => {
  it("is every so many of what was accepted, and nothing else", async () => {
    const ids = { accepted: new Set<string>(), other: new Set<string>() };
    const note = (kind: keyof typeof ids, id: string) => ids[kind].add(id.slice(0, 16));
    const relay = misbehave(({ event: { id }, place }) => {
      note(place % 4 < 2 ? "accepted" : "other", id);
      if (place % 4 === 0) return [accept(id)];
      if (place % 4 === 1) return [frame(["OK", id, true, "welcome"], "accepted")];
      if (place % 4 === 2) return [reject(id, "blocked", "blocked: no")];
      return [frame(["OK", id, true, "duplicate: have it"], "duplicate")];
    });
    for (const [every, count] of [
      ["1", 100],
      ["3", 34],
    ] as const) {
      ids.accepted.clear();
      ids.other.clear();
      const { relay: answer } = relay;
      const { slices } = await runScenario(pool, { ...LOAD, AUDIT_EVERY: every }, answer);
      const noted = slices.flatMap(({ accepted = [] }) => accepted.flat());
      assert.equal(new Set(noted).size, count);
      assert.ok(noted.every((id) => ids.accepted.has(id) && !ids.other.has(id)));
    }
  });
});

describe("the warm-up", () => {
  it("is counted apart: no figure of the window holds any of it", async () => {
    const both = misbehave(({ event, receivedMs }) =>
      receivedMs < 2_000 ? [accept(event.id, 150)] : [accept(event.id, 10)],
    );
    const { report } = await runScenario(pool, WARM, both.relay);
    assert.deepEqual(report.warmup, { scheduled: 200, attempted: 200, accepted: 200 });
    const { totals, latency, generator, throughput } = report;
    assert.deepEqual([totals.scheduled, totals.accepted], [200, 200]);
    assert.ok((latency.service.max ?? 99) < 11 && (latency.response.max ?? 99) < 12);
    assert.equal(latency.service.count, 200);
    assert.equal(generator.scheduleLag.count, 200);
    assert.equal(throughput.series[0]?.t, 0);
    assertSeriesSums(report);
  });
});

describe("what is held back in the warm-up", () => {
  it("is counted there", async () => {
    const late = misbehave(({ event, receivedMs }) =>
      receivedMs < 1_500 ? [] : [accept(event.id, 1)],
    );
    const variables = { ...WARM, MAX_IN_FLIGHT: "1", ACK_TIMEOUT_MS: "300" };
    const { report } = await runScenario(pool, variables, late.relay);
    assert.deepEqual([report.totals.scheduled, report.totals.accepted], [200, 200]);
    const { scheduled, attempted } = report.warmup;
    assert.equal(scheduled, 200);
    assert.ok(attempted < 200, `${attempted} sent`);
  });
});

describe("a pool that is too small", () => {
  it("is the generator's fault, and each arrival it had no event for is counted", async () => {
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const { report } = await runScenario(pool, { ...LOAD, RATE_EPS: "2000" }, accepting.relay);
    const events = report.config.pool.events;
    assert.equal(report.totals.unsent.poolExhausted, 2_000 - events);
    assert.equal(report.totals.accepted, events);
    assert.equal(report.generator.verdict, "invalid");
    assert.deepEqual(errorsOf(report), {});
  });
});
