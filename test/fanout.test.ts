/** Deliveries of a whole run in virtual time, each column against the ledger of a relay that fans out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { chartsOf } from "../src/report/charts/charts.ts";
import { deliveryOf, publishOf } from "../src/report/class-report.ts";
import { withFindings } from "../src/report/findings/engine.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { rankTimes } from "../src/report/rank-times.ts";
import type { Report } from "../src/report/types.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { buildOf, planOf } from "./fixtures/reports/run.ts";
import {
  type FanFault,
  FanRelay,
  type FanSubscription,
  type Owed,
  right,
} from "./k6-world/fan-relay.ts";
import { type Ran, runScenario } from "./k6-world/run.ts";
import { assertSeriesSums } from "./k6-world/trial.ts";
import { type Conditions, START_UNIX_MS, type StubSocket } from "./k6-world/world.ts";
import { keepPool } from "./kept-pool.ts";

/** 400 events of four topics, each with five subscriptions: 2,000 deliveries, 0.5 s apart from late. */
const LOAD = {
  ...{ SUBSCRIBERS: "20", PUBLISHERS: "2", FANOUT: "5", RATE_EPS: "200", DURATION_SEC: "2" },
  ...{ ACK_TIMEOUT_MS: "500", DELIVERY_TIMEOUT_MS: "500" },
};

const pools = new Map<string, Promise<string>>();

function poolOf(type: string, spanSec?: number): Promise<string> {
  const key = `${type}/${spanSec}`;
  const known = pools.get(key);
  if (known !== undefined) return known;
  const mix = parseMix(`${type}:1`);
  const span = spanSec === undefined ? {} : { spanSec };
  const pool = keepPool({ seed: "fanout", mix, events: 460, epoch: 1_767_225_600, ...span });
  pools.set(key, pool);
  return pool;
}

interface Trial {
  readonly variables?: Readonly<Record<string, string>>;
  readonly type?: string;
  /** Its events are written within so many seconds. */
  readonly spanSec?: number;
  readonly conditions?: Conditions;
}

async function fan(
  relay: FanRelay,
  { variables = {}, type = "topic:4x1", spanSec, conditions = {} }: Trial = {},
): Promise<Ran> {
  const scenario = { scenario: "fanout", ...conditions };
  return runScenario(
    await poolOf(type, spanSec),
    { ...LOAD, ...variables },
    relay.receive,
    scenario,
  );
}

/** Runs against a relay with a fault and holds every column against its ledger, to the frame. */
async function hold(fault: FanFault, trial?: Trial): Promise<Report> {
  return (await holdTo(new FanRelay(fault), trial)).report;
}

async function holdTo(relay: FanRelay, trial?: Trial): Promise<Ran> {
  const ran = await fan(relay, trial);
  const { report } = ran;
  const { bytes, ...totals } = deliveryOf(report).totals;
  const { bytes: _, ...zeros } = zerosOf("delivery");
  // Each test names how subscriptions were lost.
  const lostSubscriptions = Object.values(errorsOf(report, "subscription")).reduce(
    (sum, n) => sum + n,
    0,
  );
  assert.deepEqual(totals, { ...zeros, lostSubscriptions, ...relay.counts });
  assert.equal(bytes, relay.bytes);
  return ran;
}

const windowStartOf = (slices: Ran["slices"]) =>
  slices.find((one) => one.windowStartMs !== null)?.windowStartMs ?? 0;

const errorsOf = (report: Report, of: string) =>
  Object.fromEntries(report.errors.filter((e) => e.class === of).map((e) => [e.code, e.count]));

