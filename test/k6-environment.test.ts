import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findProxies } from "../src/guard/proxy.ts";
import {
  garbageTarget,
  type K6Request,
  k6Arguments,
  k6Environment,
  memoryLimit,
  openingTarget,
} from "../src/node/k6/environment.ts";
import { memoryRoomOf } from "../src/node/preflight/machine.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { planOf } from "./fixtures/reports/run.ts";

const request: K6Request = {
  plan: planOf({ THRESHOLDS: "nostr_publish_failed: rate<0.02; nostr_connect_time: max<5,avg<1" }),
  dialUrls: ["ws://127.0.0.1:7777/path?token=secret"],
  poolDir: "/pools/0123",
  poolUrl: null,
  runId: "run-1",
  runDir: "/reports/runs/run-1",
  script: "/dist/publish.js",
  allowed: ["127.0.0.1"],
  hosts: { "relay.test": "127.0.0.1" },
  blacklist: ["0.0.0.0/2", "::/0"],
  memory: null,
};

const hostile = {
  PATH: "/bin",
  HOME: "/home/me",
  K6_VUS: "5",
  K6_BLACKLIST_IPS: "",
  K6_NO_USAGE_REPORT: "false",
  K6_CLOUD_TOKEN: "secret",
  k6_vus: "5",
  HTTP_PROXY: "http://proxy",
  https_proxy: "http://proxy",
  ALL_PROXY: "socks://proxy",
  no_proxy: "",
  NODE_OPTIONS: "--inspect",
  RELAY_URL: "wss://elsewhere.example",
  INTERNAL_NETWORK: "1",
  GODEBUG: "netdns=go",
};

describe("k6Environment", () => {
  const environment = k6Environment(request, hostile);

  it("inherits nothing of k6's and no proxy", () => {
    const ours = { K6_NO_USAGE_REPORT: "true", K6_AUTO_EXTENSION_RESOLUTION: "false" };
    const k6 = Object.entries(environment).filter(([name]) => /^k6_/i.test(name));
    assert.deepEqual(Object.fromEntries(k6), ours);
    assert.deepEqual(findProxies(environment), []);
    assert.equal(environment.NO_PROXY, "*");
    assert.ok(Object.keys(environment).every((name) => !/^(https?|all)_proxy$/i.test(name)));
  });

  it("inherits only what a process needs to run", () => {
    const inherited = Object.keys(hostile).filter(
      (name) => environment[name] === hostile[name as keyof typeof hostile],
    );
    assert.deepEqual(inherited, ["PATH", "HOME"]);
  });

  it("is the same whatever else is set around it", () => {
    const { PATH, HOME } = hostile;
    assert.deepEqual(environment, k6Environment(request, { PATH, HOME }));
  });

  it("lets the script derive the very plan it was made from", () => {
    const plan = buildPlan("publish", collectOptions({}, environment), "another");
    const dialled = planOf({ RELAY_URL: request.dialUrls.join(",") });
    assert.deepEqual(plan, { ...request.plan, relays: dialled.relays });
  });

  it("lets the script derive the same queries", () => {
    const given = { QUERY_MIX: "feeds", CORPUS: "relay", PAGES: "4", KEEP_LIVE: "1", SEED: "s" };
    const texts = { ...given, RELAY_URL: "ws://127.0.0.1:7777", MAX_IN_FLIGHT: "3" };
    const planFrom = (variables: Readonly<Record<string, string>>) =>
      buildPlan("query", collectOptions({}, variables, "query"), "drawn");
    const plan = planFrom(texts);
    const own = k6Environment({ ...request, dialUrls: [texts.RELAY_URL], plan }, {});
    assert.deepEqual(planFrom(own), plan);
  });

  it("says what may be dialled", () => {
    assert.equal(environment.ALLOWED_ADDRESSES, "127.0.0.1");
    assert.equal(environment.HOSTS, "relay.test=127.0.0.1");
  });
});

