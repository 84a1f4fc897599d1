import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import { mostArrivals } from "../src/load/arrivals.ts";
import { makePool } from "../src/node/pool/make.ts";
import { describePlan } from "../src/node/run/dry-run.ts";
import { mostSeconds } from "../src/plan/duration.ts";
import type { OptionName } from "../src/plan/option-table.ts";
import { collectOptions, optionLabel } from "../src/plan/options.ts";
import { buildPlan, eventsNeeded, planText } from "../src/plan/plan.ts";
import { defaultThresholds, parseThresholds, withLeast } from "../src/plan/thresholds.ts";
import { seededRandom } from "../src/random.ts";
import { dueTimes, planOf } from "./fixtures/reports/run.ts";

const RELAY = { RELAY_URL: "ws://127.0.0.1:7777" };
const planFrom = (variables: Readonly<Record<string, string>>) =>
  buildPlan("publish", collectOptions({}, { ...RELAY, ...variables }), "drawn");

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

describe("buildPlan", () => {
  it("has the defaults of the documentation", () => {
    const { relays, thresholds, vus, cores, ...plan } = planFrom({});
    assert.deepEqual(plan, {
      scenario: "publish",
      clients: 1_000,
      durationSec: 600,
      rateEps: 50,
      mix: "view:0.9,video:0.1",
      query: null,
      fanout: null,
      connect: null,
      seed: "drawn",
      arrival: "constant",
      pacing: "shared",
      maxInFlight: 16,
      connectConcurrency: 50,
      ackTimeoutMs: 10_000,
      warmupSec: 0,
      pingSec: 0,
      headers: [],
      clientIpHeader: null,
      localIps: null,
      compression: false,
      instances: 1,
      reportDir: "reports/load-test",
      allowPrivate: false,
      dedicatedHost: null,
    });
    assert.deepEqual(
      relays.map((relay) => relay.label),
      ["127.0.0.1:7777"],
    );
    assert.deepEqual(
      thresholds,
      withLeast(parseThresholds(defaultThresholds("publish")), "publish"),
    );
    assert.equal(vus, 1);
  });

  const numbers: readonly (readonly [OptionName, variable: string, bad: readonly string[]])[] = [
    ["clients", "CLIENTS", ["0", "-1", "1.5", "20001", "many", "1,000", "0x10", "1e999", "NaN"]],
    ["duration", "DURATION_SEC", ["0", "-1", "0.5", "86401", "10s", "Infinity"]],
    ["rate", "RATE_EPS", ["0", "-5", "0.001", "100001", "fast", "1 000", "1,5"]],
    ["maxInFlight", "MAX_IN_FLIGHT", ["0", "-1", "2.5", "10001", "x"]],
    ["connectConcurrency", "CONNECT_CONCURRENCY", ["0", "-1", "2.5", "10001", "x"]],
    ["ackTimeout", "ACK_TIMEOUT_MS", ["0", "9", "-1", "10.5", "600001", "1s"]],
    ["warmup", "WARMUP_SEC", ["-1", "86401", "x"]],
    ["ping", "PING_SEC", ["-1", "0.05", "86401", "10s"]],
  ];
  for (const [name, variable, bad] of numbers) {
    for (const text of bad) {
      it(`refuses ${variable}=${text}, naming the option and the input`, () => {
        assert.throws(
          () => planFrom({ [variable]: text }),
          (error) =>
            error instanceof ConfigError &&
            error.message.startsWith(`${optionLabel(name)} must be `) &&
            error.message.includes(`got \`${text}\``),
        );
      });
    }
  }

  const others: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ RELAY_URL: "" }, /^RELAY_URL \(--relay\) is required/],
    [{ RELAY_URL: "http://127.0.0.1" }, /must use ws:\/\/ or wss:\/\//],
    [{ ARRIVAL: "burst" }, /^ARRIVAL \(--arrival\) must be `constant` or `poisson`, got `burst`$/],
    [{ SEED: "a b" }, /^SEED \(--seed\) must be 1 to 32 .*, got `a b`$/],
    [{ SEED: "x".repeat(33) }, /^SEED \(--seed\) must be 1 to 32/],
    [{ THRESHOLDS: "x" }, /^THRESHOLDS \(--threshold\) must be/],
    [{ ALLOW_PRIVATE: "maybe" }, /^ALLOW_PRIVATE .*got `maybe`$/],
    [{ FORCE: "please" }, /^FORCE \(--force\) .*got `please`$/],
    [
      { RELAY_URL: "ws://127.0.0.1:1,ws://127.0.0.1:2,ws://127.0.0.1:3", CLIENTS: "2" },
      /^CLIENTS \(--clients\) must be at least the number of relays \(3\), got `2`$/,
    ],
    [{ RATE_EPS: "100000", DURATION_SEC: "3600" }, /more than 20000000\n.*--force/],
    [{ RATE_EPS: "0.1", DURATION_SEC: "5" }, /at least one event, got `0.1 × 5`$/],
  ];
  for (const [variables, pattern] of others) {
    it(`refuses ${JSON.stringify(variables)}`, () => {
      assert.throws(() => planFrom(variables), refusal(pattern));
    });
  }

  const keys = [
    `nsec1${"q".repeat(58)}`,
    `NSEC1${"Q".repeat(58)}`,
    ` nsec1${"q".repeat(20)}`,
    `ncryptsec1${"q".repeat(100)}`,
    ` ncryptsec1${"q".repeat(100)}`,
    "0123456789abcdef".repeat(4),
    "0123456789ABCDEF".repeat(4),
    ` ${"0123456789abcdef".repeat(4)}`,
    `${"0123456789abcdef".repeat(4)}00`,
  ];
  for (const key of keys) {
    it(`refuses the key-like text ${key.slice(0, 8)}… wherever it is given, and shows none of it`, () => {
      for (const variable of ["SEED", "CLIENTS", "RATE_EPS", "ARRIVAL", "ALLOW_PRIVATE"]) {
        assert.throws(
          () => planFrom({ [variable]: key }),
          (error) =>
            error instanceof ConfigError &&
            error.message.includes(`${variable} (--`) &&
            !error.message.includes(key.trim().slice(0, 8)),
        );
      }
    });
  }

  it("lifts bounds that keep figures safe by force, and no other", () => {
    const forced = { CLIENTS: "30000", RATE_EPS: "200000", DURATION_SEC: "100000" };
    assert.throws(() => planFrom(forced), ConfigError);
    assert.equal(planFrom({ ...forced, FORCE: "1" }).rateEps, 200_000);
    for (const variables of [{ CLIENTS: "0" }, { RATE_EPS: "-1" }, { MAX_IN_FLIGHT: "10001" }]) {
      assert.throws(() => planFrom({ ...variables, FORCE: "1" }), ConfigError);
    }
  });

  it("takes the seed that is given", () => {
    assert.equal(planFrom({ SEED: "A.b_c-9" }).seed, "A.b_c-9");
  });

  it("never has more VUs than clients, nor fewer than one", () => {
    const rates = fc.integer({ min: 1, max: 100_000 }).map(String);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), rates, (clients, rate) => {
        const plan = planFrom({ CLIENTS: `${clients}`, RATE_EPS: rate, DURATION_SEC: "10" });
        assert.ok(Number.isInteger(plan.vus) && plan.vus >= 1 && plan.vus <= clients);
      }),
    );
  });
});

