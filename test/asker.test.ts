/** Queries of sessions in virtual time: what is counted of them, and what is told to the relay. */

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { publishOf, queryOf } from "../src/report/class-report.ts";
import type { ClassRowReport } from "../src/report/class-types.ts";
import { pointsOf } from "../src/report/points.ts";
import { completeOf, sampleOf } from "./fixtures/reports/run.ts";
import { runScenario } from "./k6-world/run.ts";
import { assertSeriesSums } from "./k6-world/trial.ts";
import type { Relay, RelaySide } from "./k6-world/world.ts";
import { keepPool } from "./kept-pool.ts";

let pool = "";
before(async () => {
  const made = { seed: "asker", mix: parseMix("view:1"), events: 1_400, epoch: 1_767_225_600 };
  pool = await keepPool(made);
});

const LOAD = { CLIENTS: "10", RATE_EPS: "50", DURATION_SEC: "10", ACK_TIMEOUT_MS: "500" };

/** Answers events; `onQuery` answers the n-th query, from 1. */
function relayOf(onQuery: (id: string, socket: RelaySide, n: number) => void) {
  const asked: number[] = [];
  const closed: string[] = [];
  const relay: Relay = (frame, socket, atMs) => {
    const [type, first] = JSON.parse(frame);
    if (type === "EVENT") socket.answer(`["OK","${first.id}",true,""]`, 5);
    if (type === "CLOSE") closed.push(first);
    if (type !== "REQ") return;
    asked.push(atMs);
    onQuery(first, socket, asked.length);
  };
  return { relay, asked, closed };
}

type Figures = ClassRowReport<"query">;
type Counts = Figures["totals"];

async function play(relay: Relay, variables: Readonly<Record<string, string>> = {}) {
  const ran = await runScenario(pool, { ...LOAD, ...variables }, relay, { scenario: "playback" });
  assertSeriesSums(ran.report);
  const figures = Object.values(queryOf(ran.report).rows);
  const sum = (pick: (of: Counts) => number) => figures.reduce((n, of) => n + pick(of.totals), 0);
  const count = (of: "response" | "service") =>
    figures.reduce((n, { times }) => n + times[of].count, 0);
  const max = (of: "response" | "service") =>
    Math.max(...figures.map(({ times }) => times[of].max ?? 0));
  return { ...ran, sum, count, max };
}

const answerAfter = (ms: number) => (id: string, socket: RelaySide) => {
  socket.answer(`["EVENT","${id}",{}]`, ms);
  socket.answer(`["EOSE","${id}"]`, ms);
};

describe("queries of sessions", () => {
  it("are closed once they are answered, and nothing is waited for behind the last", async () => {
    const { relay, asked, closed } = relayOf(answerAfter(20));
    const { sum, endedMs } = await play(relay);
    assert.equal(
      sum((q) => q.eose),
      asked.length,
    );
    assert.equal(new Set(closed).size, asked.length);
    assert.ok(endedMs < 11_200, `ended at ${endedMs}`);
  });

  it("are counted in the window only, whenever their answers come", async () => {
    const { relay, asked } = relayOf(answerAfter(300));
    const { sum, count, max } = await play(relay, { WARMUP_SEC: "10", DURATION_SEC: "5" });
    const inWindow = asked.filter((atMs) => atMs >= 11_000.5).length;
    assert.ok(inWindow > 100 && asked.length > inWindow + 100);
    const sent = sum((q) => q.sent);
    assert.ok(Math.abs(sent - inWindow) <= 2, `${sent} sent, ${inWindow} seen`);
    for (const pick of [
      (q: Counts) => q.scheduled,
      (q: Counts) => q.eose,
      (q: Counts) => q.unchecked,
      (q: Counts) => q.rows,
      (q: Counts) => q.uncheckedRows,
    ]) {
      assert.equal(sum(pick), sent, String(pick));
    }
    assert.deepEqual([count("response"), count("service")], [sent, sent]);
    assert.ok(max("response") < 310);
  });

  it("have their service time from the send, and their response time from when they were due", async () => {
    const { relay } = relayOf((id, socket, n) => {
      answerAfter(20)(id, socket);
      if (n % 20 === 0) socket.starve(60);
    });
    const { max } = await play(relay);
    assert.ok(max("service") < 21, `service time up to ${max("service")} ms`);
    assert.ok(max("response") > 30, `response time up to ${max("response")} ms`);
  });

  it("are timed out where no EOSE comes, and closed all the same", async () => {
    const { relay, asked, closed } = relayOf(() => {});
    const { report, sum, endedMs } = await play(relay);
    assert.equal(
      sum((q) => q.timedOut),
      asked.length,
    );
    assert.equal(new Set(closed).size, asked.length);
    const timeouts = report.errors.filter((e) => e.class === "timeout");
    assert.deepEqual(
      timeouts.map(({ code, count }) => [code, count]),
      [["no EOSE", asked.length]],
    );
    assert.ok(endedMs > 11_400 && endedMs < 11_700, `ended at ${endedMs}`);
  });

  it("that find no connection are not sent, and those that lose theirs are lost", async () => {
    const { relay, asked } = relayOf((id, socket, n) => {
      if (n === 300) socket.dropAll(1_001);
      else answerAfter(100)(id, socket);
    });
    const { sum } = await play(relay);
    const [lost, unsent] = [sum((q) => q.lost), sum((q) => q.noConnection)];
    assert.ok(lost > 2 && unsent > 2, `${lost} lost, ${unsent} without a connection`);
    assert.equal(
      sum((q) => q.sent),
      asked.length,
    );
    assert.equal(
      sum((q) => q.scheduled),
      asked.length + unsent,
    );
    assert.equal(
      sum((q) => q.eose),
      asked.length - lost,
    );
  });

  it("are no places of publishes: a silent relay holds no event back", async () => {
    const { relay } = relayOf(() => {});
    const { report } = await play(relay, { MAX_IN_FLIGHT: "1" });
    assert.equal(publishOf(report).totals.accepted, 500);
  });
});