describe("what subscribers get is held against what they are owed", () => {
  it("by a relay that delivers all, in its time", async () => {
    const { report, fed, slices } = await holdTo(new FanRelay({ deliver: () => right(4) }));
    const { totals, times, identities } = deliveryOf(report);
    assert.deepEqual([totals.due, totals.delivered], [2_000, 2_000]);
    assert.ok(identities.every(({ balances }) => balances));
    assert.deepEqual(errorsOf(report, "unready"), {});
    assert.equal(report.generator.verdict, "valid", report.generator.reasons.join());
    // What is due within half a millisecond is published at once.
    for (const [{ count, p50 }, ms] of [
      [times.service, 4],
      [times.response, 4.5],
    ] as const) {
      assert.equal(count, 2_000);
      assert.ok(Math.abs((p50 ?? 0) - ms) < 0.3, `${p50} ms`);
    }
    assert.equal(times.spread.count, 400);
    assert.equal(times.behindOk.count, 400);
    // So few that each goes to k6's own trend.
    assert.equal(fed.get("nostr_delivery_time"), 2_000);
    // What all have is not waited for.
    const [startMs, endMs] = [windowStartOf(slices) + 2_000, slices.at(-1)?.atMs ?? 0];
    assert.ok(endMs - startMs < 100, `over ${endMs - startMs} ms behind the window`);
    assertSeriesSums(report);
  });

  it("to one receiver 10 ms after another, which the ranks show", async () => {
    const written = new Map<number, number>();
    const report = await hold({
      deliver: ({ eventPlace }) => {
        const nth = written.get(eventPlace) ?? 0;
        written.set(eventPlace, nth + 1);
        return right(1 + nth * 10);
      },
    });
    const ranks = rankTimes(report).map(({ name, times }) => [name, times] as const);
    // Of five receivers the second, third, fourth, and twice the last one.
    for (const [i, [name, ms]] of (
      [
        ["25 %", 10],
        ["50 %", 20],
        ["75 %", 30],
        ["90 %", 40],
        ["last", 40],
      ] as const
    ).entries()) {
      const [own, times] = ranks[i] ?? [];
      assert.deepEqual([own, times?.count], [name, 400]);
      for (const value of [times?.min, times?.p50, times?.max])
        assert.ok(Math.abs((value ?? 0) - ms) <= ms / 100, `${name}: ${value} ms`);
    }
    assert.match(
      renderMarkdown(report),
      /\| receivers \| events \|.*\n\|.*\n\| 25 % \| 400 \| (9\.9|10\.[01])\d? ms/,
    );
  });

  it("read in another order than they have their turns: no time is below zero", async () => {
    let turn = 0;
    const readEarlierMs = (data: string) =>
      data.startsWith('["EVENT"') ? ([0, 30, 20][turn++ % 3] ?? 0) : 0;
    const relay = new FanRelay({ deliver: () => right(60) });
    const { report } = await fan(relay, { conditions: { readEarlierMs } });
    assert.ok(deliveryOf(report).times.bursts.count > 10);
    assert.equal(report.generator.clockViolations, 0);
  });

  it("one in a thousand lost", async () => {
    const report = await hold({ deliver: ({ place }) => (place % 1_000 === 500 ? [] : right()) });
    assert.equal(deliveryOf(report).totals.missing, 2);
    assert.equal(report.findings[0]?.id, "deliveries-missing");
    const failed = report.thresholds.find(({ metric }) => metric === "nostr_delivery_failed");
    assert.deepEqual([failed?.value, failed?.ok], [0.001, false]);
  });

  it("some of them twice", async () => {
    const again = { afterMs: 2, counts: ["frames", "duplicate"] } as const;
    // Behind twice the timeout nobody knows it.
    const forgotten = { afterMs: 1_200, counts: ["frames", "unexpected", "foreign"] } as const;
    await hold({
      deliver: ({ place }) => {
        if (place % 50 === 7) return [...right(), again];
        return place % 50 === 8 && place < 700 ? [...right(), forgotten] : right();
      },
    });
  });

  it("some overtaken by later ones", async () => {
    const late = { afterMs: 50, counts: ["delivered", "frames", "inverted"] } as const;
    const report = await hold({
      // The last ones have none behind them.
      deliver: ({ place, eventPlace }) => (place % 40 === 9 && eventPlace < 380 ? [late] : right()),
    });
    assert.ok(deliveryOf(report).totals.inverted > 40);
  });

  it("those of the same second overtaken by each other, in which no order is promised", async () => {
    const late = { afterMs: 50, counts: ["delivered", "frames", "invertedTies"] } as const;
    const report = await hold(
      {
        deliver: ({ place, eventPlace }) =>
          place % 40 === 9 && eventPlace < 380 ? [late] : right(),
      },
      { spanSec: 1 },
    );
    const { inverted, invertedTies } = deliveryOf(report).totals;
    assert.equal(inverted, 0);
    assert.ok(invertedTies > 40);
  });

  it("handled in another order than they were read in", async () => {
    const relay = new FanRelay({ deliver: ({ place }) => right(place % 5) });
    let frames = 0;
    const queued: FanRelay["receive"] = (text, socket, atMs) =>
      relay.receive(
        text,
        Object.assign(Object.create(socket), {
          answer(data: string, afterMs: number, whenRead: () => void = () => {}) {
            const timestamp = START_UNIX_MS + socket.nowMs + afterMs;
            const queuedMs = [20, 10, 0, 20, 0][frames++ % 5] ?? 0;
            const { onmessage } = socket as StubSocket;
            socket.later(afterMs + queuedMs, () => {
              whenRead();
              onmessage({ data, timestamp });
            });
          },
        }),
        atMs,
      );
    const { report } = await runScenario(await poolOf("topic:4x1"), LOAD, queued, {
      scenario: "fanout",
    });
    const { totals } = deliveryOf(report);
    assert.deepEqual([totals.due, totals.delivered], [2_000, 2_000]);
    // Five receivers, a millisecond after each other.
    for (const [i, ms] of [1, 2, 3, 4, 4].entries()) {
      const { p50 } = rankTimes(report)[i]?.times ?? {};
      assert.ok(Math.abs((p50 ?? 0) - ms) < 0.1, `${p50} ms`);
    }
    assert.equal(report.generator.clockViolations, 0);
  });

  it("at the ticks of a clock, each as late as it was", async () => {
    const delays: number[] = [];
    const report = await hold({
      deliver: ({ receivedMs }) => {
        const afterMs = 100 - (receivedMs % 100);
        delays.push(afterMs);
        return right(afterMs);
      },
    });
    const { service, spread } = deliveryOf(report).times;
    const median = delays.sort((a, b) => a - b)[delays.length / 2 - 1] ?? 0;
    assert.ok(Math.abs((service.p50 ?? 0) - median) < 1, `${service.p50} and ${median} ms`);
    assert.ok((spread.max ?? 99) < 0.1, `${spread.max} ms`);
    const [tick] = withFindings(report).findings.filter(({ id }) => id === "delivery-tick");
    assert.match(tick?.title ?? "", /every (99|100)\.\d ms/);
  });

  it("some also to a subscription that does not match, and some of nobody", async () => {
    const deliver: FanFault["deliver"] = ({ place, event, subscription }, relay) => {
      if (place % 100 !== 3) return right();
      const to = relay.subscriptions.find(
        ({ filters }) => !filters[0]?.authors?.includes(event.pubkey),
      );
      const strange = { ...event, id: event.id.replace(/^./, (c) => (c === "0" ? "1" : "0")) };
      return [
        ...right(),
        {
          afterMs: 2,
          to: to ?? subscription,
          counts: ["frames", "unexpected", "wrongSubscription"],
        },
        { afterMs: 3, event: strange, counts: ["frames", "unexpected", "foreign"] },
      ];
    };
    await hold({ deliver });
  });

  it("some to what was not asked for: by no id of ours, and by one of another connection", async () => {
    const counts = ["frames", "unexpected", "foreign"] as const;
    await hold({
      deliver: ({ place, subscription }, relay) => {
        const other = relay.subscriptions.find(({ socket }) => socket !== subscription.socket);
        const closed = JSON.stringify(["CLOSED", `d0${subscription.id.slice(1)}`, "error: none"]);
        if (place % 500 === 9) subscription.socket.answer(closed, 1);
        const ids = [`d0${subscription.id.slice(1)}`, `${subscription.id}!`, "d", "", other?.id];
        const id = place % 10 === 3 ? ids[Math.floor(place / 10) % ids.length] : undefined;
        if (id === undefined) return right();
        return [...right(), { afterMs: 2, to: { ...subscription, id }, counts }];
      },
    });
  });

  it("some before anything was asked for", async () => {
    const frame = JSON.stringify(["EVENT", "d1", { id: "a".repeat(64) }]);
    const conditions: Conditions = { onOpen: (socket) => socket.answer(frame, 0) };
    const { report } = await fan(new FanRelay(), { conditions });
    const { rows, totals } = deliveryOf(report);
    // On each connection: the one that asks for it later, too.
    assert.deepEqual([rows.strangers?.totals.foreign, totals.foreign], [22, 22]);
  });

  it("behind its time", async () => {
    const late = { afterMs: 600, counts: ["late", "frames", "inverted"] } as const;
    const deliver: FanFault["deliver"] = ({ place }) =>
      place % 100 === 9 && place < 1_000 ? [late] : right();
    const report = await hold({ deliver });
    assert.equal(deliveryOf(report).totals.late, 10);
  });

  it("in white space", async () => {
    const relay = new FanRelay();
    const spaced: FanRelay["receive"] = (text, socket, atMs) =>
      relay.receive(
        text,
        Object.assign(Object.create(socket), {
          answer: (data: string, afterMs: number, whenRead: () => void) =>
            socket.answer(JSON.stringify(JSON.parse(data), null, 1), afterMs, whenRead),
        }),
        atMs,
      );
    const { report } = await runScenario(await poolOf("topic:4x1"), LOAD, spaced, {
      scenario: "fanout",
    });
    const { delivered, due, unexpected } = deliveryOf(report).totals;
    assert.deepEqual([due, delivered, unexpected], [2_000, 2_000, 0]);
  });
});