describe("eventsNeeded", () => {
  it("gives each VU's part of the pool all that it may ask for", () => {
    const plans = fc.record({
      ARRIVAL: fc.constantFrom("constant", "poisson"),
      CLIENTS: fc.integer({ min: 1, max: 20_000 }).map(String),
      RATE_EPS: fc.integer({ min: 100, max: 2_000_000 }).map((n) => String(n / 100)),
      DURATION_SEC: fc.integer({ min: 10, max: 25 }).map((n) => String(n / 10)),
      WARMUP_SEC: fc.constantFrom("0", "0.3"),
      SEED: fc.stringMatching(/^[a-z]{1,8}$/),
    });
    fc.assert(
      fc.property(plans, (variables) => {
        const plan = planFrom(variables);
        const needed = eventsNeeded(plan);
        const scheduleMs = (plan.warmupSec + plan.durationSec) * 1_000;
        for (let share = 0; share < plan.vus; share++) {
          const due = dueTimes({
            kind: plan.arrival,
            ratePerSecond: plan.rateEps,
            durationMs: scheduleMs,
            share,
            shares: plan.vus,
            random: seededRandom(plan.seed, `arrivals/${share}`),
          });
          const asked = [...due].length;
          // Lines of one VU: less at most a set at either end, which has up to 16 events.
          const part =
            Math.floor((needed * (share + 1)) / plan.vus) - Math.floor((needed * share) / plan.vus);
          assert.ok(asked <= part - 15, `${asked} of ${part}`);
          assert.ok(mostArrivals(plan.arrival, plan.rateEps / plan.vus, scheduleMs) <= part - 15);
        }
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});

describe("planText", () => {
  it("is the same for plans of the same load, and another for another", () => {
    const text = (variables: Record<string, string>) => planText(planOf(variables), "pool");
    assert.equal(text({ REPORT_DIR: "elsewhere" }), text({}));
    assert.equal(text({ THRESHOLDS: "nostr_connect_time: max<1" }), text({}));
    for (const variables of [{ RATE_EPS: "101" }, { SEED: "x" }, { ARRIVAL: "poisson" }]) {
      assert.notEqual(text(variables), text({}));
    }
    assert.notEqual(planText(planOf(), "other"), text({}));
  });

  it("holds no path of a relay", () => {
    const plan = planOf({ RELAY_URL: "ws://127.0.0.1:7777/secret?token=secret" });
    assert.doesNotMatch(planText(plan, "pool"), /secret/);
  });

  it("holds the names of headers and not their values", () => {
    const text = planText(planOf({ RELAY_HEADERS: "Authorization: Basic c2VjcmV0" }), "pool");
    assert.match(text, /Authorization/);
    assert.doesNotMatch(text, /c2VjcmV0/);
  });
});

describe("mostSeconds", () => {
  it("is longer than warm-up, window and the wait for answers together", () => {
    const plan = planOf({ WARMUP_SEC: "5", ACK_TIMEOUT_MS: "20000" });
    assert.ok(mostSeconds(plan) >= 5 + 10 + 20);
    assert.ok(Number.isInteger(mostSeconds(plan)));
  });
});

describe("describePlan", () => {
  it("says what would be sent where, and nothing secret", async () => {
    const plan = planOf({ RELAY_URL: "ws://127.0.0.1:7777/secret", SEED: "abc", WARMUP_SEC: "2" });
    const text = await describePlan(plan);
    for (const part of [
      "nothing is sent, resolved or written",
      "ws://127.0.0.1:7777 ",
      "10 connections",
      "100 events/s, constant, 2 s warm-up, 10 s window",
      "1,000 in the window",
      "abc",
      "rate<0.01",
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.doesNotMatch(text, /secret/);
  });

  it("says of events that are there what they are, not what would be made", async (t) => {
    const plan = planOf({ RELAY_URL: "ws://127.0.0.1:7777" });
    const replay = await describePlan(plan, { events: "export/all.jsonl" });
    assert.match(replay, /pool of the events in all\.jsonl/);
    assert.match(replay, /^mix +the file's$/m);
    const root = await mkdtemp(join(tmpdir(), "k6-nostr-plan-"));
    t.after(() => rm(root, { recursive: true }));
    const pool = join(root, "pool");
    await makePool({ dir: pool, seed: "s", mix: { note: 1 }, events: 4, epoch: 1e9, workers: 1 });
    assert.match(await describePlan(plan, { pool }), /^mix +note:1, the pool's$/m);
  });
});
