/** What a load can be a number of: the plans, the bounds of this machine, and searches in virtual time for each. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { looksAtRelay, secondsJudged, whyUnjudged } from "../src/capacity/objective.ts";
import { type Scale, UNREADY } from "../src/capacity/result.ts";
import { meaningOf, SCALES } from "../src/capacity/scales.ts";
import { ceilingOfMachine } from "../src/node/capacity/ceiling.ts";
import { type Planning, planAt } from "../src/node/capacity/plan-at.ts";
import { rampOf, readSettings, textsOfSearch } from "../src/node/capacity/settings.ts";
import type { MachineLimits } from "../src/node/preflight/machine.ts";
import { deliveriesPerSecond } from "../src/plan/fanout.ts";
import { collectOptions } from "../src/plan/options.ts";
import { eventsNeeded } from "../src/plan/plan.ts";
import type { ScenarioName } from "../src/plan/scenarios.ts";
import { parseThresholds } from "../src/plan/thresholds.ts";
import { answerOf } from "../src/report/capacity/answer.ts";
import { capacityCharts } from "../src/report/capacity/charts.ts";
import { gateOfCapacity } from "../src/report/capacity/gate.ts";
import { renderCapacity } from "../src/report/capacity/markdown.ts";
import { renderCapacityTerminal } from "../src/report/capacity/terminal.ts";
import { bucket, type Model, resultIn, SETTINGS } from "./capacity-model.ts";
import { searched } from "./capacity-searched.ts";

function planningOf(
  scenario: ScenarioName,
  scale: Scale,
  flags: Record<string, string> = {},
): Planning {
  const own = collectOptions({ relay: "ws://127.0.0.1:7777", ...flags }, {}, scenario);
  const texts = textsOfSearch(scale, own);
  return { scenario, texts, seed: "1", cores: 2, settings: { scale, ...rampOf(scale, texts) } };
}

describe("what grows in a search", () => {
  const own: readonly (readonly [ScenarioName, string | undefined, Scale, number, number])[] = [
    ["publish", undefined, "rate", 50, 100],
    ["playback", undefined, "rate", 50, 100],
    ["query", undefined, "query-rate", 50, 100],
    ["fanout", undefined, "rate", 50, 100],
    ["connect", "storm", "connect-rate", 50, 100],
    ["connect", "hold", "clients", 100, 200],
    ["connect", "churn", "clients", 100, 200],
  ];
  for (const [scenario, mode, scale, from, quickFrom] of own) {
    it(`is by itself ${scale} of ${scenario} ${mode ?? ""}`, () => {
      const settings = readSettings({}, scenario, mode);
      assert.deepEqual([settings.scale, settings.from], [scale, from]);
      assert.equal(readSettings({ quick: "1" }, scenario, mode).from, quickFrom);
    });
  }

  it("is refused where it makes no sense, with what does", () => {
    const refused: readonly (readonly [ScenarioName, string | undefined, string, RegExp])[] = [
      [
        "publish",
        undefined,
        "fanout",
        /--scale of `publish` must be `rate` or `clients`, got `fanout`/,
      ],
      [
        "fanout",
        undefined,
        "clients",
        /must be `rate` or `subscribers` or `fanout`, got `clients`/,
      ],
      ["connect", "storm", "clients", /of `connect --mode storm` must be `connect-rate`, got/],
      ["connect", "recover", "clients", /does not search with `--mode recover`.*`--mode storm`/],
    ];
    for (const [scenario, mode, scale, message] of refused) {
      assert.throws(() => readSettings({ scale }, scenario, mode), message);
    }
    const half = { scale: "subscribers", from: "10.5" };
    assert.throws(
      () => readSettings(half, "fanout"),
      /whole numbers where --scale is `subscribers`/,
    );
  });
});

describe("the plan of a trial", () => {
  const at = (planning: Planning, load: number, lengthSec = 30) =>
    planAt(planning, { number: 3, load, lengthSec });

  it("has so many subscribers, and each event goes to as many of them at any load", () => {
    const planning = planningOf("fanout", "subscribers");
    for (const load of [100, 250, 1_130, 6_000]) {
      const plan = at(planning, load);
      assert.equal(plan.fanout?.subscribers, load);
      const owed = plan.fanout === null ? 0 : deliveriesPerSecond(plan.fanout, 50, plan.vus);
      assert.ok(Math.abs(owed / 500 - 1) <= 0.01, `${owed} at ${load}`);
    }
    assert.equal(
      meaningOf("subscribers", at(planning, 100)),
      "connections that subscribe, while 50 events a second are published, of which each goes to 10 of them, 500 deliveries a second",
    );
  });

  it("has topics of exactly so many subscriptions, and about as many subscribers as were set", () => {
    for (const flags of [{}, { subscribers: "6000" }, { "subs-per-connection": "4" }]) {
      const planning = planningOf("fanout", "fanout", flags);
      for (const load of [1, 7, 240, 330, 700, 950]) {
        const { fanout, vus, rateEps } = at(planning, load);
        const owed = fanout === null ? 0 : deliveriesPerSecond(fanout, rateEps, vus);
        assert.ok(Math.abs(owed / load / 50 - 1) < 0.001, JSON.stringify([flags, load, owed]));
        const off = (fanout?.subscribers ?? 0) / Number(planning.texts.subscribers);
        assert.ok(off > 0.6 && off < 1.4, `${fanout?.subscribers} subscribers at ${load}`);
      }
    }
    // One topic has more than there were to be.
    assert.equal(at(planningOf("fanout", "fanout"), 2_500).fanout?.subscribers, 2_500);
  });

  it("lets handshakes come for the part that is judged, and holds them for the rest", () => {
    const planning = planningOf("connect", "connect-rate", { mode: "storm" });
    const { connect, clients, durationSec } = at(planning, 800, 9);
    assert.deepEqual([connect?.rate, clients, Math.round(durationSec)], [800, 4_800, 9]);
    assert.ok(Math.abs((connect?.holdSec ?? 0) - 3) < 1e-9);
  });

  it("holds so many connections for its length, behind the time in which they come", () => {
    const planning = planningOf("connect", "clients", { mode: "hold" });
    assert.equal(planning.settings.comesPerSec, 500);
    const { search } = { search: { ...SETTINGS, scale: "clients" as const, comesPerSec: 500 } };
    const { trials } = resultIn(
      bucket(() => 2_300),
      search,
    );
    const probes = trials.filter(({ role }) => role === "probe");
    assert.deepEqual(
      probes.map(({ load, lengthSec }) => [load, lengthSec]).slice(0, 5),
      [100, 200, 400, 800, 1_600].map((load) => [load, 10 + Math.ceil(load / 500)]),
    );
    const plan = at(planning, 1_600, 14);
    assert.deepEqual([plan.clients, plan.connect?.holdSec, plan.durationSec], [1_600, 10, 14]);
    assert.equal(
      eventsNeeded(at(planningOf("publish", "clients"), 800)),
      eventsNeeded(at(planningOf("publish", "clients"), 100)),
    );
  });
});

describe("what bounds a number of connections", () => {
  const machine: MachineLimits = {
    cores: 2,
    openFiles: 1_064,
    ephemeralPorts: 28_000,
    portsInTimeWait: 0,
    freeBytes: null,
  };
  const ceiling = (
    scenario: ScenarioName,
    scale: Scale,
    own: Partial<MachineLimits> = {},
    flags = {},
  ) => {
    const planning = planningOf(scenario, scale, flags);
    const { quickFrom: from } = SCALES[scale];
    const planOf = (load: number) => planAt(planning, { number: 1, load, lengthSec: 30 });
    return ceilingOfMachine({ scale, from, precision: 0.05 }, planOf, { ...machine, ...own });
  };

  it("is this machine's files and ports, and what a plan admits, each in its words", () => {
    const files = ceiling("publish", "clients");
    assert.ok((files?.load ?? 0) <= 1_000 && (files?.load ?? 0) >= 970, `${files?.load}`);
    assert.match(files?.why ?? "", /^1,064 open files are allowed, 1,\d+ needed$/);
    const fan = ceiling("fanout", "subscribers");
    assert.ok((fan?.load ?? 0) <= 950 && (fan?.load ?? 0) >= 920, `${fan?.load}`);
    const ports = ceiling(
      "connect",
      "clients",
      { openFiles: null, ephemeralPorts: 5_000 },
      { mode: "hold" },
    );
    assert.ok((ports?.load ?? 0) <= 5_000 && (ports?.load ?? 0) >= 4_850, `${ports?.load}`);
    assert.match(ports?.why ?? "", /^5,000 local ports, 5,\d+ connections to a relay$/);
    const storm = ceiling("connect", "connect-rate", { openFiles: 10_064 }, { mode: "storm" });
    // Of 30 s they come for 20.
    assert.ok((storm?.load ?? 0) <= 500 && (storm?.load ?? 0) >= 485, `${storm?.load}`);
    const typo = ceiling(
      "connect",
      "clients",
      { openFiles: null, ephemeralPorts: null },
      { mode: "hold" },
    );
    assert.match(typo?.why ?? "", /CLIENTS \(--clients\) must be a whole number from 1 to 20000/);
  });

  it("is nothing of the kind where more of a load takes no more connections", () => {
    assert.equal(ceiling("publish", "rate"), null);
    assert.equal(ceiling("fanout", "rate"), null);
  });
});

/** Takes so many, and no more. */
const takes =
  (most: number): Model =>
  ({ load }) =>
    load <= most
      ? { verdict: "pass" }
      : { verdict: "fail", failed: [{ threshold: UNREADY, value: load - most, limit: 0 }] };

