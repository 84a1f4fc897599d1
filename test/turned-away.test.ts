/** Connections that a relay takes only to end them, in virtual time: how often it is asked, and what is kept. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishOf } from "../src/report/class-report.ts";
import type { Report } from "../src/report/types.ts";
import { accept, cut } from "./faulty-relay/frames.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { hold, publish, refusal } from "./k6-world/trial.ts";
import type { Conditions, RelaySide } from "./k6-world/world.ts";

const accepting = () => misbehave(({ event }) => [accept(event.id)]);

/** Takes so many connections; the others are opened and closed at once. */
function holding(most: number, code: number): Conditions {
  let taken = 0;
  return {
    onOpen: (socket) => {
      if (taken++ >= most) socket.drop(code);
    },
  };
}

/** Ends a connection so long behind its last frame; it looks every 10 ms. */
function idling(afterMs: number, untilMs: number) {
  const usedMs = new Map<RelaySide, number>();
  const relay = misbehave(({ event, receivedMs }, socket) => {
    usedMs.set(socket, receivedMs);
    return [accept(event.id)];
  });
  let nowMs = 0;
  const look = (atMs: number) => {
    nowMs = atMs;
    for (const [socket, lastMs] of usedMs) {
      if (nowMs - lastMs < afterMs) continue;
      usedMs.delete(socket);
      relay.ledger.cuts.push("no close frame");
      socket.drop(1_006);
    }
  };
  const at = Array.from({ length: untilMs / 10 }, (_, i) => [i * 10, () => look(i * 10)] as const);
  const conditions: Conditions = {
    at,
    onOpen: (socket) => usedMs.set(socket, nowMs),
    onPing: (socket, atMs) => usedMs.set(socket, atMs),
  };
  return { relay, conditions };
}

describe("a relay that has room for a few and ends the rest", () => {
  const load = { CLIENTS: "300", RATE_EPS: "50", DURATION_SEC: "20" };
  for (const code of [1_013, 1_008, 1_006]) {
    it(`by ${code} is asked seldom, and what it holds is seen`, async () => {
      const { report, dialled } = await publish(accepting().relay, load, holding(20, code));
      assert.ok(dialled <= 300 * (Math.log2(20 / 0.1) + 2), `${dialled} handshakes`);
      const proven = report.classes.connection.series.map((point) => point.proven ?? Number.NaN);
      assert.deepEqual([Math.max(...proven), proven.at(-1)], [20, 20]);
      assert.equal(report.ends?.unproven, report.classes.connection.totals.dropped);
      assert.equal(report.classes.connection.totals.dropped, dialled - 20);
      const how = code === 1_006 ? "without a Close frame" : `with ${code}`;
      assertFirst(
        report,
        `The relay holds 20 connections of 300: it accepts and closes ${how}`,
        "connection-limit",
      );
      assert.equal(report.generator.verdict, "valid");
    });
  }

  it("and has room for none is found out, whether or not an event could be sent", async () => {
    for (const rate of ["50", "0.2"]) {
      const variables = { ...load, RATE_EPS: rate };
      const { report } = await publish(accepting().relay, variables, holding(0, 1_008));
      const title = "The relay keeps no connection of 300: it accepts and ends them";
      assertFirst(report, title, "closed-at-once");
    }
  });

  it("counts those whose end comes behind a publish", async () => {
    const cutting = misbehave(() => [cut("reset")]);
    const { report } = await hold(cutting, { variables: { DURATION_SEC: "5" } });
    const { due, dropped } = report.classes.connection.totals;
    assert.ok(publishOf(report).totals.lost > 4);
    assert.equal(report.ends?.onPublish, dropped);
    assert.deepEqual(report.ends?.answers, [{ answers: 0, count: dropped }]);
    // Four clients for five seconds, where each event would have cost a connection: 200 a second.
    assert.ok(due < 60, `${due} handshakes`);
    assertFirst(report, "The connection ends when an event is published", "ended-on-publish");
  });
});

