/** A whole search in virtual time: each trial is a run of the scenario's script against a relay of a known rate. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { judgeTrial } from "../src/capacity/judge.ts";
import { judgedSec } from "../src/capacity/precision.ts";
import { BACKLOG, UNREADY, UNSENT } from "../src/capacity/result.ts";
import { next, record, startSearch } from "../src/capacity/search.ts";
import { parseMix } from "../src/events/mix.ts";
import { makeLookAlikes } from "../src/node/calibrate/look-alikes.ts";
import { planAt } from "../src/node/capacity/plan-at.ts";
import { collectOptions } from "../src/plan/options.ts";
import { planVariables } from "../src/plan/variables.ts";
import { SETTINGS } from "./capacity-model.ts";
import { FanRelay, right } from "./k6-world/fan-relay.ts";
import { runScenario } from "./k6-world/run.ts";
import type { Conditions, Relay } from "./k6-world/world.ts";
import { keepPool } from "./kept-pool.ts";

let dir = "";
let pool = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-capacity-"));
  pool = join(dir, "pool");
  await makeLookAlikes(pool, 9_000);
});
after(() => rm(dir, { recursive: true }));

const THRESHOLDS = "nostr_publish_failed: rate<0.01; nostr_publish_response_time: p(99)<1000";

async function tryAt(
  load: number,
  lengthSec: number,
  relay: Relay,
  conditions: Conditions = {},
  own: Record<string, string> = {},
) {
  const judged = judgedSec(lengthSec);
  const variables = {
    ...{ CLIENTS: "20", ACK_TIMEOUT_MS: "10000", THRESHOLDS },
    RATE_EPS: String(load),
    DURATION_SEC: String(judged),
    WARMUP_SEC: String(lengthSec - judged),
    ...own,
  };
  const timers = { timersLateMs: 1.1, ...conditions };
  return judgeTrial((await runScenario(pool, variables, relay, timers)).report, 4_096);
}

/** So many a second, one after the other. */
function tokens(perSec: number): Relay {
  let freeAtMs = 0;
  return (frame, socket, atMs) => {
    freeAtMs = Math.max(freeAtMs, atMs) + 1_000 / perSec;
    socket.answer(`["OK","${frame.slice(16, 80)}",true,""]`, freeAtMs - atMs);
  };
}

describe("a trial", () => {
  it("passes below what the relay takes, and says what it saw", async () => {
    const { verdict, failed, figures, generator } = await tryAt(280, 9, tokens(300));
    assert.deepEqual([verdict, failed, generator], ["pass", [], "valid"]);
    assert.ok(Math.abs(figures.offered - 280) < 1, `${figures.offered}`);
    assert.ok(Math.abs(figures.done - 280) < 6, `${figures.done}`);
    assert.ok(figures.backlogGrowth < 0.01, `${figures.backlogGrowth}`);
    assert.deepEqual([figures.failedShare, figures.unsent, figures.databaseBytes], [0, 0, 4_096]);
  });

  it("fails by its backlog where no percentile shows the overload yet", async () => {
    const { verdict, failed, figures, findings } = await tryAt(320, 9, tokens(300));
    assert.equal(verdict, "fail");
    assert.deepEqual(
      failed.map(({ threshold }) => threshold),
      [BACKLOG],
    );
    // Of 320 a second 20 are left over.
    assert.ok(Math.abs(figures.backlogGrowth - 20 / 320) < 0.015, `${figures.backlogGrowth}`);
    assert.equal(failed[0]?.value, figures.backlogGrowth);
    assert.ok(findings.some(({ id }) => id === "overload"));
  });

  it("names first what is missed by the largest factor", async () => {
    const { failed } = await tryAt(450, 9, tokens(300));
    assert.deepEqual(failed.map(({ threshold }) => threshold).sort(), [
      UNSENT,
      BACKLOG,
      "nostr_publish_failed: rate<0.01",
      "nostr_publish_response_time: p(99)<1000",
    ]);
    // Any that is unsent is too many: that has no factor, and does not stand before the others for it.
    assert.equal(failed.at(-1)?.threshold, UNSENT);
    const factors = failed.slice(0, -1).map(({ value, limit }) => (value ?? 0) / (limit ?? 1));
    assert.deepEqual(
      factors,
      [...factors].sort((a, b) => b - a),
    );
  });

  it("says nothing of the relay where the generator was late, whatever the thresholds say", async () => {
    const late = { timersLateMs: 300 };
    const { verdict, voidReason, generator } = await tryAt(100, 9, tokens(3_000), late);
    assert.deepEqual([verdict, generator], ["void", "invalid"]);
    assert.match(voidReason ?? "", /late|lag/);
  });

  it("fails where the relay took no connection at all", async () => {
    const refused = { error: "dial tcp 127.0.0.1:7777: connect: connection refused" };
    const { verdict } = await tryAt(100, 9, tokens(300), { handshake: () => refused });
    assert.equal(verdict, "fail");
  });
});