describe("a search in virtual time", () => {
  it("finds what a relay takes of subscribers, of subscriptions a topic, and of connections, in whole ones", () => {
    for (const scale of ["subscribers", "fanout", "clients"] as const) {
      for (const most of [7, 137, 2_140, 9_600]) {
        const { from } = SCALES[scale];
        const { result, trials } = resultIn(takes(most), { scale, from });
        const held = result.lastPassing ?? 0;
        // Of a few one more is more than the precision.
        assert.ok(
          held <= most && held >= Math.min(most - 1, most * 0.95) && held > 0,
          `${held} of ${most} ${scale}`,
        );
        assert.deepEqual(
          [result.limit, result.proven, result.failedThreshold],
          ["relay", true, UNREADY],
        );
        assert.ok(trials.every(({ load }) => Number.isInteger(load)));
      }
    }
  });

  it("finds what a relay takes of handshakes a second", () => {
    for (const perSec of [31, 480, 3_700]) {
      const { result } = resultIn(
        bucket(() => perSec),
        { scale: "connect-rate" },
      );
      assert.ok(Math.abs((result.lastPassing ?? 0) / perSec - 1) <= 0.05, `${result.lastPassing}`);
      assert.deepEqual([result.limit, result.proven], ["relay", true]);
    }
  });
});

