/** The options of `connect`, and what its plan is. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { Reconnects } from "../src/load/reconnect.ts";
import { connectSeconds, cutAtSec, readConnectPlan } from "../src/plan/connect.ts";
import { collectOptions } from "../src/plan/options.ts";
import { defaultThresholds, ownThresholds, parseThresholds } from "../src/plan/thresholds.ts";
import { planVariables } from "../src/plan/variables.ts";
import { seededRandom } from "../src/random.ts";
import { planOf } from "./fixtures/reports/run.ts";

const readOf = (flags: Readonly<Record<string, string>>) =>
  readConnectPlan(collectOptions(flags, {}, "connect"), false);

describe("the plan of connections", () => {
  it("has the rate and the time of its mode, and the window that follows from them", () => {
    const seconds = (mode: string) => {
      const connect = readOf({ mode });
      return [connect.rate, connect.holdSec, connectSeconds(connect, 1_000)];
    };
    assert.deepEqual(seconds("storm"), [1_000, 10, 11]);
    assert.deepEqual(seconds("hold"), [100, 60, 70]);
    assert.deepEqual(seconds("churn"), [100, 120, 130]);
    assert.deepEqual(seconds("recover"), [100, 30, 70]);
    assert.equal(cutAtSec(readOf({ mode: "recover" }), 1_000), 40);
  });

  it("is the same made of its own variables", () => {
    for (const variables of [
      { CONNECT_MODE: "storm" },
      { CONNECT_MODE: "churn", SESSION_LENGTH: "fixed:2.5s", ON_OPEN: "none" },
      { ON_OPEN: "auth", AUTH_RELAY_URL: "wss://relay.example/" },
      { CONNECT_MODE: "recover", DROP_SHARE: "0.25", RECONNECT: "snort", CONNECT_RATE: "7" },
    ]) {
      const { connect, durationSec } = planOf(variables, "connect");
      const again = planOf(planVariables(planOf(variables, "connect")), "connect");
      assert.deepEqual([again.connect, again.durationSec], [connect, durationSec]);
    }
  });

  it("publishes nothing, and leaves the cut to who restarts the relay", () => {
    const { mix, rateEps, query, warmupSec } = planOf({}, "connect");
    assert.deepEqual([mix, rateEps, query, warmupSec], ["", 0, null, 0]);
    assert.equal(readOf({ mode: "recover" }).dropShare, 1);
    assert.equal(readOf({ mode: "recover", "restart-relay": "true" }).dropShare, 0);
  });

  it("is held against what it does: a relay that is restarted refuses, and is to have all back", () => {
    const metricsOf = (flags: Readonly<Record<string, string>>) =>
      parseThresholds(defaultThresholds("connect", readOf(flags))).map(({ metric }) => metric);
    const always = [
      ...["nostr_connect_failed", "nostr_connections_refused", "nostr_connections_mute"],
      ...["nostr_usable_time", "nostr_probes_unanswered"],
    ];
    assert.deepEqual(metricsOf({}), always);
    assert.deepEqual(metricsOf({ mode: "recover" }), [...always, "nostr_clients_unrecovered"]);
    const restarted = ["nostr_clients_unrecovered", "nostr_usable_time"];
    assert.deepEqual(metricsOf({ mode: "recover", "restart-relay": "true" }), restarted);
    const plan = planOf({ CONNECT_MODE: "recover", DROP_SHARE: "0" }, "connect");
    assert.deepEqual(plan.thresholds.map(({ metric }) => metric).slice(0, 2), restarted);
    assert.equal(ownThresholds(plan.thresholds, plan), null);
  });

  const refused: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ mode: "surge" }, /^CONNECT_MODE \(--mode\) must be `storm`, `hold`, `churn` or `recover`/],
    [{ "session-length": "fixed:1s" }, /belongs to `--mode churn`, got `hold`/],
    [{ mode: "churn", "drop-share": "1" }, /belongs to `--mode recover`, got `churn`/],
    [{ "restart-relay": "true" }, /belongs to `--mode recover`/],
    [
      { mode: "churn", "session-length": "60" },
      /`exp:SEC` \(drawn, with that mean\) or `fixed:SEC`/,
    ],
    [{ mode: "churn", "session-length": "exp:0.01s" }, /at least 0\.1/],
    [{ mode: "recover", "drop-share": "1.1" }, /from 0 to 1/],
    [{ "on-open": "sing" }, /must be `req`, `none` or `auth`/],
    [{ "auth-relay-url": "wss://relay.example" }, /belongs to `--on-open auth`/],
    [{ "on-open": "auth", "auth-relay-url": "relay.example" }, /ws:\/\/ or wss:\/\//],
    [{ reconnect: "never" }, /`immediate`, `nostr-tools`, `snort` or `jitter`/],
    [{ "connect-rate": "0" }, /from 0\.1 to 20000/],
    [{ duration: "5" }, /`--duration` has no say in `connect`/],
    [{ warmup: "5" }, /`--warmup` has no say in `connect`/],
    [{ rate: "5" }, /`--rate` has no say in `connect`/],
  ];
  for (const [flags, message] of refused) {
    it(`refuses ${JSON.stringify(flags)}`, () => {
      const isRefusal = (error: unknown) =>
        error instanceof ConfigError && message.test(error.message);
      assert.throws(() => readOf(flags), isRefusal);
    });
  }
});

describe("who comes back", () => {
  const delays = (policy: ConstructorParameters<typeof Reconnects>[0], tries: number) => {
    const reconnects = new Reconnects(policy, seededRandom("back", policy), 1);
    return Array.from({ length: tries }, () => reconnects.nextMs(0));
  };

  it("waits as the client does that it is named after", () => {
    const sec = (list: readonly number[]) => list.map((ms) => ms / 1_000);
    assert.deepEqual(sec(delays("nostr-tools", 9)), [10, 10, 10, 20, 20, 30, 60, 60, 60]);
    assert.deepEqual(sec(delays("snort", 5)), [4, 8, 16, 32, 64]);
    assert.deepEqual(sec(delays("immediate", 3)), [0, 1, 1]);
  });

  it("begins anew as it does: at an open connection, at a proven one, or never", () => {
    const anew = {
      "nostr-tools": "open",
      jitter: "proven",
      immediate: "proven",
      snort: null,
    } as const;
    for (const policy of ["nostr-tools", "jitter", "immediate", "snort"] as const) {
      for (const what of ["open", "proven"] as const) {
        const reconnects = new Reconnects(policy, () => 0.999_999, 1);
        const first = reconnects.nextMs(0);
        for (let n = 0; n < 8; n++) reconnects.nextMs(0);
        reconnects.note(0, what);
        assert.equal(reconnects.nextMs(0) === first, anew[policy] === what, `${policy}: ${what}`);
      }
    }
  });

  it("by jitter waits anything up to a bound that doubles", () => {
    const bounds = [1, 2, 4, 8, 16, 32, 60, 60].map((sec) => sec * 1_000);
    const all = Array.from({ length: 200 }, (_, i) => {
      const reconnects = new Reconnects("jitter", seededRandom(String(i), "jitter"), 1);
      return bounds.map(() => reconnects.nextMs(0));
    });
    for (const [i, bound] of bounds.entries()) {
      const tries = all.map((list) => list[i] ?? 0);
      const mean = tries.reduce((sum, ms) => sum + ms, 0) / tries.length;
      assert.ok(Math.max(...tries) <= bound, `${i}`);
      assert.ok(mean > bound * 0.4 && mean < bound * 0.6, `${i}: ${mean} of ${bound}`);
    }
  });
});