describe("what is not owed is not missing", () => {
  const unowed = (afterMs: number) =>
    ({ afterMs, counts: ["frames", "unexpected", "unowed"] }) as const;

  for (const [how, ok] of [
    ["rejected", [false, "blocked: no", 10]],
    ["known", [true, "duplicate: have it", 10]],
    ["never answered", "silent"],
  ] as const) {
    it(`of an event that is ${how}, and what comes of it is counted so`, async () => {
      const isMeant = (eventPlace: number) => eventPlace % 20 === 3;
      const report = await hold({
        ok: (_, place) => (isMeant(place) ? ok : [true, "", 1]),
        deliver: ({ eventPlace, place }) => {
          if (!isMeant(eventPlace)) return right();
          // Ahead of the OK and behind it.
          return place % 2 === 0 ? [unowed(place % 4 === 0 ? 2 : 15)] : [];
        },
      });
      assert.deepEqual(
        [deliveryOf(report).totals.due, deliveryOf(report).totals.unowed],
        [1_900, 40],
      );
    });
  }

  it("of one that the relay has a newer version of", async () => {
    const report = await hold({
      ok: (_, place) => [true, place % 20 === 3 ? "duplicate: have a newer version" : "", 5],
      // Some of those come behind the OK all the same.
      deliver: ({ eventPlace, place }) => {
        if (eventPlace % 20 !== 3) return right(10);
        return place % 3 === 0 ? [unowed(8)] : [];
      },
    });
    assert.equal(deliveryOf(report).totals.supersededBefore, 100);
    assert.ok(deliveryOf(report).totals.unowed > 30);
  });

  it("and what comes before its OK is owed all the same", async () => {
    const deliver: FanFault["deliver"] = ({ place }) => right([3, 1, 5, 2, 4][place % 5]);
    const report = await hold({ ok: () => [true, "", 30], deliver });
    const { aheadOfOk, behindOk } = deliveryOf(report).times;
    assert.deepEqual([aheadOfOk.count, behindOk.count], [400, 0]);
    assert.ok(Math.abs((aheadOfOk.p50 ?? 0) - 29) < 0.5, `${aheadOfOk.p50} ms`);
  });
});