describe("a report of what grows", () => {
  const meaning = "connections that subscribe, while 50 events a second are published";
  const of = (model: Model, own: Partial<typeof SETTINGS> = {}) => {
    const made = searched(model, { scale: "subscribers", from: 100, meaning, ...own });
    return { ...made, run: { ...made.run, scenario: "fanout" } };
  };

  it("says it in words wherever it says a load", () => {
    const report = of(takes(2_140));
    assert.equal(
      answerOf(report),
      "This relay takes 2,070 subscribers within the objective; at 2,160 the number of subscriptions that were not ready fails first, and the relay is bound by one thread",
    );
    assert.match(renderCapacityTerminal(report, []), new RegExp(`^load        ${meaning}$`, "m"));
    assert.match(
      renderCapacityTerminal(report, []),
      /^response .* of deliveries at the last passing load$/m,
    );
    const markdown = renderCapacity(report);
    assert.match(markdown, new RegExp(`A load is a number of ${meaning}\\.`));
    assert.match(markdown, /\| load, subscribers \|/);
    const charts = capacityCharts(report).charts;
    const axes = charts.flatMap((chart) => (chart.kind === "points" ? [chart.xUnit] : []));
    assert.deepEqual(new Set(axes), new Set(["subscribers"]));
    assert.equal(charts[1]?.title, "Response time of deliveries by load");
    const [, gate] = gateOfCapacity(report, 2_000);
    assert.equal(gate?.name, "at least 2,000 subscribers");
    assert.match(gate?.message ?? "", new RegExp(`A load is a number of ${meaning}$`));
    assert.equal(gate?.state, "passed");
  });

  it("names what this generator lacks, where that bounds it", () => {
    const ceilingWhy = "1,064 open files are allowed, 1,065 needed";
    const report = of(() => ({ verdict: "pass" }), { ceiling: 950, ceilingWhy });
    assert.equal(report.result.limit, "generator");
    assert.equal(
      answerOf(report),
      "This relay takes at least 950 subscribers within the objective; beyond that the limit is this generator, not the relay",
    );
    assert.match(
      renderCapacityTerminal(report, []),
      /^bounded by +this generator\n +1,064 open files are allowed, 1,065 needed$/m,
    );
    assert.match(renderCapacity(report), /No load failed\. 1,064 open files are allowed/);
    const void_ = of(({ load }) => ({ verdict: load > 500 ? "void" : "pass" }));
    assert.match(
      renderCapacityTerminal(void_, []),
      /^bounded by +this generator\n +the generator was late$/m,
    );
  });
});

