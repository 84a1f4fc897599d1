/** What relays announce (NIP-11), as it is read and as it is held against a plan. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { announcedAges } from "../src/node/preflight/ages.ts";
import { judgeRates } from "../src/node/preflight/announced.ts";
import {
  type Information,
  type Limitation,
  NO_INFORMATION,
  parseInformation,
} from "../src/node/preflight/information.ts";
import { judgeLimits, type LimitsQuestion, mostFrameBytes } from "../src/node/preflight/limits.ts";
import { judgePool } from "../src/node/preflight/pool-judge.ts";
import { NO_SAMPLE } from "../src/node/preflight/sample.ts";
import {
  areOfRun,
  chooseTimes,
  describeTimes,
  leadOf,
  listTimes,
} from "../src/node/preflight/times.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, type Plan } from "../src/plan/plan.ts";
import type { PoolManifest } from "../src/pool/format.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { planOf } from "./fixtures/reports/run.ts";

const NOW_SEC = 1_800_000_000;
const EVENTS = {
  largestFrame: 4_000,
  mostTags: 12,
  longestContent: 900,
  kinds: [1, 30_078],
  createdAt: { min: NOW_SEC - 90_000, max: NOW_SEC - 4_000 },
};
const EVENT: NostrEvent = {
  id: "",
  pubkey: "",
  sig: "",
  kind: 1,
  created_at: NOW_SEC,
  tags: [],
  content: "x".repeat(4_000),
};

function judge(limitation: Limitation, more: Partial<LimitsQuestion> = {}): string[] {
  const findings = judgeLimits({
    label: "127.0.0.1:7777",
    information: { ...NO_INFORMATION, limitation, ...more.information },
    events: EVENTS,
    nowSec: NOW_SEC,
    laterSec: 600,
    ...(more.tried === undefined ? {} : { tried: more.tried }),
  });
  return findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
}

const TOOK = { taken: [EVENT], refusedFor: new Set([]) };

describe("the limits a relay announces", () => {
  const cases: readonly (readonly [Limitation, readonly string[]])[] = [
    [{}, []],
    [{ max_message_length: 4_000, max_event_tags: 12, max_content_length: 900 }, []],
    [{ max_message_length: 3_999 }, ["stop message-length"]],
    [{ max_event_tags: 11 }, ["stop event-tags"]],
    [{ max_content_length: 899 }, ["stop content-length"]],
    [{ max_message_length: 0, max_content_length: 0 }, []],
    [{ max_message_length: -1, max_content_length: 1e12 }, []],
    [{ auth_required: true }, ["stop auth"]],
    [{ payment_required: true }, ["stop payment"]],
    [{ min_pow_difficulty: 8 }, ["stop pow"]],
    [{ min_pow_difficulty: 0, auth_required: false, payment_required: false }, []],
    [{ restricted_writes: true }, ["advice writes"]],
    // 90,000 s old now, 600 s older at the end of the run.
    [{ created_at_lower_limit: 90_600 }, []],
    [{ created_at_lower_limit: 90_599 }, ["stop created-at"]],
    [{ created_at_lower_limit: 90_599, created_at_window_kinds: [3_418] }, []],
    [{ created_at_lower_limit: 90_599, created_at_window_kinds: [1] }, ["stop created-at"]],
    [{ created_at_lower_limit: 0, created_at_upper_limit: 0 }, []],
    [{ created_at_upper_limit: 1 }, []],
    // A moment, not a length of time: 2020, then behind the pool's first event, then in the future.
    [{ created_at_lower_limit: 1_577_836_800 }, []],
    [{ created_at_lower_limit: NOW_SEC - 89_999 }, ["stop created-at"]],
    [{ created_at_lower_limit: NOW_SEC + 5 }, []],
    [{ created_at_upper_limit: 2_147_483_647 }, []],
    [{ created_at_upper_limit: NOW_SEC - 100_000 }, []],
  ];
  for (const [limitation, found] of cases) {
    it(`${JSON.stringify(limitation)}: ${found.join() || "nothing"}`, () =>
      assert.deepEqual(judge(limitation), found));
  }

  const tried: readonly (readonly [Limitation, readonly string[]])[] = [
    [{ auth_required: true }, ["advice auth"]],
    [{ payment_required: true }, ["advice payment"]],
    [{ min_pow_difficulty: 8 }, ["advice pow"]],
    [{ restricted_writes: true }, ["advice writes"]],
    [{ max_content_length: 899 }, ["advice content-length"]],
    [{ max_message_length: 3_999 }, ["advice message-length"]],
    [{ max_event_tags: 11 }, ["stop event-tags"]],
  ];
  for (const [limitation, found] of tried) {
    it(`${JSON.stringify(limitation)} are doubted where it took what it should refuse`, () =>
      assert.deepEqual(judge(limitation, { tried: TOOK }), found));
  }

  it("are not told twice where it refused the probe with just that", () => {
    const refusedFor = new Set(["auth", "payment", "pow", "policy"] as const);
    const limitation = {
      auth_required: true,
      payment_required: true,
      min_pow_difficulty: 9,
      restricted_writes: true,
    };
    assert.deepEqual(judge(limitation, { tried: { taken: [], refusedFor } }), []);
    assert.equal(judge(limitation, { tried: { taken: [], refusedFor: new Set() } }).length, 4);
  });

  it("are held against the relay's clock", () => {
    const limitation = { created_at_lower_limit: 100_000, created_at_upper_limit: 900 };
    const at = (clockSkewMs: number, of: Limitation = limitation) =>
      judge(of, { information: { ...NO_INFORMATION, limitation: of, clockSkewMs } });
    assert.deepEqual(at(1_900), []);
    assert.deepEqual(at(3_000), ["advice clock"]);
    assert.deepEqual(at(-901_000), ["stop clock"]);
    assert.deepEqual(at(-5_000_000), ["stop created-at", "stop clock"]);
    assert.deepEqual(at(9_000_000, {}), ["advice clock"]);
  });
});

describe("the largest frame that builders are held against", () => {
  const rows: readonly (readonly [limits: readonly (number | undefined)[], most: unknown])[] = [
    [[], undefined],
    [[undefined], undefined],
    [[0], undefined],
    [[4_000, 0, undefined, 3_000], 3_000],
  ];
  for (const [limits, most] of rows) {
    it(`is ${most} of ${JSON.stringify(limits)}`, () => {
      const relays = limits.map((limit): Information => {
        const limitation = limit === undefined ? null : { max_message_length: limit };
        return { ...NO_INFORMATION, limitation };
      });
      assert.equal(mostFrameBytes(relays), most);
    });
  }
});

describe("an information document", () => {
  const read = (limitation: unknown) =>
    parseInformation(JSON.stringify({ limitation }))?.limitation;

  it("may lack anything, and hold anything", () => {
    for (const text of ["<html>", "[]", "", '"a"', "1", "null", "{"]) {
      assert.equal(parseInformation(text), null, text);
    }
    const nothing = { limitation: {}, software: null, version: null, counts: false };
    for (const text of [
      "{}",
      '{"limitation":[]}',
      '{"limitation":null}',
      '\ufeff{"software":""}',
    ]) {
      assert.deepEqual(parseInformation(text), nothing, text);
    }
    const odd = { software: "a\u001b[31mb", version: 3, supported_nips: [1, "45"] };
    assert.deepEqual(parseInformation(JSON.stringify(odd)), {
      ...nothing,
      software: "a [31mb",
      counts: true,
    });
  });

  it("may hold its numbers and switches as texts", () => {
    assert.deepEqual(read({ max_message_length: " 65536", min_pow_difficulty: "0" }), {
      max_message_length: 65_536,
      min_pow_difficulty: 0,
    });
    assert.deepEqual(read({ auth_required: "false", payment_required: "True" }), {
      auth_required: false,
      payment_required: true,
    });
    assert.deepEqual(
      read({ max_limit: "many", max_filters: null, auth_required: "soon", payment_required: {} }),
      {},
    );
  });
});

/** Real documents, as relays served them: https://github.com/franzos/nostr-ts and the projects' own. */
const DOCUMENTS: readonly { readonly name: string; readonly document: object }[] = readFileSync(
  new URL("fixtures/nip11.jsonl", import.meta.url),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

describe("real documents, for events of today and of kinds 1 and 30078", () => {
  const found: Readonly<Record<string, readonly string[]>> = {
    "paid-strfry": ["stop payment"],
    "nostream-1.25-paid": ["stop payment"],
    "nostream-1.22-paid": ["stop payment"],
    khatru: ["advice writes"],
    "wot-relay": ["advice writes"],
    immortal: ["stop payment", "advice writes"],
    "private-auth": ["stop auth"],
    "window-for-kinds": ["stop pow"],
  };
  for (const { name, document } of DOCUMENTS) {
    it(`${name}: ${found[name]?.join() ?? "nothing"}`, () => {
      const information = parseInformation(JSON.stringify(document));
      assert.ok(information !== null && information.limitation !== null);
      assert.deepEqual(judge(information.limitation), found[name] ?? []);
      // Whatever they announce but sizes: a relay that took an event is not refused.
      const tried = judge(information.limitation, { tried: TOOK });
      assert.ok(
        tried.every((finding) => finding.startsWith("advice")),
        tried.join(),
      );
    });
  }

  it("name software and version", () => {
    const names = DOCUMENTS.map(({ document }) => parseInformation(JSON.stringify(document)));
    assert.deepEqual(names.map((n) => n?.version).slice(0, 4), [
      "1.1.0-1-g691a533f11eb",
      "0.9.6-7-g7196547",
      "v115-a42e4ed",
      "main",
    ]);
    assert.equal(names[12]?.version, null);
    assert.equal(names[11]?.software, "BRB-noserver");
  });
});

describe("rates that a relay announces", () => {
  const plan = planOf({ RATE_EPS: "50", CLIENTS: "10" });
  const ids = (limitation: Limitation) => judgeRates("r", limitation, plan).map(({ id }) => id);

  it("are held against the plan's", () => {
    assert.deepEqual(ids({ max_events_per_ip: 100, rate_limit_window: 60 }), ["rate"]);
    assert.deepEqual(ids({ max_events_per_ip: 3_000, rate_limit_window: 60 }), []);
    assert.deepEqual(ids({ max_events_per_ip: 2_999, rate_limit_window: 60 }), ["rate"]);
    assert.deepEqual(ids({ max_events_per_ip: 100 }), []);
    assert.deepEqual(ids({ max_events_per_pubkey: 5, rate_limit_window: 3_600 }), ["rate"]);
    assert.deepEqual(ids({ max_events_per_pubkey: 100, rate_limit_window: 60 }), []);
  });

  it("say what was announced, and what is planned", () => {
    const [rate] = judgeRates("r", { max_events_per_ip: 100, rate_limit_window: 60 }, plan);
    assert.match(
      rate?.what ?? "",
      /1\.7 events\/s of one address \(100 in 60 s\), the run sends 50\.0/,
    );
  });
});

describe("the times of a pool", () => {
  const plan = planOf({ RATE_EPS: "50", DURATION_SEC: "600" });
  const all = listTimes(plan, NOW_SEC * 1_000);
  const choose = (limitation: Limitation | null) =>
    chooseTimes(all, {
      informations: [
        {
          admission: { url: { label: "r" } },
          information: { ...NO_INFORMATION, limitation },
        },
      ],
      kinds: [1],
      nowSec: NOW_SEC,
      lead: leadOf(plan, false),
    });

  it("are those that every day has, yesterday's, or those of the run", () => {
    assert.deepEqual(choose(null), { place: 0, tooOldFor: null });
    assert.deepEqual(choose({ created_at_lower_limit: 1e8 }), { place: 0, tooOldFor: null });
    assert.deepEqual(choose({ created_at_lower_limit: 604_800 }), { place: 1, tooOldFor: "r" });
    for (const limit of [3_600, 120, 60]) {
      assert.deepEqual(choose({ created_at_lower_limit: limit }), { place: 2, tooOldFor: "r" });
    }
  });

  it("follow the run, which may last longer than the relay's window", () => {
    assert.deepEqual(all[2], { epoch: NOW_SEC, spanSec: 600, follows: true });
    assert.ok(areOfRun(all[2] ?? all[0]) && !areOfRun(all[0]));
    assert.equal(all[0].epoch, DEFAULT_EPOCH);
  });

  it("are what a person gave, and no others", () => {
    const now = NOW_SEC * 1_000;
    assert.deepEqual(listTimes(plan, now, "now"), [all[2]]);
    assert.deepEqual(listTimes(plan, now, 1_700_000_000), [
      { epoch: 1_700_000_000, spanSec: 86_400, follows: false },
    ]);
    assert.match(describeTimes(all[0], null, "now") ?? "", /ids differ from run to run/);
    assert.equal(describeTimes(all[0], "r", 1_700_000_000), null);
    assert.equal(describeTimes(all[0], null), null);
  });

  it("are those of the run where what is published is of the moment", () => {
    const texts = { RELAY_URL: "ws://127.0.0.1:7777", DURATION_SEC: "600" };
    const fanning = (variables: Readonly<Record<string, string>>) =>
      buildPlan("fanout", collectOptions({}, { ...texts, ...variables }, "fanout"), "seed");
    const ephemeral = fanning({ TOPIC_EVENTS: "ephemeral" });
    assert.deepEqual(listTimes(ephemeral, NOW_SEC * 1_000), [all[2]]);
    assert.equal(listTimes(fanning({ TOPIC_EVENTS: "social" }), NOW_SEC * 1_000).length, 3);
    const judge = (plan: Plan, ageSec: number) => {
      const [times] = listTimes(plan, Date.now());
      const min = Date.now() / 1_000 - ageSec;
      const manifest = { createdAt: { min, max: min + 1 }, events: 1e9 } as PoolManifest;
      const found = judgePool(plan, { answers: [], sample: NO_SAMPLE, times }, manifest);
      return found.filter(({ level }) => level === "stop").map(({ id }) => id);
    };
    assert.deepEqual(judge(ephemeral, 70), ["ephemeral"]);
    assert.deepEqual(judge(ephemeral, 50), []);
    assert.deepEqual(judge(fanning({}), 70), []);
  });

  it("leave nothing to be had of a window that the signing alone takes", () => {
    assert.equal(choose({ created_at_lower_limit: 5 }).place, 2);
    const findings = judgeLimits({
      label: "r",
      information: { ...NO_INFORMATION, limitation: { created_at_lower_limit: 5 } },
      events: { ...EVENTS, createdAt: { min: NOW_SEC, max: NOW_SEC + 600 } },
      nowSec: NOW_SEC,
      laterSec: leadOf(plan, false).beginSec,
      isFresh: true,
    });
    const [stop] = findings.filter(({ level }) => level === "stop");
    assert.match(stop?.what ?? "", /takes events of the last 5 s/);
    assert.match(stop?.remedy ?? "", /raise `created_at_lower_limit` on the relay to \d+ or more/);
  });
});

describe("announcedAges", () => {
  const of = (limitation: Limitation, clockSkewMs = 0) =>
    announcedAges({ ...NO_INFORMATION, limitation, clockSkewMs }, NOW_SEC, [1]);

  it("are by the relay's own clock", () => {
    assert.deepEqual(of({ created_at_lower_limit: 100, created_at_upper_limit: 50 }, 10_000), {
      oldestSec: NOW_SEC - 90,
      newestSec: NOW_SEC + 60,
    });
  });
});