describe("what an objective always has", () => {
  it("fails a trial by what was never sent, which no percentile and no share of failures knows of", async () => {
    const error = "dial tcp 127.0.0.1:7777: connect: connection refused";
    const handshake = (place: number) => (place >= 199 ? { error } : ("open" as const));
    const own = { CLIENTS: "200" };
    const { verdict, failed, figures } = await tryAt(200, 9, tokens(300), { handshake }, own);
    assert.equal(verdict, "fail");
    assert.deepEqual(failed, [{ threshold: UNSENT, value: figures.unsent, limit: 0 }]);
    assert.ok(figures.unsent > 0 && (figures.failedShare ?? 1) < 0.01, `${figures.failedShare}`);
  });

  it("says nothing of the relay where a threshold has nothing to be judged by", async () => {
    const own = { THRESHOLDS: "nostr_publish_response_time{event:note}: p(99)<1000" };
    const { verdict, voidReason } = await tryAt(100, 9, tokens(300), {}, own);
    assert.equal(verdict, "void");
    assert.equal(voidReason, "no data for nostr_publish_response_time{event:note}: p(99)<1000");
  });
});

/** A trial of `connect`: EOSE comes for so many a second, one after the other. */
async function storm(perSec: number, load: number, lengthSec: number, conditions: Conditions = {}) {
  const texts = collectOptions({ relay: "ws://127.0.0.1:7777", mode: "storm" }, {}, "connect");
  const settings = { scale: "connect-rate" } as const;
  const planning = { scenario: "connect", texts, seed: "1", cores: 1, settings } as const;
  const plan = planAt(planning, { number: 1, load, lengthSec });
  const variables = planVariables(plan);
  let freeAtMs = 0;
  const relay: Relay = (frame, socket, atMs) => {
    const [verb, id] = JSON.parse(frame) as [string, string];
    if (verb !== "REQ") return;
    // Probes of what is held take none of it.
    if (id.startsWith("p")) return socket.answer(JSON.stringify(["EOSE", id]), 1);
    freeAtMs = Math.max(freeAtMs, atMs) + 1_000 / perSec;
    socket.answer(JSON.stringify(["EOSE", id]), freeAtMs - atMs);
  };
  const ran = await runScenario(null, variables, relay, { scenario: "connect", ...conditions });
  return judgeTrial(ran.report, null);
}

describe("a trial of handshakes", () => {
  it("passes below what the relay serves, and is told by its connections", async () => {
    const { verdict, failed, figures } = await storm(100, 95, 9);
    assert.deepEqual([verdict, failed], ["pass", []]);
    assert.deepEqual([figures.offered, figures.done, figures.failedShare], [570, 570, 0]);
    assert.ok((figures.p50 ?? 0) > 5 && (figures.p99 ?? 0) < 100, `${figures.p50} ${figures.p99}`);
  });

  it("fails by those who wait, where none of them waits too long yet", async () => {
    const { verdict, failed } = await storm(100, 107, 9);
    assert.deepEqual([verdict, failed.map(({ threshold }) => threshold)], ["fail", [BACKLOG]]);
    assert.ok(Math.abs((failed[0]?.value ?? 0) - 7 / 107) < 0.02, `${failed[0]?.value}`);
  });

  it("fails by its thresholds where connections are refused, or never served", async () => {
    const error = "websocket: bad handshake";
    const handshake = (place: number) => (place >= 300 ? { error } : ("open" as const));
    const refused = await storm(1_000, 95, 9, { handshake });
    assert.equal(refused.verdict, "fail");
    assert.equal(refused.failed[0]?.threshold, "nostr_connect_failed: rate<0.01");
  });
});

