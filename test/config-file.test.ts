/** `--config`: options by name in a file, and a report's own as such a file. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { readAsked } from "../src/node/asked.ts";
import { parseConfig } from "../src/node/config-file.ts";
import { keepOptions } from "../src/plan/kept-options.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { SCENARIO_NAMES } from "../src/plan/scenarios.ts";
import { keptOf } from "../src/plan/variables.ts";
import type { Report } from "../src/report/types.ts";
import { buildOf, completeOf, planOf } from "./fixtures/reports/run.ts";

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-config-"));
});
after(() => rm(dir, { recursive: true }));

/** Writes a file and gives its path. */
async function file(value: unknown, name = "own.json"): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

describe("parseConfig", () => {
  it("takes texts, numbers, switches and lists by the names of the flags", () => {
    const { flags, scenario, withheld } = parseConfig(
      {
        scenario: "query",
        "query-rate": 50,
        relay: ["ws://127.0.0.1:1", "ws://127.0.0.1:2"],
        threshold: ["nostr_query_wrong: count==0", "nostr_query_failed: rate<1"],
        seed: "s",
        "keep-live": true,
        force: false,
        "allow-private": "1",
      },
      "c.json",
    );
    assert.deepEqual(flags, {
      "query-rate": "50",
      relay: "ws://127.0.0.1:1,ws://127.0.0.1:2",
      threshold: "nostr_query_wrong: count==0;nostr_query_failed: rate<1",
      seed: "s",
      "keep-live": "1",
      force: "0",
      "allow-private": "1",
    });
    assert.deepEqual([scenario, withheld], ["query", []]);
  });

  it("takes a report's account of its options, and what is lacking there", () => {
    const config = {
      clients: 5,
      relays: ["x:1"],
      options: { rate: "7" },
      withheld: ["header", "x"],
    };
    const expected = { flags: { rate: "7" }, withheld: ["header"] };
    assert.deepEqual(parseConfig(config, "c.json"), expected);
  });

  const nsec = `nsec1${"q".repeat(58)}`;
  const refused: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [
      { "query-rat": 5 },
      /^`c\.json` \(--config\) names `query-rat`.*did you mean `query-rate`\?\n/,
    ],
    [{ RATE_EPS: 5 }, /names `RATE_EPS`, which is no option; did you mean `rate`\?/],
    [{ "--rate": 5 }, /names `--rate`, which is no option; did you mean `rate`\?/],
    [{ entirely: 5 }, /names `entirely`, which is no option\n/],
    [{ toString: 5 }, /names `toString`/],
    [{ [nsec]: 5 }, /names `\(looks like a key; not shown\)`/],
    [{ rate: true }, /^`rate` in `c\.json` \(--config\) must be a text or a number, got `true`$/],
    [{ rate: null }, /^`rate` .*got `null`$/],
    [{ rate: ["1"] }, /^`rate` .*must be a text or a number, got `\["1"\]`$/],
    [{ rate: "" }, /^`rate` .*got `""`$/],
    [{ relay: { a: 1 } }, /^`relay` .*must be a text, or a list of texts, got/],
    [{ relay: ["ws://a", 5] }, /^`relay` /],
    [{ audit: "yes" }, /^`audit` .*must be true or false, got `"yes"`$/],
    [{ audit: 1 }, /^`audit` .*must be true or false, got `1`$/],
    [{ scenario: 5 }, /^`scenario` .*must be a text, got `5`$/],
    [{ rate: { key: nsec } }, /^`rate` .*got `\(looks like a key; not shown\)`$/],
  ];
  for (const [value, message] of refused) {
    it(`refuses ${JSON.stringify(value).slice(0, 40)}`, () => {
      assert.throws(() => parseConfig(value, "c.json"), refusal(message));
    });
  }
});

