/** Connections that fail or end, in virtual time: what is lost with them, and how they are tried again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishOf } from "../src/report/class-report.ts";
import { pointsOf } from "../src/report/points.ts";
import { accept, acceptUnasked, cut } from "./faulty-relay/frames.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { hold, publish, refusal } from "./k6-world/trial.ts";
import type { RelaySide } from "./k6-world/world.ts";

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
    const { lost, noConnection } = publishOf(report).totals;
    assert.ok(lost >= 10 && noConnection > 0, `${lost} lost, ${noConnection} unsent`);
    const { dropped, reconnected, stillDown } = report.classes.connection.totals;
    assert.deepEqual([reconnected, stillDown], [dropped, 0]);
    assert.ok(endedMs < 4_250, `ended at ${endedMs}`);
    // Never more open than there are, and all of them again at the end.
    const open = pointsOf(report).map(({ connectionsOpen }) => connectionsOpen);
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
    const lastMs = relay.ledger.events.at(-1)?.receivedMs ?? 0;
    assert.ok(lastMs < 3_005, `sent behind the window, at ${lastMs}`);
    const { noConnection, backpressure } = publishOf(report).totals;
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
    const { report } = await publish(relay.relay, { DURATION_SEC: "2" });
    const { timedOut, lost } = publishOf(report).totals;
    assert.deepEqual([timedOut, lost, report.classes.connection.totals.dropped], [4, 1, 4]);
    assert.deepEqual([report.frames.lateOk, report.frames.unknownOk], [0, 4]);
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
    assert.equal(report.classes.connection.times.connect.count, 40);
    assert.ok((report.classes.connection.times.connect.min ?? 0) >= 0.99);
  });

  it("that find nobody are tried again at random within growing distances, up to five seconds", async () => {
    const tries: number[] = [];
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    await hold(accepting, {
      variables: { CLIENTS: "1", RATE_EPS: "1", DURATION_SEC: "30" },
      conditions: {
        handshake: (_, atMs) => {
          tries.push(atMs);
          return tries.length < 9 ? { error: refusal } : "open";
        },
      },
      beside: { errors: { "connect/refused": 8 } },
    });
    assertWithin(tries, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
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
    const { due, opened, failed, unfinished } = report.classes.connection.totals;
    assert.deepEqual([due, opened, failed, unfinished], [5, 3, 1, 1]);
    assert.ok(publishOf(report).totals.noConnection > 0);
    assert.ok(endedMs < 13_000, `ended at ${endedMs}`);
  });

  it("whose handshakes never end, many at once, are each given up at its own ten seconds", async () => {
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const triedMs: number[] = [];
    const { report } = await hold(accepting, {
      variables: { CLIENTS: "40", CONNECT_CONCURRENCY: "20" },
      conditions: {
        handshake: (place, atMs) => {
          triedMs.push(atMs);
          return place < 20 ? "silent" : "open";
        },
      },
      beside: { errors: { "connect/timeout": 20 } },
    });
    assert.equal(report.classes.connection.totals.unfinished, 0);
    // Each makes room for one that was not tried yet.
    for (const [i, ms] of triedMs.slice(20, 40).entries()) {
      assert.ok(Math.abs(ms - (triedMs[i] ?? 0) - 10_000) < 0.1, `${i}: at ${ms}`);
    }
  });

  it("that end without a Close frame are of one name, whatever k6 has read last", async () => {
    const dropping = misbehave(({ event, place }) =>
      place % 5 === 4 ? [cut(place % 2 === 0 ? "reset" : "end")] : [accept(event.id)],
    );
    const { report } = await hold(dropping, {});
    const closes = report.errors.filter((error) => error.class === "close");
    assert.deepEqual(
      closes.map(({ code, count }) => [code, count]),
      [["no close frame", dropping.ledger.cuts.length]],
    );
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
    const figures = publishOf(report).byRelay.map(({ relay: label, service }) => [
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

/** Delays between tries: none above its bound, and all together neither near nothing nor near the most. */
function assertWithin(tries: readonly number[], boundsMs: readonly number[]): void {
  const gaps = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
  const told = gaps.map((gap) => Math.round(gap)).join(" ");
  assert.equal(gaps.length, boundsMs.length, told);
  // A handshake takes a millisecond.
  for (const [i, most] of boundsMs.entries()) assert.ok((gaps[i] ?? 0) <= most + 2, told);
  const share = sum(gaps) / sum(boundsMs);
  assert.ok(share > 0.2 && share < 0.8, told);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