describe("an OK that comes late", () => {
  it("behind all time for its deliveries: what did not come is missing", async () => {
    const report = await hold(
      {
        ok: () => [true, "", 300],
        deliver: ({ place }) => (place % 50 === 7 ? [] : right()),
      },
      { variables: { DELIVERY_TIMEOUT_MS: "100", MAX_IN_FLIGHT: "100" } },
    );
    assert.equal(deliveryOf(report).totals.missing, 40);
  });

  it("behind all that came: a few missed to the end are silence none the less", async () => {
    const report = await hold({
      ok: () => [true, "", 30],
      deliver: ({ subscription, eventPlace }, relay) => {
        if (subscription.place === 2 && eventPlace >= 380) relay.end(subscription);
        return subscription.ended ? [] : right();
      },
    });
    assert.deepEqual(errorsOf(report, "subscription"), { silence: 1 });
    assert.equal(deliveryOf(report).totals.subscriptionLost, 5);
  });
});

describe("a subscription that is lost is named by how", () => {
  it("by silence, while others get theirs", async () => {
    const report = await hold({
      deliver: ({ subscription, eventPlace }, relay) => {
        if (subscription.place === 2 && eventPlace >= 200) relay.end(subscription);
        return subscription.ended ? [] : right();
      },
    });
    assert.deepEqual(errorsOf(report, "subscription"), { silence: 1 });
    assert.equal(deliveryOf(report).totals.subscriptionLost, 50);
  });

  it("by the end of its connection, and is asked for again", async () => {
    let read = 0;
    let readMs = 0;
    let quietMs = 0;
    const relay = new FanRelay({
      received: (eventPlace) => {
        const one = relay.subscriptions[5];
        if (eventPlace === 100 && one) {
          one.socket.later(3, () => {
            quietMs = one.socket.nowMs - readMs;
            relay.cut(one.socket);
          });
        }
        if (one === undefined || one.read === read) return;
        read = one.read;
        readMs = one.socket.nowMs;
      },
    });
    const { report, slices } = await holdTo(relay);
    const ends = slices.flatMap(({ answersAtEnd = [] }) => answersAtEnd);
    assert.deepEqual(ends, [[read, 1]]);
    // Since the frame before the end, which was read up to 5 ms before it was seen here.
    const quiet = slices.flatMap(({ histograms }) => histograms.quiet ?? []);
    assert.equal(quiet.length, 1);
    assert.ok(Math.abs((quiet[0]?.max ?? 0) - quietMs) < 5, `${quiet[0]?.max} and ${quietMs} ms`);
    assert.deepEqual(errorsOf(report, "subscription"), { "connection no close frame": 1 });
    const { subscriptionLost } = deliveryOf(report).totals;
    assert.ok(subscriptionLost > 0 && subscriptionLost < 20, `${subscriptionLost} lost`);
  });

  it("and what comes before EOSE when it is asked for again is counted so", async () => {
    const report = await hold({
      received: (eventPlace, relay) => {
        const one = relay.subscriptions[5];
        if (eventPlace === 100 && one) one.socket.later(3, () => relay.cut(one.socket));
      },
      request: (subscription, relay) => relay.open(subscription, subscription.place < 20 ? 1 : 302),
      deliver: ({ subscription }) => {
        if (subscription.ended) return [];
        if (subscription.isOpen) return right();
        return [{ afterMs: 1, counts: ["frames", "unexpected", "unowed", "beforeEose"] }];
      },
    });
    assert.ok(deliveryOf(report).totals.beforeEose > 10);
  });

  it("and what is stored of this run is no second delivery when it is asked for again", async () => {
    const stored: NostrEvent[] = [];
    const report = await hold({
      received: (eventPlace, relay) => {
        const one = relay.subscriptions[5];
        if (eventPlace === 100 && one) one.socket.later(3, () => relay.cut(one.socket));
      },
      request: (subscription, relay) => {
        for (const event of subscription.place < 20 ? [] : stored.slice(-3))
          relay.send(subscription, event, 1, ["frames", "unexpected", "stored", "beforeEose"]);
        relay.open(subscription, 2);
      },
      deliver: ({ subscription, event }) => {
        if (subscription.ended) return [];
        if (subscription.place === 5) stored.push(event);
        return right();
      },
    });
    assert.equal(deliveryOf(report).totals.stored, 3);
  });

  it("by CLOSED, with its prefix, with what was on its way", async () => {
    const report = await hold({
      deliver: ({ subscription, eventPlace }, relay) => {
        if (subscription.place === 4 && eventPlace === 100) {
          const closed = ["CLOSED", subscription.id, "error: shutting down"];
          relay.end(subscription);
          subscription.socket.answer(JSON.stringify(closed), 3);
        }
        return subscription.ended ? [] : right();
      },
    });
    assert.deepEqual(errorsOf(report, "subscription"), { "CLOSED error": 1 });
    assert.equal(report.generator.verdict, "valid");
  });
});