describe("what proves a connection", () => {
  /** Delays between the end of a connection and the next try of its one client. */
  async function delays(
    relay: ReturnType<typeof misbehave>,
    variables: Readonly<Record<string, string>>,
    conditions: Conditions,
    endMs: readonly number[],
  ): Promise<readonly number[]> {
    const tries: number[] = [];
    await publish(
      relay.relay,
      { CLIENTS: "1", ...variables },
      {
        ...conditions,
        handshake: (_, atMs) => {
          tries.push(atMs);
          return "open";
        },
      },
    );
    return tries.slice(1).map((at, i) => at - (endMs[i] ?? 0));
  }

  it("is an OK: behind it the first delay is the shortest again", async () => {
    const ends: number[] = [];
    const once = misbehave(({ event, place, receivedMs }, socket) => {
      if (place % 2 === 0) return [accept(event.id)];
      ends.push(receivedMs);
      socket.drop(1_012);
      return [];
    });
    const found = await delays(once, { RATE_EPS: "10", DURATION_SEC: "10" }, {}, ends);
    assert.ok(found.length >= 30, `${found.length}`);
    assert.ok(Math.max(...found) <= 101, found.join(" "));
  });

  for (const [lifeMs, isProof] of [
    [5_100, true],
    [4_500, false],
  ] as const) {
    it(`is a life of 5 s without an answer: ${lifeMs} ms ${isProof ? "are" : "are not"} enough`, async () => {
      const ends: number[] = [];
      const dropAt = (socket: RelaySide, atMs: number) => ends.push(atMs) && socket.drop(1_001);
      // Looks every 20 ms; nothing is sent before the end of the run.
      const openedMs = new Map<RelaySide, number>();
      let nowMs = 0;
      const at = Array.from({ length: 3_000 }, (_, i) => {
        const look = (open: readonly RelaySide[]) => {
          nowMs = i * 20;
          for (const socket of open) {
            if (nowMs - (openedMs.get(socket) ?? nowMs) >= lifeMs) dropAt(socket, nowMs);
          }
        };
        return [i * 20, look] as const;
      });
      const conditions = { at, onOpen: (socket: RelaySide) => openedMs.set(socket, nowMs) };
      const variables = { RATE_EPS: "0.02", DURATION_SEC: "60" };
      const found = await delays(accepting(), variables, conditions, ends);
      assert.ok(found.length >= 5, `${found.length}`);
      const longest = Math.max(...found);
      assert.ok(isProof ? longest <= 125 : longest > 400, found.join(" "));
    });
  }
});

describe("clients that were dropped together", () => {
  const tryTimes = async (seed: string) => {
    const tries: number[] = [];
    let underWay = 0;
    let most = 0;
    await publish(
      accepting().relay,
      { CLIENTS: "200", RATE_EPS: "20", DURATION_SEC: "8", CONNECT_CONCURRENCY: "20", SEED: seed },
      {
        at: [[3_000, ([first]) => first?.dropAll(1_001)]],
        onOpen: () => underWay--,
        handshake: (_, atMs) => {
          if (atMs > 2_900) tries.push(atMs);
          if (atMs > 2_900 && atMs < 6_000) return { error: refusal };
          most = Math.max(most, ++underWay);
          return "open";
        },
      },
    );
    return { tries, most };
  };

  it("come back spread, by the run's seed, and never more at once than were to be opened at once", async () => {
    const first = await tryTimes("a");
    const again = await tryTimes("a");
    const other = await tryTimes("b");
    assert.deepEqual(again.tries, first.tries);
    assert.notDeepEqual(other.tries, first.tries);
    assert.equal(first.most, 20);
    // All in step, each round of tries would be within a few milliseconds: 200 of them in one tenth of a second.
    const late = first.tries.filter((at) => at > 4_500);
    const busiest = Math.max(
      ...late.map((from) => late.filter((at) => at >= from && at < from + 100).length),
    );
    assert.ok(busiest < 40, `${busiest} tries in a tenth of a second`);
  });
});