describe("readAsked", () => {
  it("lets flags win over the file, the file over the environment, that over the default", async () => {
    const config = await file({ rate: 20, clients: 20, relay: "ws://127.0.0.1:1" });
    const environment = { RATE_EPS: "30", CLIENTS: "30", DURATION_SEC: "30", AUDIT: "" };
    const asked = await readAsked(["publish"], { config, rate: "10" }, environment);
    const { rate, clients, duration, warmup } = asked.texts;
    assert.deepEqual([rate, clients, duration, warmup], ["10", "20", "30", "0"]);
    assert.deepEqual(asked.given, ["clients", "duration", "rate", "relay"]);
  });

  it("lets a switch of the file turn one of the environment off", async () => {
    const config = await file({ audit: false });
    assert.equal((await readAsked(["publish"], { config }, { AUDIT: "1" })).texts.audit, "0");
  });

  it("takes the scenario of the command line, else the file's, else the command's", async () => {
    const config = await file({ scenario: "query" });
    assert.equal((await readAsked([], { config }, {})).scenario, "query");
    assert.equal((await readAsked(["publish"], { config }, {})).scenario, "publish");
    assert.equal((await readAsked([], {}, {}, "playback")).scenario, "playback");
    await assert.rejects(readAsked([], {}, {}), refusal(/^a scenario is required/));
    const wrong = await file({ scenario: "quary" });
    await assert.rejects(
      readAsked([], { config: wrong }, {}),
      refusal(/^unknown scenario `quary`; did you mean `query`\?/),
    );
  });

  it("refuses what the file says of another scenario, by the file's name", async () => {
    const config = await file({ rate: 5 });
    await assert.rejects(
      readAsked(["query"], { config }, {}),
      refusal(
        /^`rate` in `.*own\.json` \(--config\) has no say in `query`; it belongs to `publish`/,
      ),
    );
  });

  it("refuses secrets and files that are none", async () => {
    const key = await file({ seed: `nsec1${"q".repeat(58)}` });
    await assert.rejects(
      readAsked(["publish"], { config: key }, {}),
      refusal(/^SEED \(--seed\) looks like a secret key; it is not shown/),
    );
    const cases = [
      ["nowhere.json", null, /can't be read \(ENOENT\)$/],
      ["text.json", "rate: 5", /can't be read \(not JSON\)$/],
      ["list.json", [{ rate: 5 }], /must hold one JSON object$/],
      [
        "old.json",
        { schema: "k6-nostr/report@0" },
        /has the schema `k6-nostr\/report@0`, expected/,
      ],
    ] as const;
    for (const [name, value, message] of cases) {
      const config = value === null ? join(dir, name) : await file(value, name);
      await assert.rejects(readAsked(["publish"], { config }, {}), refusal(message));
    }
  });

  it("asks again for what a report withheld", async () => {
    const config = await file({ options: { rate: "5" }, withheld: ["header", "relay"] });
    await assert.rejects(
      readAsked(["publish"], { config }, { RELAY_URL: "ws://127.0.0.1:1" }),
      refusal(/does not hold what was given with `--header`: a report keeps no secrets/),
    );
    const flags = { config, header: "X: y" };
    const { texts } = await readAsked(["publish"], flags, { RELAY_URL: "ws://127.0.0.1:1" });
    assert.deepEqual([texts.rate, texts.header, texts.relay], ["5", "X: y", "ws://127.0.0.1:1"]);
    // Where it has no say, nothing is lacking.
    const audited = await file({ options: {}, withheld: ["pool"] });
    assert.equal((await readAsked(["query"], { config: audited }, {})).scenario, "query");
  });
});

describe("a report", () => {
  const variables = {
    RELAY_URL: "ws://127.0.0.1:7777,wss://relay.test",
    RATE_EPS: "80",
    MIX: "playback",
    WARMUP_SEC: "2",
    ARRIVAL: "poisson",
    THRESHOLDS: "nostr_publish_failed: rate<0.5; nostr_connect_time: max<9, avg<3",
    PING_SEC: "5",
    CLIENT_IP_HEADER: "X-Real-IP",
    LOCAL_IPS: "127.0.0.2-127.0.0.4",
    COMPRESSION: "1",
    SEED: "seed-1",
  };
  const again = async (report: Report, more: Readonly<Record<string, string>> = {}) => {
    const config = await file(report, "report.json");
    const { scenario, texts } = await readAsked([], { config, ...more }, {});
    return buildPlan(scenario, texts, "another");
  };

  it("repeats its run, also where k6 alone wrote it", async () => {
    const plan = planOf(variables);
    assert.deepEqual(await again(buildOf({ plan })), plan);
    const defaults = { RELAY_URL: "ws://127.0.0.1:7777", SEED: "s" };
    for (const scenario of SCENARIO_NAMES) {
      const { options } = keptOf(buildPlan(scenario, collectOptions({}, defaults, scenario), ""));
      assert.deepEqual(options, { seed: "s", relay: defaults.RELAY_URL }, scenario);
    }
  });

  it("repeats it as it was given, where the CLI had it", async () => {
    const texts = collectOptions({ clients: "12", epoch: "now", "pools-limit": "7" }, variables);
    const plan = buildPlan("publish", texts, "drawn");
    const kept = keepOptions("publish", texts, ["clients", "epoch"], plan.seed);
    const report = completeOf(buildOf({ plan }), { kept });
    assert.deepEqual(report.config.options?.mix, "playback");
    assert.deepEqual(await again(report), plan);
    const config = await file(report, "report.json");
    const asked = await readAsked([], { config, rate: "90" }, { RATE_EPS: "7", EPOCH: "5" });
    assert.deepEqual(
      [asked.texts.epoch, asked.texts.poolsLimit, asked.texts.rate, asked.texts.seed],
      ["now", "7", "90", "seed-1"],
    );
  });

  it("repeats a run of queries", async () => {
    const own = { ...variables, QUERY_MIX: "feeds", CORPUS: "relay", KEEP_LIVE: "1", PAGES: "2" };
    const { THRESHOLDS: _, ...environment } = own;
    const plan = buildPlan("query", collectOptions({}, environment, "query"), "drawn");
    const { options, withheld } = keptOf(plan);
    const config = await file({ scenario: "query", options, withheld }, "query.json");
    const asked = await readAsked(["query"], { config }, {});
    assert.deepEqual(buildPlan("query", asked.texts, "another"), plan);
  });

  it("holds no header's value and no path of a URL, and says what is lacking", async () => {
    const secret = { RELAY_URL: "ws://127.0.0.1:7777/hush", RELAY_HEADERS: "X-Token: hush" };
    const report = buildOf({ plan: planOf(secret) });
    assert.doesNotMatch(JSON.stringify(report), /hush/);
    assert.deepEqual(report.config.withheld, ["header", "relay"]);
    await assert.rejects(again(report), refusal(/given with `--header`, `--relay`/));
    const given = { header: "X-Token: other", relay: "ws://127.0.0.1:7777" };
    assert.equal((await again(report, given)).headers[0]?.value, "other");
  });
});

describe("keepOptions", () => {
  const kept = (flags: Readonly<Record<string, string>>, given: readonly string[] = []) =>
    keepOptions("publish", collectOptions(flags, {}, "publish"), given as never, "drawn");

  it("keeps what was given or is no default, and the seed that was drawn", () => {
    assert.deepEqual(kept({ rate: "50", clients: "7", audit: "1" }), {
      options: { seed: "drawn", clients: "7", audit: "1" },
      withheld: [],
    });
    assert.equal(kept({ rate: "50" }, ["rate"]).options.rate, "50");
    assert.equal(kept({ audit: "0" }, ["audit"]).options.audit, "0");
  });

  it("keeps no secret, no path, no consent, and nothing of one run alone", () => {
    const flags = {
      header: "Authorization: Basic c2VjcmV0",
      ca: "/home/me/ca.pem",
      builders: "/home/me/mine.js",
      "allow-private": "1",
      "allow-dedicated-relay": "relay.example.com",
      "report-dir": "/home/me/reports",
      "relay-pid": "77",
      "dry-run": "1",
      relay: "ws://127.0.0.1:7777/token",
      "relay-metrics": "http://127.0.0.1:9779/metrics",
      pprof: "http://127.0.0.1:6060/?key=1",
      "client-ip-header": "X-Real-IP",
    };
    const { options, withheld } = kept(flags);
    assert.deepEqual(options, {
      seed: "drawn",
      "client-ip-header": "X-Real-IP",
      "relay-metrics": "http://127.0.0.1:9779/metrics",
    });
    assert.deepEqual(withheld.toSorted(), [
      "allow-dedicated-relay",
      "allow-private",
      "builders",
      "ca",
      "header",
      "pprof",
      "relay",
    ]);
  });

  const urls = [
    ["ws://127.0.0.1:7777", true],
    ["wss://relay.test", true],
    ["ws://[::1]:7777/", true],
    ["ws://a:1,ws://b:2", true],
    ["ws://a:1,ws://b:2/x", false],
    ["ws://127.0.0.1:7777/nostr", false],
    ["ws://127.0.0.1:7777?token=1", false],
    ["ws://me:hush@127.0.0.1", false],
  ] as const;
  for (const [relay, isKept] of urls) {
    it(`${isKept ? "keeps" : "withholds"} the URL ${relay}`, () => {
      assert.equal(kept({ relay }).options.relay, isKept ? relay : undefined);
    });
  }
});