/** Frames of an event that come together are told apart from the first one by little more than whose they are. */
describe("what comes in the midst of an event's frames is counted as what it is", () => {
  const withinMs = ({ place }: Owed) => 1 + (place % 5) * 0.7;

  it("one twice, one elsewhere too, and some connections lost", async () => {
    const report = await hold({
      deliver: (owed, relay) => {
        const { place, event, subscription } = owed;
        if (subscription.ended) return [];
        const one = right(withinMs(owed));
        if (place % 100 === 0) return [...one, { afterMs: 1, counts: ["frames", "duplicate"] }];
        // By turns events of either VU: the other subscription is of the same one at times.
        if (place % 70 !== 35) return one;
        const to = relay.subscriptions.findLast(
          ({ ended, filters }) => !ended && !filters[0]?.authors?.includes(event.pubkey),
        );
        const counts = ["frames", "unexpected", "wrongSubscription"] as const;
        return to === undefined ? one : [...one, { afterMs: 1, to, counts }];
      },
      received: (eventPlace, relay) => {
        if (eventPlace % 60 !== 59) return;
        const { socket } = relay.subscriptions[Math.floor(eventPlace / 60)] as FanSubscription;
        socket.later(2, () => relay.cut(socket));
      },
    });
    const { totals, times } = deliveryOf(report);
    assert.ok(totals.subscriptionLost > 0 && totals.wrongSubscription > 10);
    assert.ok((times.service.max ?? 0) > 3.7, `${times.service.max} ms`);
  });

  it("a connection that is lost behind the first of them", async () => {
    let event = -1;
    let nth = 0;
    const report = await hold({
      deliver: ({ eventPlace, subscription }, relay) => {
        if (eventPlace !== event) nth = 0;
        else nth++;
        event = eventPlace;
        if (subscription.ended) return [];
        if (eventPlace % 37 !== 36 || nth !== 2) return right(1 + nth * 0.7);
        const { socket } = subscription;
        relay.end(subscription);
        socket.later(2, () => relay.cut(socket));
        return [];
      },
    });
    assert.ok(deliveryOf(report).totals.subscriptionLost >= 10);
  });

  it("whole events overtaken by later ones, and whole ones late", async () => {
    await hold({
      deliver: ({ eventPlace }) => {
        // The run waits for none of the last ones beyond its time.
        if (eventPlace >= 380) return [];
        if (eventPlace >= 300) return [{ afterMs: 520, counts: ["late", "frames"] }];
        if (eventPlace % 40 !== 9) return right();
        return [{ afterMs: 50, counts: ["delivered", "frames", "inverted"] }];
      },
    });
  });

  it("one that others had and a subscription had not, though it has later ones", async () => {
    const report = await hold({
      // Neither the first nor the last of its topic.
      deliver: ({ subscription: { place }, eventPlace }) =>
        place === 11 && eventPlace > 20 && eventPlace < 260 ? [] : right(),
    });
    assert.ok(deliveryOf(report).totals.missing > 40);
  });

  it("one that has an event behind a later one, at once behind others that have it in order", async () => {
    const inverted = ["delivered", "frames", "inverted"] as const;
    const report = await hold({
      // Of each topic an event and the next one, 20 ms behind it.
      deliver: ({ eventPlace, subscription: { place } }) => {
        if (eventPlace >= 380 || eventPlace % 40 > 7) return right();
        const isFirst = eventPlace % 40 < 4;
        if (place < 8 || place >= 12) return right(isFirst ? 25 : 10);
        return isFirst ? [{ afterMs: 26, counts: inverted }] : right();
      },
    });
    assert.equal(deliveryOf(report).totals.inverted, 40);
  });

  it("what a relay goes on delivering to a subscription that it has closed", async () => {
    await hold({
      deliver: ({ subscription, eventPlace }, relay) => {
        if (subscription.place === 11 && eventPlace === 103) {
          const closed = ["CLOSED", subscription.id, "error: shutting down"];
          relay.end(subscription);
          subscription.socket.answer(JSON.stringify(closed), 0.5);
        }
        if (!subscription.ended) return right();
        return [{ afterMs: 1, counts: ["frames", "unexpected", "unowed"] }];
      },
    });
  });

  it("frames that were read apart and have their turns together, the last of them the latest", async () => {
    const report = await hold(
      {
        deliver: ({ eventPlace, subscription: { place } }) =>
          right(20 + (eventPlace === 20 && place >= 16 ? 0.2 : 0)),
      },
      {
        variables: { RATE_EPS: "20" },
        // Of each topic the first two receivers.
        conditions: { readEarlierMs: (data) => (/^."EVENT","d[1-8]"/.test(data) ? 10 : 0) },
      },
    );
    const { bursts, service } = deliveryOf(report).times;
    // Two of each event, the first one behind nothing.
    assert.equal(bursts.count, 2 * 40 - 1);
    assert.ok((service.max ?? 0) > 20.19, `${service.max} ms`);
  });

  it("and what is due meanwhile is sent, however late timers come", async () => {
    // A frame each half millisecond: a hundred of each event, until the next one.
    let frames = 0;
    const report = await hold(
      { deliver: () => right(1 + (frames++ % 100) / 2) },
      {
        variables: { SUBSCRIBERS: "100", FANOUT: "100", PUBLISHERS: "1", RATE_EPS: "20" },
        type: "topic:1x1",
        conditions: { timersLateMs: 30 },
      },
    );
    const late = publishOf(report).series.filter(({ lagP99 }) => (lagP99 ?? 0) > 1.1);
    // The first one had no frames before it.
    assert.deepEqual(
      late.map(({ t }) => t),
      [0],
    );
  });

  it("silence, by what others missed", async () => {
    const report = await hold({
      deliver: ({ place, subscription, eventPlace }, relay) => {
        if (subscription.place === 17 && eventPlace >= 388) relay.end(subscription);
        return place % 23 === 7 || subscription.ended ? [] : right();
      },
    });
    assert.deepEqual(errorsOf(report, "subscription"), { silence: 1 });
  });

  it("over the end of a slice, with bursts as they were", async () => {
    const report = await hold(
      { deliver: ({ place }) => right(10 + (place % 30) * 4 + (place % 30 > 14 ? 10 : 0)) },
      {
        variables: { SUBSCRIBERS: "30", FANOUT: "30", PUBLISHERS: "1", RATE_EPS: "10" },
        type: "topic:1x1",
      },
    );
    const { totals, times } = deliveryOf(report);
    assert.equal(times.service.count, totals.delivered);
    // Each event's frames pause once, and go on behind the next one's first.
    assert.equal(times.bursts.count, 20);
    assertSeriesSums(report);
    for (const { counts, times, t } of deliveryOf(report).series)
      assert.equal(counts.delivered, times.response.count, `${t} s`);
  });
});