describe("k6Environment, for the read-back", () => {
  it("has publishes noted only when it is asked for", () => {
    assert.equal(k6Environment(request, {}).AUDIT_EVERY, "0");
    assert.equal(k6Environment({ ...request, auditEvery: 3 }, {}).AUDIT_EVERY, "3");
  });
});

describe("k6Environment, for answers", () => {
  it("says how many rows each relay answers a filter with, where that is known", () => {
    assert.equal(k6Environment({ ...request, rowCaps: [500, 0] }, {}).ROW_CAP, "500,0");
    assert.equal(k6Environment(request, {}).ROW_CAP, "");
  });
});

describe("k6Environment, beside the load", () => {
  it("sends metrics where it was told to, and nowhere else", () => {
    const metricsUrl = "http://127.0.0.1:9090/api/v1/write";
    const environment = k6Environment({ ...request, metricsUrl }, { ...hostile, K6_OUT: "cloud" });
    assert.equal(environment.K6_OUT, "experimental-prometheus-rw");
    assert.equal(environment.K6_PROMETHEUS_RW_SERVER_URL, metricsUrl);
    assert.equal(k6Environment(request, { K6_OUT: "cloud" }).K6_OUT, undefined);
  });

  it("tells the script of isolated networks only when the CLI found some", () => {
    assert.equal(k6Environment(request, hostile).INTERNAL_NETWORK, "");
    const found = k6Environment({ ...request, isolatedNetworks: ["172.18.0.0/16"] }, {});
    assert.equal(found.INTERNAL_NETWORK, "1");
    assert.equal(found.ISOLATED_NETWORKS, "172.18.0.0/16");
  });
});

