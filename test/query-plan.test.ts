/** The plan of a run that asks. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { formatMix } from "../src/events/mix.ts";
import { expandPreset } from "../src/events/presets.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, eventsNeeded } from "../src/plan/plan.ts";
import { parseQueryMix } from "../src/query/catalogue.ts";

const RELAY = { RELAY_URL: "ws://127.0.0.1:7777" };

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

describe("buildPlan of queries", () => {
  const queryFrom = (variables: Readonly<Record<string, string>>) =>
    buildPlan("query", collectOptions({}, { ...RELAY, ...variables }, "query"), "drawn");

  it("has the defaults of the documentation, and publishes nothing", () => {
    const { query, rateEps, maxInFlight, thresholds, vus, mix } = queryFrom({ RATE_EPS: "7" });
    assert.deepEqual(query, {
      rate: 50,
      mix: formatMix(parseQueryMix("app")),
      corpus: 20_000,
      keys: "zipf",
      verify: "rows",
      pages: 1,
      keepLive: false,
    });
    assert.match(query?.mix ?? "", /^address:0\.05,author:0\.06,hashtag:0\.04,home:0\.1,ids:/);
    assert.deepEqual([rateEps, maxInFlight, vus], [0, 8, 1]);
    assert.equal(mix, expandPreset("corpus"));
    assert.deepEqual(thresholds, [
      { metric: "nostr_query_failed", expressions: ["rate<0.01"] },
      { metric: "nostr_query_time", expressions: ["p(95)<500", "p(99)<1000"] },
      { metric: "nostr_query_short", expressions: ["count==0"] },
      { metric: "nostr_query_wrong", expressions: ["count==0"] },
      { metric: "nostr_queries_answered", expressions: ["count>0"] },
    ]);
  });

  it("takes what is given", () => {
    const { query } = queryFrom({
      QUERY_RATE: "0.5",
      QUERY_MIX: "thread:2, home:1",
      CORPUS: "relay",
      KEYS: "latest",
      VERIFY: "off",
      PAGES: "3",
      KEEP_LIVE: "1",
    });
    const expected = { rate: 0.5, mix: "home:1,thread:2", corpus: "relay", keys: "latest" };
    assert.deepEqual(query, { ...expected, verify: "off", pages: 3, keepLive: true });
  });

  const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { QUERY_RATE: "0" },
      /^QUERY_RATE \(--query-rate\) must be a number from 0\.01 to 20000, got `0`$/,
    ],
    [{ QUERY_RATE: "20001" }, /^QUERY_RATE/],
    [{ QUERY_MIX: "feed:1" }, /names shapes, got `feed`; shapes: home, .*; presets: app, feeds/],
    [{ QUERY_MIX: "home:0" }, /a weight above 0, got `home:0`/],
    [
      { CORPUS: "99" },
      /^CORPUS \(--corpus\) must be a whole number from 100 to 1000000 or `relay`, got `99`$/,
    ],
    [{ CORPUS: "Relay" }, /^CORPUS .*got `Relay`$/],
    [{ CORPUS: "1000001" }, /^CORPUS/],
    [{ KEYS: "hot" }, /^KEYS \(--keys\) must be `zipf`, `latest` or `uniform`, got `hot`$/],
    [{ VERIFY: "all" }, /^VERIFY \(--verify\) must be `rows`, `counts` or `off`, got `all`$/],
    [{ PAGES: "0" }, /^PAGES \(--pages\) must be a whole number from 1 to \d+, got `0`$/],
    [{ KEEP_LIVE: "sure" }, /^KEEP_LIVE/],
    [{ QUERY_RATE: "0.1", DURATION_SEC: "5" }, /at least one query, got `0.1 × 5`$/],
    [{ QUERY_RATE: "20000", DURATION_SEC: "3600" }, /asks for \d+ queries.*\n.*--query-rate/],
  ];
  for (const [variables, pattern] of refused) {
    it(`refuses ${JSON.stringify(variables)}`, () => {
      assert.throws(() => queryFrom(variables), refusal(pattern));
    });
  }

  it("lifts its bounds by force", () => {
    const { query } = queryFrom({ QUERY_RATE: "30000", CORPUS: "2000000", FORCE: "1" });
    assert.deepEqual([query?.rate, query?.corpus], [30_000, 2_000_000]);
  });

  it("reckons VUs and questions by the queries, not by events", () => {
    const plan = queryFrom({ QUERY_RATE: "400", CLIENTS: "100", DURATION_SEC: "10" });
    assert.equal(plan.vus, 3);
    assert.equal(queryFrom({ QUERY_RATE: "50", CLIENTS: "6000", DURATION_SEC: "1" }).vus, 3);
    const needed = eventsNeeded(plan);
    assert.ok(needed >= 4_000 + 3 * 16 && needed < 4_100, `${needed}`);
  });
});