describe("what ends connections that are idle", () => {
  const load = { CLIENTS: "40", RATE_EPS: "5", DURATION_SEC: "30" };

  it("is seen by the silence before each end, whatever was sent before", async () => {
    const { relay, conditions } = idling(2_000, 40_000);
    // Not held against the ledger: an end may come as the run closes the connection itself.
    const { report } = await publish(relay.relay, load, conditions);
    const { quiet, unused, firstAtSec, lastAtSec } = report.ends ?? assert.fail("no end");
    assert.ok(quiet.count > 40, `${quiet.count} ends`);
    for (const { p50, min, max } of [quiet, unused]) {
      assert.ok((min ?? 0) > 1_950 && (max ?? 0) < 2_050, `${min} to ${p50} to ${max}`);
    }
    assert.ok(lastAtSec - firstAtSec > 20, `${firstAtSec} to ${lastAtSec}`);
    const title = "Connections end after 2.0 s without traffic: an idle timeout";
    assertFirst(report, title, "idle-timeout");
  });

  it("is held off by --ping, which each connection sends at its interval", async () => {
    const { relay, conditions } = idling(2_000, 40_000);
    let pings = 0;
    const counted: Conditions = {
      ...conditions,
      onPing: (socket, atMs) => {
        pings++;
        conditions.onPing?.(socket, atMs);
      },
    };
    const variables = { ...load, PING_SEC: "1.5" };
    const { report } = await hold(relay, { variables, conditions: counted });
    assert.equal(report.classes.connection.totals.dropped, 0);
    assert.equal(report.ends, null);
    assert.equal(report.config.pingSec, 1.5);
    const expected = 40 * Math.floor(31 / 1.5);
    assert.ok(Math.abs(pings - expected) <= 60, `${pings} pings, about ${expected} expected`);
  });

  it("is no silence where something was in flight", async () => {
    const cutting = misbehave(({ place, event }) =>
      place % 10 === 9 ? [cut(1_001)] : [accept(event.id)],
    );
    const { report } = await hold(cutting, { variables: { DURATION_SEC: "3" } });
    assert.equal(report.ends?.quiet.count, 0);
    assert.equal(report.ends?.life.count, report.classes.connection.totals.dropped);
  });
});

describe("answers that came on connections before their end", () => {
  it("are counted for each", async () => {
    const answered = new Map<RelaySide, number>();
    const cutting = misbehave(({ event }, socket) => {
      const before = answered.get(socket) ?? 0;
      answered.set(socket, before + 1);
      return before === 12 ? [cut("end")] : [accept(event.id)];
    });
    const { report } = await hold(cutting, { variables: { DURATION_SEC: "3" } });
    const [first] = report.ends?.answers ?? [];
    assert.deepEqual(first, { answers: 12, count: report.classes.connection.totals.dropped });
    assertFirst(report, "Connections end after 12 answers each", "cut-after-answers");
  });
});

describe("a relay that is not there", () => {
  it("is said to be so, beside that there is no data", async () => {
    const conditions: Conditions = { handshake: () => ({ error: refusal }) };
    const { report } = await publish(accepting().relay, {}, conditions);
    assertFirst(report, /^The relay could not be reached: none of \d+ handshakes/, "unreachable");
    assert.deepEqual(
      report.findings.map(({ id, rank }) => [id, rank]),
      [
        ["unreachable", 1],
        ["no-data", 2],
      ],
    );
  });

  it("any more when the window begins is said to be gone", async () => {
    // Windows begin at full seconds.
    const { report } = await publish(
      accepting().relay,
      {},
      {
        handshake: (place) => (place < 4 ? "open" : { error: refusal }),
        at: [[100, ([first]) => first?.dropAll(1_006)]],
      },
    );
    const title = "The relay was gone before the window began: it had opened 4 connections";
    assertFirst(report, title, "unreachable");
  });
});

describe("headers", () => {
  it("go with every handshake, with an address for each connection", async () => {
    const seen: Readonly<Record<string, string>>[] = [];
    await publish(
      accepting().relay,
      { CLIENTS: "3", RELAY_HEADERS: "Origin: https://app.example", CLIENT_IP_HEADER: "X-Real-IP" },
      {
        handshake: (_, __, headers) => {
          seen.push(headers);
          return "open";
        },
      },
    );
    assert.deepEqual(
      seen,
      [1, 2, 3].map((n) => ({ Origin: "https://app.example", "X-Real-IP": `198.18.0.${n}` })),
    );
  });
});

describe("compression", () => {
  for (const [given, offered] of [
    ["", undefined],
    ["1", "deflate"],
  ] as const) {
    it(`is ${offered === undefined ? "not offered by itself" : "offered with every handshake"}`, async () => {
      const seen: (string | undefined)[] = [];
      await publish(
        accepting().relay,
        { CLIENTS: "2", COMPRESSION: given },
        {
          handshake: (_, __, ___, compression) => {
            seen.push(compression);
            return "open";
          },
        },
      );
      assert.deepEqual(seen, [offered, offered]);
    });
  }
});

function assertFirst({ findings }: Report, title: string | RegExp, id: string): void {
  const [first] = findings;
  assert.equal(first?.id, id, findings.map((f) => f.title).join("; "));
  if (typeof title === "string") assert.equal(first.title, title);
  else assert.match(first.title, title);
}