describe("k6Environment, for Go's collector of garbage", () => {
  it("leaves the heap of few clients room for what a fast run throws away, and each client its memory", () => {
    // 200 MiB for none lost 8 % of saturated publishing: `bare` of the bench.
    const limits = [1, 100, 1_000, 10_000].map((clients) => memoryLimit(clients));
    assert.deepEqual(limits, ["260MiB", "275MiB", "410MiB", "1760MiB"]);
  });

  it("collects seldom with few clients, and as Go does with many", () => {
    const targets = [1, 100, 1_000, 5_000, 10_000].map((clients) => garbageTarget(clients));
    assert.deepEqual(targets, [852, 753, 366, 111, 100]);
  });

  it("collects no oftener at a high rate, which throws away more", () => {
    const rates = [0, 1_000, 10_000, 100_000];
    const limits = rates.map((rate) => memoryLimit(100, rate));
    assert.deepEqual(limits, ["275MiB", "282MiB", "345MiB", "415MiB"]);
    assert.deepEqual(
      rates.map((rate) => garbageTarget(100, rate)),
      [753, 774, 959, 1_165],
    );
  });

  it("collects seldom where a collection of many clients takes long, as far as memory is free", () => {
    const of = (clients: number, rate: number, spareMb: number) => {
      const memory = { freeBytes: 64e9, spareBytes: spareMb * 1e6, heldBytes: 0 };
      return [garbageTarget(clients, rate, memory), memoryLimit(clients, rate, memory)];
    };
    // Half a second each, so one in 45 s: 24 MB/s of garbage come to 1,080 MB.
    assert.deepEqual(of(10_000, 2_000, 8_000), [251, "2584MiB"]);
    assert.deepEqual(of(10_000, 2_000, 2_000), [176, "2260MiB"]);
    assert.deepEqual(of(10_000, 2_000, 0), [100, memoryLimit(10_000, 2_000)]);
    assert.deepEqual(of(10_000, 20_000, 64_000), [408, "3260MiB"]);
    // Of few clients one is short.
    assert.deepEqual(of(100, 10_000, 8_000), [959, "345MiB"]);
  });

  it("hardly collects as connections open, where there is memory for what each throws away", () => {
    const of = (clients: number, spareMb: number) =>
      openingTarget(clients, { freeBytes: 64e9, spareBytes: spareMb * 1e6, heldBytes: 0 });
    // 850 MB, a quarter of what is spare.
    assert.deepEqual([of(10_000, 3_400), of(10_000, 3_399)], [1_300, 100]);
    assert.deepEqual([of(1_000, 340), of(1_000, 339)], [1_300, 366]);
    // Above 1.5 GB it takes too much.
    assert.deepEqual([of(17_600, 64_000), of(17_700, 64_000)], [1_300, 100]);
    assert.equal(openingTarget(10_000, null), 100);
    const plan = planOf({ CONNECT_MODE: "hold", CLIENTS: "10000" }, "connect");
    const memory = { freeBytes: 16e9, spareBytes: 8e9, heldBytes: 0 };
    const { GOGC, GOMEMLIMIT } = k6Environment({ ...request, plan, memory }, {});
    assert.deepEqual([GOGC, GOMEMLIMIT], ["1300", "1760MiB"]);
  });

  it("has both as they are for an instance's clients and its rate", () => {
    for (const [INSTANCES, CLIENTS, RATE_EPS] of [
      ["1", "400", "5000"],
      ["4", "1600", "20000"],
    ] as const) {
      const plan = planOf({ INSTANCES, CLIENTS, RATE_EPS });
      const { GOMEMLIMIT, GOGC } = k6Environment({ ...request, plan }, {});
      assert.deepEqual([GOMEMLIMIT, GOGC], ["355MiB", "633"]);
    }
  });

  it("with what preflight counts never takes more than is free", () => {
    let takers = 0;
    for (const clients of [10, 1_000, 10_000, 20_000]) {
      for (const rate of [100, 2_000, 30_000]) {
        for (const instances of [1, 4]) {
          for (const freeBytes of [0.3e9, 0.5e9, 1.3e9, 3e9, 16e9]) {
            const plan = { clients: clients * instances, instances };
            const memory = memoryRoomOf(plan, { freeBytes }, 50e6);
            const text = `${clients} clients, ${rate}/s, ${instances} instances, ${freeBytes} B`;
            const limit = Number.parseInt(memoryLimit(clients, rate, memory), 10);
            assert.ok(limit * 2 ** 20 <= freeBytes, text);
            if (memory.spareBytes === 0) continue;
            const usual = garbageTarget(clients, rate, { ...memory, spareBytes: 0 });
            const more = garbageTarget(clients, rate, memory) - usual;
            if (more > 0) takers++;
            const moreBytes = (more / 100) * (30 + 0.04 * clients + 2 * 50) * 1e6;
            const needed = freeBytes - memory.spareBytes * instances;
            assert.ok(needed + instances * moreBytes <= freeBytes, text);
          }
        }
      }
    }
    assert.ok(takers > 10, `${takers} take more`);
  });
});

describe("k6Arguments", () => {
  const args = k6Arguments(request);

  it("hold the whole blacklist, each network with its flag", () => {
    const given = args.flatMap((arg, i) => (arg === "--blacklist-ip" ? [args[i + 1]] : []));
    assert.deepEqual(given, request.blacklist);
  });

  it("show neither the relay nor the seed to other users of the machine", () => {
    const line = args.join(" ");
    for (const hidden of ["127.0.0.1", "secret", "ws://", request.plan.seed]) {
      assert.ok(!line.includes(hidden), hidden);
    }
  });

  it("name the addresses that connections come from, where they were given", () => {
    assert.ok(!args.includes("--local-ips"));
    const plan = planOf({ LOCAL_IPS: "127.0.0.2-127.0.0.4" });
    const given = k6Arguments({ ...request, plan });
    assert.equal(given[given.indexOf("--local-ips") + 1], "127.0.0.2-127.0.0.4");
  });

  it("switch the usage report off and end with the script", () => {
    assert.equal(args[0], "run");
    assert.ok(args.includes("--no-usage-report"));
    assert.equal(args.at(-1), request.script);
  });
});