describe("the objective of a search", () => {
  const why = (
    scenario: ScenarioName,
    threshold: string,
    flags: Record<string, string> = {},
    own = {},
  ) => {
    const scale = readSettings({}, scenario, flags.mode).scale;
    const planning = planningOf(scenario, scale, { ...flags, threshold });
    const plan = planAt(planning, { number: 1, load: 100, lengthSec: 30 });
    return whyUnjudged(plan, { trialSec: 30, ...own });
  };

  it("may be on anything that a trial of the scenario can judge", () => {
    const judged: readonly (readonly [ScenarioName, string, Record<string, string>?])[] = [
      [
        "publish",
        "nostr_publish_response_time{event:view}: p(99)<200; nostr_connect_time: p(99)<50",
      ],
      ["publish", "nostr_relay_cpu_percent: avg<80; nostr_relay_rss_bytes: max<1e9"],
      ["publish", "nostr_relay_cpu_percent: p(95)<90"],
      ["playback", "nostr_query_time: p(95)<500"],
      ["query", "nostr_query_short: count==0; nostr_query_failed: rate<0.01"],
      ["fanout", "nostr_delivery_time: p(99.9)<500; nostr_publish_response_time: p(99)<100"],
      [
        "connect",
        "nostr_usable_time: p(99)<200; nostr_connect_failed: rate<0.001",
        { mode: "storm" },
      ],
      [
        "connect",
        "nostr_probes_unanswered: count==0; nostr_host_rss_bytes: max<8e9",
        { mode: "hold" },
      ],
    ];
    for (const [scenario, threshold, flags] of judged) {
      assert.equal(why(scenario, threshold, flags), null, threshold);
    }
  });

  it("is refused with the reason where a trial can't judge it", () => {
    const refused: readonly (readonly [ScenarioName, string, RegExp])[] = [
      [
        "publish",
        "nostr_delivery_time: p(99)<500",
        /^`nostr_delivery_time: p\(99\)<500`: `publish` has no deliveries$/,
      ],
      ["query", "nostr_publish_failed: rate<0.01", /`query` has no events/],
      [
        "publish",
        "nostr_publish_response_time{event:note}: p(99)<5",
        /no event `note` is published, but video, view/,
      ],
      [
        "publish",
        "nostr_relay_cpu_percent: p(99)<90",
        /takes 100 looks; give --trial 150, or `avg`/,
      ],
      [
        "publish",
        "nostr_connect_time: p(99.95)<90",
        /takes 2000 connections, and a trial has 1000 \(--clients\)/,
      ],
      [
        "publish",
        "nostr_events_timed_out: count<5",
        /a count grows with the length of a trial; give a `rate`/,
      ],
    ];
    for (const [scenario, threshold, message] of refused) {
      assert.match(why(scenario, threshold) ?? "", message, threshold);
    }
    const short = why("publish", "nostr_relay_cpu_percent: p(95)<90", {}, { trialSec: 7 });
    assert.match(short ?? "", /takes 20 looks; give --trial 30/);
  });

  it("makes trials as long as its looks take, and tells them in their unit", () => {
    const judges = { least: 1, perSec: null, sec: 20 };
    const { trials } = resultIn(
      bucket(() => 995),
      { judges },
    );
    const probes = trials.filter(({ role }) => role === "probe" || role === "baseline");
    assert.deepEqual(new Set(probes.map(({ lengthSec }) => lengthSec)), new Set([30]));
    const thresholds = parseThresholds(
      "nostr_relay_cpu_percent: p(95)<90, avg<70; nostr_query_time: p(99)<5",
    );
    assert.equal(secondsJudged(thresholds), 20);
    assert.deepEqual(thresholds.map(looksAtRelay), [true, false]);
  });
});