describe("queries that a relay doesn't answer as they are asked", () => {
  it("are refused by NOTICE: the timeouts stand beside its words, in one finding", async () => {
    const { relay } = relayOf((id, socket, n) => {
      if (n % 3 === 0) answerAfter(5)(id, socket);
      else socket.answer(`["NOTICE","ERROR: too many concurrent REQs"]`, 1);
    });
    const { report } = await play(relay);
    const [finding] = report.findings;
    assert.equal(finding?.id, "queries-refused");
    assert.match(finding?.title ?? "", /too many concurrent REQs/);
    assert.match(finding?.remediation ?? "", /max_subscriptions/);
    const notice = report.errors.find((e) => e.class === "notice");
    assert.equal(notice?.reason, "subscriptions");
  });

  it("are not refused by a NOTICE that may speak of an event", async () => {
    // Queries take longer than events follow each other, and each event has a NOTICE before its OK.
    const { relay: answer } = relayOf(answerAfter(300));
    const relay: Relay = (frame, socket, atMs) => {
      if (frame.startsWith('["EVENT"')) socket.answer('["NOTICE","slow down"]', 1);
      answer(frame, socket, atMs);
    };
    const { report, sum } = await play(relay, { CLIENTS: "50" });
    assert.equal(report.frames.notices, 500);
    assert.equal(
      sum((q) => q.refusedByNotice),
      0,
    );
    assert.ok(sum((q) => q.eose) > 500);
  });

  it("are refused by CLOSED, with the reason that it gives", async () => {
    const { relay } = relayOf((id, socket) => {
      socket.answer(`["CLOSED","${id}","auth-required: members only"]`, 1);
    });
    const { report } = await play(relay);
    assert.equal(report.findings[0]?.id, "queries-refused");
    assert.equal(report.errors.find((e) => e.class === "closed")?.reason, "auth");
  });

  it("get more events than they ask for, and events behind EOSE, which are counted", async () => {
    const { relay, asked } = relayOf((id, socket) => {
      for (let n = 0; n < 40; n++) socket.answer(`["EVENT","${id}",{}]`, 4);
      socket.answer(`["EOSE","${id}"]`, 5);
      for (let n = 0; n < 7; n++) socket.answer(`["EVENT","${id}",{}]`, 6);
    });
    const { report, sum } = await play(relay);
    assert.equal(
      sum((q) => q.rows),
      40 * asked.length,
    );
    assert.equal(
      sum((q) => q.rowsBehind),
      7 * asked.length,
    );
    const ids = report.findings.map(({ id }) => id);
    assert.ok(ids.includes("ignored-limit") && ids.includes("sent-behind-eose"), ids.join());
  });
});

describe("queries that are slow or held back, where publishes are not", () => {
  const idle = {
    resources: [1, 5, 9].map((t) => sampleOf({ t, process: "relay", cpuPercent: 20 })),
  };
  const findingsOf = async (msOf: (n: number) => number) => {
    const { relay } = relayOf((id, socket, n) => answerAfter(msOf(n))(id, socket));
    const { report } = await play(relay, { CLIENTS: "50" });
    return completeOf(report, idle).findings.map(({ id }) => id);
  };

  it("are told from each other by their times: a scan, and an acknowledgement held back", async () => {
    // Now and then an answer is written in one piece with another, and comes at once.
    assert.ok((await findingsOf((n) => (n % 9 === 0 ? 1 : 42))).includes("nagle-delay"));
    const slow = await findingsOf(() => 120);
    assert.ok(slow.includes("slow-queries") && !slow.includes("nagle-delay"), slow.join());
    const fast = await findingsOf(() => 6);
    for (const id of ["slow-queries", "nagle-delay", "no-eose", "ignored-limit"]) {
      assert.ok(!fast.includes(id), id);
    }
  });

  it("stand over time, and are held to bounds of their own", async () => {
    const { relay } = relayOf((id, socket, n) => answerAfter(n % 2 === 0 ? 450 : 700)(id, socket));
    const { report } = await play(relay, { ACK_TIMEOUT_MS: "500", CLIENTS: "50" });
    const last = pointsOf(report).findLast((point) => point.t < 10);
    assert.ok(Math.abs((last?.queryTimes.feed?.p50 ?? 0) - 450) < 10);
    const judged = report.thresholds.filter(({ metric }) => metric.startsWith("nostr_query"));
    const byText = Object.fromEntries(judged.map((t) => [`${t.metric}: ${t.expression}`, t.ok]));
    assert.deepEqual(byText, {
      "nostr_query_failed: rate<0.01": false,
      "nostr_query_time: p(95)<500": true,
      "nostr_query_time: p(99)<1000": true,
    });
  });
});