describe("subscriptions that are not open before the load make the run invalid", () => {
  const wide = { SUBSCRIBERS: "1", SUBS_PER_CONNECTION: "21", FANOUT: "1", PUBLISHERS: "1" };
  const invalid = (report: Report, unready: Readonly<Record<string, number>>) => {
    assert.deepEqual(errorsOf(report, "unready"), unready);
    assert.equal(report.generator.verdict, "invalid");
    assert.ok(report.generator.reasons.some((text) => text.includes("not open and proven")));
  };

  for (const eose of [true, false]) {
    it(`by a NOTICE for the 21st, ${eose ? "behind" : "without"} its EOSE`, async () => {
      const request: FanFault["request"] = (one, relay) => {
        if (one.placeOfConnection < 20) relay.open(one);
        else {
          if (eose) one.socket.answer(JSON.stringify(["EOSE", one.id]), 1);
          const notice = ["NOTICE", "ERROR: too many concurrent REQs"];
          one.socket.answer(JSON.stringify(notice), 2, () => relay.end(one));
        }
      };
      const trial = { variables: wide, type: "topic:21x1" };
      const report = await hold({ request }, trial);
      invalid(report, { NOTICE: 1 });
      assert.equal(deliveryOf(report).totals.subscriptionLost, 19);
    });
  }

  it("by CLOSED, by no EOSE, by an EOSE and nothing", async () => {
    const report = await hold({
      request: (one, relay) => {
        if (one.place === 3) {
          relay.end(one);
          one.socket.answer(JSON.stringify(["CLOSED", one.id, "blocked: no"]), 1);
        } else if (one.place === 4) relay.end(one);
        else if (one.place === 6) {
          relay.open(one);
          relay.end(one);
        } else relay.open(one);
      },
    });
    invalid(report, { "CLOSED blocked": 1, "no EOSE": 1, "no event": 1 });
  });

  it("but stored events before EOSE are counted, and are no fault of theirs", async () => {
    const report = await hold({
      request: (one, relay) => {
        const id = `${one.place.toString(16).padStart(2, "0")}`.padEnd(64, "a");
        const [pubkey = ""] = one.filters[0]?.authors ?? [];
        const event = {
          id,
          pubkey,
          created_at: 1,
          kind: 1,
          tags: [],
          content: "x".repeat(300),
          sig: "0".repeat(128),
        };
        if (one.place % 4 === 0)
          relay.send(one, event, 1, ["frames", "unexpected", "stored", "beforeEose"]);
        relay.open(one, 2);
      },
    });
    assert.equal(deliveryOf(report).totals.stored, 5);
    assert.equal(report.generator.verdict, "valid", report.generator.reasons.join());
  });
});