/** A trial of `fanout` with 20 subscribers, of which the relay serves so many, and so many deliveries a second. */
async function fan({ serves = 20, perSec = 1e6, rate = 40 }) {
  let freeAtMs = 0;
  const relay = new FanRelay({
    request: (subscription, own) => {
      if (subscription.place < serves) own.open(subscription);
      else
        subscription.socket.answer(JSON.stringify(["CLOSED", subscription.id, "error: full"]), 1);
    },
    deliver: ({ receivedMs, subscription }) => {
      if (!subscription.isOpen) return [];
      freeAtMs = Math.max(freeAtMs, receivedMs) + 1_000 / perSec;
      return right(freeAtMs - receivedMs);
    },
  });
  const mix = parseMix("topic:4x1:1");
  const topics = await keepPool({ seed: "capacity", mix, events: 460, epoch: 1_767_225_600 });
  const variables = {
    ...{ SUBSCRIBERS: "20", PUBLISHERS: "2", FANOUT: "5", RATE_EPS: String(rate) },
    ...{ DURATION_SEC: "6", WARMUP_SEC: "3", DELIVERY_TIMEOUT_MS: "5000" },
  };
  const { report } = await runScenario(topics, variables, relay.receive, { scenario: "fanout" });
  return judgeTrial(report, null);
}

describe("a trial of deliveries", () => {
  it("passes where all come, and is told by them", async () => {
    const { verdict, failed, figures } = await fan({});
    assert.deepEqual([verdict, failed], ["pass", []]);
    assert.ok(Math.abs(figures.offered - 200) < 2, `${figures.offered}`);
    assert.ok(Math.abs(figures.done - 200) < 2, `${figures.done}`);
    assert.equal(figures.failedShare, 0);
  });

  it("fails by deliveries that wait, though every event has its OK and no percentile shows it", async () => {
    const { verdict, failed, figures } = await fan({ perSec: 186 });
    assert.deepEqual([verdict, failed.map(({ threshold }) => threshold)], ["fail", [BACKLOG]]);
    // Of 200 a second 14 are left over.
    assert.ok(Math.abs(figures.backlogGrowth - 14 / 200) < 0.02, `${figures.backlogGrowth}`);
    assert.ok((figures.p99 ?? 0) < 1_000 && (figures.p99 ?? 0) > 300, `${figures.p99}`);
  });

  it("fails by the subscriptions that the relay did not take, and blames no generator", async () => {
    const { verdict, failed, generator, findings, voidReason } = await fan({ serves: 17 });
    assert.deepEqual([verdict, voidReason, generator, findings], ["fail", undefined, "valid", []]);
    const unready = failed.find(({ threshold }) => threshold === UNREADY);
    assert.deepEqual(unready, { threshold: UNREADY, value: 3, limit: 0 });
  });
});

describe("a search of whole runs", () => {
  it("finds what the relay takes within the precision", async () => {
    const settings = {
      ...SETTINGS,
      ...{ from: 20, trialSec: 9, probeSec: 6, proveSec: 9, repeats: 1, precision: 0.1 },
    };
    let search = startSearch(settings);
    for (;;) {
      const step = next(search);
      if (step.kind === "end") {
        const { lastPassing, limit, proven, suspect } = step.result;
        assert.deepEqual([limit, proven, suspect], ["relay", true, null]);
        assert.ok(Math.abs((lastPassing ?? 0) / 67 - 1) <= settings.precision, `${lastPassing}`);
        return;
      }
      const { role, load, lengthSec } = step;
      const judged = await tryAt(load, lengthSec, tokens(67));
      const number = search.trials.length + 1;
      search = record(search, { ...judged, number, role, load, lengthSec, tookSec: lengthSec + 4 });
    }
  });
});
