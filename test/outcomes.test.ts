/** The accounting of a whole run in virtual time, against the ledger of a relay that misbehaves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishOf, setOf } from "../src/report/class-report.ts";
import { withFindings } from "../src/report/findings/engine.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { outcomeOf } from "../src/report/outcome.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { EXIT, exitCode } from "../src/report/verdict.ts";
import { zerosOf } from "../src/report/zeros.ts";
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
import { accept, acceptLate, acceptUnasked, frame, reject } from "./faulty-relay/frames.ts";
import { figuresOf } from "./fixtures/reports/figures.ts";
import { buildOf, planOf } from "./fixtures/reports/run.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { assertSeriesSums, hold, publish } from "./k6-world/trial.ts";

const WARM = { WARMUP_SEC: "1" };

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
    const { min, max, mean, p50 } = publishOf(report).times.service;
    assert.ok(min !== null && max !== null && mean !== null && p50 !== null);
    assert.ok(min > 4.9 && max < 30.4, `${min} to ${max} ms`);
    assert.ok(Math.abs(mean - 17.5) < 0.5, `${mean} ms on average`);
  });
});

describe("a run that is cut off", () => {
  it("has what was under way as lost, and no failure for it", async () => {
    const { relay } = misbehave(({ event }) => [accept(event.id, 300)]);
    const variables = { CLIENTS: "4", RATE_EPS: "200", DURATION_SEC: "2" };
    const { slices } = await publish(relay, variables);
    const windowStartMs = slices.find((one) => one.windowStartMs !== null)?.windowStartMs ?? 0;
    const cut = slices.filter(({ atMs }) => atMs <= windowStartMs + 1_000.5);
    const plan = planOf(variables);
    const report = withFindings(buildOf({ plan, slices: cut, stopReason: "interrupted" }));
    const { attempted, accepted, lost } = publishOf(report).totals;
    // One each 5 ms.
    assert.ok(Math.abs(lost - 60) <= 2, `${lost}`);
    assert.equal(attempted, accepted + lost);
    assert.equal(report.run.cutOff?.publish?.lost, lost);
    const failed = report.thresholds.find(({ metric }) => metric === "nostr_publish_failed");
    assert.deepEqual([failed?.value, failed?.ok], [0, true]);
    const words = `${lost} lost, and no threshold counts them as failed`;
    for (const text of [renderTerminal(report, []), renderMarkdown(report)])
      assert.ok(text.includes(words), words);
    assert.ok(
      outcomeOf({ ...report, findings: [] }).includes(`it accepted all ${accepted} events`),
    );
  });
});

function isWithin(ms: number | null, [from, to]: readonly [number, number]): boolean {
  return ms !== null && ms >= from && ms <= to;
}

describe("what is due within a moment", () => {
  for (const [pacing, rate, perVu, medianMs, mostMs] of [
    ["precise", "10000", "10,000/s: is sent each in its turn", [0, 0.1], [0, 0.12]],
    // Answers come all the while: they wake nobody up for less than that.
    ["precise", "30000", "30,000/s: is sent together", [0.1, 0.2], [0.25, 0.4]],
    ["shared", "10000", "10,000/s: is sent together", [0.2, 0.3], [0.5, 0.65]],
  ] as const) {
    it(`in ${pacing} pacing by one VU at ${perVu}`, async () => {
      const { relay } = misbehave(({ event }) => [accept(event.id, 1)]);
      const variables = {
        ...{ CLIENTS: "1", RATE_EPS: rate, DURATION_SEC: "1", MAX_IN_FLIGHT: "10000" },
        PACING: pacing,
      };
      const { report } = await publish(relay, variables);
      assert.deepEqual([report.config.vus, report.config.pacing], [1, pacing]);
      // The pool is soon at its end.
      assert.equal(publishOf(report).totals.accepted, publishOf(report).totals.attempted);
      const { p50, max } = report.generator.scheduleLag;
      assert.ok(isWithin(p50, medianMs) && isWithin(max, mostMs), `p50 ${p50}, at most ${max} ms`);
    });
  }
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
    assert.deepEqual([publishOf(report).totals.timedOut, report.frames.lateOk], [40, 30]);
    assert.equal(publishOf(report).times.service.count, 360);
    // Nothing is left in flight that the drain would wait for.
    assert.ok(endedMs < 3_060, `ended at ${endedMs}`);
  });

  it("is found by looks at a tenth of many connections, each within half a second", async () => {
    // Twice as long as an event may wait for its answer, and a little more than a round of looks.
    const late = misbehave(({ event, place }) =>
      place % 7 === 0 ? [acceptLate(event.id, 1_070)] : [accept(event.id)],
    );
    const variables = { CLIENTS: "600", RATE_EPS: "450", DURATION_SEC: "3" };
    const { report } = await hold(late, { variables });
    assert.equal(publishOf(report).totals.timedOut, 193);
  });

  it("has as long from the moment it was sent, however long it waited before", async () => {
    // The second part of a video waits for the first: answered 300 ms after it was sent, over 500 after it was due.
    const slow = misbehave(({ event }) => [accept(event.id, 300)]);
    const { report } = await hold(slow, {
      variables: { MAX_IN_FLIGHT: "1", RATE_EPS: "12", DURATION_SEC: "5" },
      beside: { heldBack: true },
    });
    assert.ok((publishOf(report).times.response.max ?? 0) > 500);
    assert.equal(publishOf(report).totals.timedOut, 0);
  });

  it("is not what came in time while the generator had no turn", async () => {
    const { relay: answer, ledger } = misbehave(({ event }) => [accept(event.id, 30)]);
    const relay: typeof answer = (frame, socket, atMs) => {
      answer(frame, socket, atMs);
      // In the window, and over the end of the drain.
      if (ledger.events.length === 60 || ledger.events.length === 199) socket.starve(700);
    };
    const variables = { MAX_IN_FLIGHT: "1000" };
    const { report } = await hold({ relay, ledger }, { variables });
    assert.deepEqual([publishOf(report).totals.timedOut, report.frames.lateOk], [0, 0]);
    assert.ok(
      (publishOf(report).times.service.max ?? 99) < 31,
      `${publishOf(report).times.service.max} ms`,
    );
  });

  for (const [when, place] of [
    ["in the window", 62],
    ["over its end", 182],
  ] as const) {
    it(`holds nothing back while the generator had no turn, ${when}: it is sent late`, async () => {
      const { relay: answer, ledger } = misbehave(({ event }) => [accept(event.id, 30)]);
      const relay: typeof answer = (frame, socket, atMs) => {
        answer(frame, socket, atMs);
        // Longer than an event waits for a place, with every place taken; the answers come meanwhile.
        if (ledger.events.length === place) socket.starve(700);
      };
      const variables = { MAX_IN_FLIGHT: "3", RATE_EPS: "100", DURATION_SEC: "2" };
      const { report } = await hold({ relay, ledger }, { variables });
      const { backpressure, timedOut } = publishOf(report).totals;
      assert.deepEqual([backpressure, timedOut], [0, 0]);
      const lagMs = report.generator.scheduleLag.max ?? 0;
      assert.ok(lagMs > 180 && lagMs < 710, `the longest lag was ${lagMs} ms`);
    });
  }

  it("makes others wait, which are given up after as long, or at the end of the window", async () => {
    const silent = misbehave(({ event, place }) => (place % 3 === 0 ? [] : [accept(event.id)]));
    const { report } = await hold(silent, {
      variables: { MAX_IN_FLIGHT: "1" },
      beside: { heldBack: true },
    });
    const { timedOut, backpressure, noConnection } = publishOf(report).totals;
    assert.ok(timedOut > 0 && backpressure > 0 && noConnection === 0);
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
    const { attempted, backpressure } = publishOf(stuck.report).totals;
    assert.ok(attempted >= 4 && attempted <= 8);
    assert.equal(backpressure, 200 - attempted);
    // Stalled for 1.5 s, three times as long as an event waits to be sent.
    const back = await hold(
      misbehave(({ event, receivedMs }) =>
        receivedMs > 1_200 && receivedMs < 2_700 ? [] : [accept(event.id, 1)],
      ),
      { variables: { MAX_IN_FLIGHT: "1", DURATION_SEC: "3" }, beside: { heldBack: true } },
    );
    const { max } = publishOf(back.report).times.response;
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
      const { max } = publishOf(report).times.response;
      assert.ok((max ?? 0) > 34 && (max ?? 0) < 40, `${max} ms`);
    });
  }

  it("keeps no other from being sent when it is given up", async () => {
    const relay = misbehave(({ event, place }) => (place < 4 ? [] : [accept(event.id)]));
    const { report } = await hold(relay, {
      variables: { MAX_IN_FLIGHT: "1", RATE_EPS: "50", DURATION_SEC: "2" },
      beside: { heldBack: true },
    });
    assert.equal(publishOf(report).totals.timedOut, 4);
    // Held back for half a second of two.
    assert.ok(
      publishOf(report).totals.accepted > 50,
      `${publishOf(report).totals.accepted} accepted`,
    );
  });

  it("is waited for no longer than an answer may take, and all of it is timed out then", async () => {
    const silent = misbehave(() => []);
    const { report, endedMs } = await hold(silent, { variables: { MAX_IN_FLIGHT: "1000" } });
    assert.equal(publishOf(report).totals.timedOut, 200);
    assert.equal(publishOf(report).times.response.count, 0);
    assert.ok(endedMs > 2_400 && endedMs < 2_700, `ended at ${endedMs}`);
  });
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
      const { slices } = await publish(answer, { AUDIT_EVERY: every });
      const noted = slices.flatMap(({ accepted = [] }) => accepted.flat());
      assert.equal(new Set(noted).size, count);
      assert.ok(noted.every((id) => ids.accepted.has(id) && !ids.other.has(id)));
    }
  });
});

describe("a run in which nothing was accepted", () => {
  const lenient = { THRESHOLDS: "nostr_publish_response_time: p(95)<5000" };
  for (const [name, text, meaning, code] of [
    ["known events", "duplicate: have it", "duplicate", EXIT.invalid],
    ["older versions", "duplicate: have a newer version", "superseded", EXIT.threshold],
  ] as const) {
    it(`is no pass, for ${name} alone, whatever the thresholds`, async () => {
      const full = misbehave(({ event: { id } }) => [frame(["OK", id, true, text], meaning)]);
      const { report } = await hold(full, { variables: lenient });
      assert.equal(publishOf(report).totals[meaning], publishOf(report).totals.attempted);
      assert.equal(exitCode(withFindings(report)), code);
    });
  }

  it("nor one with no more than a few among what was known", async () => {
    const mixed = (every: number) =>
      hold(
        misbehave(({ event: { id }, place }) =>
          place % every === 0
            ? [accept(id)]
            : [frame(["OK", id, true, "duplicate: have it"], "duplicate")],
        ),
      );
    assert.equal((await mixed(2)).report.generator.verdict, "suspect");
    assert.equal((await mixed(3)).report.generator.verdict, "invalid");
  });
});

describe("a set of several parts", () => {
  it("is complete when the relay has each part already", async () => {
    const full = misbehave(({ event: { id } }) => [
      frame(["OK", id, true, "duplicate: have it"], "duplicate"),
    ]);
    const { report } = await hold(full);
    const { started, complete, cutOff } =
      setOf(report).rows.video?.totals ?? assert.fail("no sets");
    assert.ok(complete === started - cutOff && complete > 20);
  });
});

describe("an exception of our own", () => {
  it("is counted with where it was thrown, and makes the run invalid", async () => {
    const odd = misbehave(({ event }, socket) => {
      // Nothing that k6 hands over: it stands for a mistake of ours.
      socket.answer(null as unknown as string, 1);
      return [accept(event.id, 2)];
    });
    const { report } = await publish(odd.relay);
    const [error] = report.errors;
    assert.deepEqual([error?.class, error?.code, error?.count], ["script", "message", 200]);
    assert.ok(error?.stack?.includes("TypeError"));
    assert.equal(publishOf(report).totals.accepted, 200);
    assert.equal(report.generator.verdict, "invalid");
  });
});

describe("the warm-up", () => {
  it("is counted apart: no figure of the window holds any of it", async () => {
    const both = misbehave(({ event, receivedMs }) =>
      receivedMs < 2_000 ? [accept(event.id, 150)] : [accept(event.id, 10)],
    );
    const { report } = await publish(both.relay, WARM);
    const warm = { ...zerosOf("publish"), scheduled: 200, attempted: 200, accepted: 200 };
    assert.deepEqual(publishOf(report).warmup, warm);
    const { totals, latency, generator, throughput } = figuresOf(report);
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
    const { report } = await publish(late.relay, variables);
    assert.deepEqual(
      [publishOf(report).totals.scheduled, publishOf(report).totals.accepted],
      [200, 200],
    );
    const { scheduled, attempted } = publishOf(report).warmup ?? assert.fail("no warm-up");
    assert.equal(scheduled, 200);
    assert.ok(attempted < 200, `${attempted} sent`);
  });
});

describe("a pool that is too small", () => {
  it("is the generator's fault, and each arrival it had no event for is counted", async () => {
    const accepting = misbehave(({ event }) => [accept(event.id)]);
    const { report } = await publish(accepting.relay, { RATE_EPS: "2000" });
    const events = report.config.pool.events;
    assert.equal(publishOf(report).totals.poolExhausted, 2_000 - events);
    assert.equal(publishOf(report).totals.accepted, events);
    assert.equal(report.generator.verdict, "invalid");
    assert.deepEqual(report.errors, []);
  });
});