describe("who subscribes to what", () => {
  for (const [name, variables, type, due] of [
    ["by tag", { FANOUT_FILTER: "tag" }, "topic:4x1", 2_000],
    ["by kind", { FANOUT_FILTER: "kind" }, "topic-kind:4x1", 2_000],
    [
      "with decoys",
      { DECOYS: "30", SUBS_PER_CONNECTION: "4", SUBSCRIBERS: "5" },
      "topic:4x1",
      2_000,
    ],
    ["all of it", { FANOUT: "all" }, "topic:1x1", 8_000],
    ["the publishers too", { FANOUT_ECHO: "1" }, "topic:4x1", 2_200],
    ["notes, reactions and reposts", { TOPIC_EVENTS: "social" }, "topic-social:4x1", 2_000],
    ["what no relay keeps", { TOPIC_EVENTS: "ephemeral" }, "topic-ephemeral:4x1", 2_000],
  ] as const) {
    it(name, async () => {
      const report = await hold({}, { variables, type });
      assert.equal(deliveryOf(report).totals.due, due);
      assert.equal(report.generator.verdict, "valid", report.generator.reasons.join());
    });
  }

  it("few topics by many, and many by few", async () => {
    const variables = { FANOUT: "zipf", SUBSCRIBERS: "40" };
    // Frames of several topics come mixed.
    const deliver: FanFault["deliver"] = ({ place }) => right(1 + (place % 10));
    const report = await hold({ deliver }, { variables, type: "topic:4x1" });
    const rows = Object.values(deliveryOf(report).rows).map(({ totals }) => totals);
    assert.ok(rows.filter(({ due }) => due > 0).length > 1);
    for (const { due, delivered } of rows) assert.equal(delivered, due);
  });

  it("only behind a part of the window, to see what publishing is without", async () => {
    const relay = new FanRelay({ ok: (_, place) => [true, "", place < 160 ? 5 : 15] });
    const { report } = await fan(relay, { variables: { BASELINE: "0.4" } });
    const { totals, times } = deliveryOf(report);
    assert.equal(totals.due, totals.delivered);
    assert.ok(totals.due > 1_100 && totals.due <= 1_200, `${totals.due} due`);
    assert.ok(withFindings(report).findings.some(({ id }) => id === "ok-held-by-subscribers"));
    assert.ok(Math.abs((times.okAlone.p50 ?? 0) - 5) < 0.1 && times.okAlone.count >= 155);
    assert.ok(Math.abs((times.okBeside.p50 ?? 0) - 15) < 0.3 && times.okBeside.count > 220);
    assert.equal(report.generator.verdict, "valid", report.generator.reasons.join());
  });

  it("decoys behind half of what is left, to see what they cost", async () => {
    const askedAt: number[] = [];
    const relay = new FanRelay({
      request: (one, { events, open }) => {
        askedAt.push(events.length);
        open.call(relay, one);
      },
    });
    const variables = { BASELINE: "0.2", DECOYS: "30", SUBS_PER_CONNECTION: "2" };
    const { report } = await fan(relay, { variables, type: "topic:8x1" });
    // Of 400 events those of 0.4 s, but the first of each author, and those of 1.2 s.
    assert.equal(askedAt.length, 70);
    assert.ok(
      askedAt.slice(0, 40).every((place) => place >= 70 && place <= 86),
      askedAt.join(),
    );
    assert.ok(
      askedAt.slice(40).every((place) => place >= 238 && place <= 246),
      askedAt.join(),
    );
    const { due, delivered } = deliveryOf(report).totals;
    assert.ok(due > 1_400 && due === delivered, `${due} and ${delivered}`);
    assert.equal(report.generator.verdict, "valid", report.generator.reasons.join());
    assert.match(renderMarkdown(report), /With 30 subscriptions that match nothing the relay used/);
  });

  it("and decoys that get no EOSE make it invalid, whenever they join", async () => {
    const relay = new FanRelay({
      request: (one) => {
        if (one.place !== 25) relay.open(one);
      },
    });
    const { report } = await fan(relay, { variables: { BASELINE: "0.2", DECOYS: "10" } });
    assert.deepEqual(errorsOf(report, "unready"), { "no EOSE": 1 });
    assert.equal(report.generator.verdict, "invalid");
  });

  it("and what is delivered in the warm-up is counted apart", async () => {
    const relay = new FanRelay();
    const { report } = await fan(relay, { variables: { WARMUP_SEC: "0.2" } });
    const { totals, warmup } = deliveryOf(report);
    assert.deepEqual([totals.due, totals.delivered], [2_000, 2_000]);
    assert.deepEqual([warmup?.due, warmup?.delivered], [200, 200]);
  });
});

describe("what a report says of deliveries", () => {
  it("is said in words and drawn, what was lost by how", async () => {
    const report = await hold({
      deliver: ({ subscription, eventPlace, place }, relay) => {
        if (subscription.place === 2 && eventPlace >= 200) relay.end(subscription);
        return subscription.ended || place === 77 ? [] : right();
      },
    });
    const text = renderMarkdown(report);
    assert.match(text, /1,949 of 2,000 deliveries that were owed came in time/);
    assert.match(text, /completeness 0\.974500/);
    assert.match(text, /1 are missing/);
    assert.match(text, /50 were lost with their subscription \(subscriptions: 1 silence\)/);
    assert.match(text, /Of 100\.0 % of the events the first delivery came/);
    assert.match(text, /\| 2 to 9 \| 2,000 \|/);
    const charts = chartsOf(report).charts.filter(({ id }) => id.startsWith("deliver"));
    assert.deepEqual(
      charts.map(({ id, kind }) => [id, kind]),
      [
        ["deliveries", "lines"],
        ["delivery-times", "lines"],
        ["delivery-heat", "heat"],
      ],
    );
  });
});

describe("a run that is cut off", () => {
  /** What is known at that time of the window. */
  const cutAt = (slices: Ran["slices"], afterMs: number, variables = {}) => {
    const untilMs = windowStartOf(slices) + afterMs + 0.5;
    const cut = slices.filter(({ atMs }) => atMs <= untilMs);
    const plan = planOf({ ...LOAD, ...variables }, "fanout");
    return withFindings(buildOf({ plan, slices: cut, stopReason: "interrupted" }));
  };

  it("has what was on its way as unfinished, and as no loss", async () => {
    const relay = new FanRelay({ deliver: () => right(300) });
    const { slices } = await fan(relay);
    const report = cutAt(slices, 1_000);
    const { totals, identities } = deliveryOf(report);
    // An event each 5 ms, its five deliveries behind 300 ms: those of 60 events, and of the VU's last OKs one less.
    assert.ok(Math.abs(totals.unfinished - 300) <= 10, `${totals.unfinished}`);
    assert.equal(totals.delivered, totals.due - totals.unfinished);
    assert.deepEqual([totals.missing, totals.subscriptionLost], [0, 0]);
    assert.ok(identities.every(({ balances }) => balances));
    const text = renderMarkdown(report);
    assert.match(
      text,
      /\*\*All 7\d\d deliveries that were owed came in time\*\* \(completeness 1\.0/,
    );
    assert.match(text, /(29|30)\d more were unfinished: the run was cut off/);
    assert.deepEqual(
      report.findings.map(({ id }) => id),
      [],
    );
  });

  it("has as lost with it what a silent subscription missed, and as unfinished what may still come", async () => {
    const missedAtMs: number[] = [];
    const relay = new FanRelay({
      deliver: ({ subscription, eventPlace, receivedMs }) => {
        if (subscription.place !== 2 || eventPlace < 40) return right();
        missedAtMs.push(receivedMs);
        return [];
      },
    });
    const { slices } = await fan(relay);
    const report = cutAt(slices, 1_800);
    const { totals, identities } = deliveryOf(report);
    const overdueBy = (ms: number) =>
      missedAtMs.filter((atMs) => atMs <= windowStartOf(slices) + ms).length;
    // Twice the timeout, and it is looked at each 50 ms.
    assert.ok(totals.subscriptionLost >= overdueBy(740), `${totals.subscriptionLost} lost`);
    assert.ok(totals.subscriptionLost <= overdueBy(800), `${totals.subscriptionLost} lost`);
    const open = overdueBy(1_800) - totals.subscriptionLost;
    assert.ok(Math.abs(totals.unfinished - open) <= 5, `${totals.unfinished} unfinished`);
    assert.deepEqual([totals.missing, totals.lostSubscriptions], [0, 1]);
    assert.deepEqual(errorsOf(report, "subscription"), { silence: 1 });
    assert.ok(identities.every(({ balances }) => balances));
    assert.match(
      renderMarkdown(report),
      /\d\d were lost with their subscription \(subscriptions: 1 silence\)/,
    );
    // One that came to its end says so itself.
    assert.equal(slices.find(({ phase }) => phase === "done")?.ifLast, undefined);
  });

  it("has as missing what is too little for silence", async () => {
    const missedAtMs: number[] = [];
    const variables = { RATE_EPS: "20" };
    const relay = new FanRelay({
      deliver: ({ subscription, receivedMs }) => {
        if (subscription.place !== 2 || relay.events.length < 5) return right();
        missedAtMs.push(receivedMs);
        return [];
      },
    });
    const { slices } = await fan(relay, { variables });
    // Each of its topic is 200 ms behind the one before.
    const secondMs = (missedAtMs[1] ?? 0) - windowStartOf(slices);
    const report = cutAt(slices, secondMs + 1_100, variables);
    const { missing, subscriptionLost, lostSubscriptions } = deliveryOf(report).totals;
    assert.deepEqual([missing, subscriptionLost, lostSubscriptions], [2, 0, 0]);
    assert.deepEqual(errorsOf(report, "subscription"), {});
  });
});
