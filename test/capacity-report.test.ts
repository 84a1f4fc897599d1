import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atLimits } from "../src/capacity/at-limits.ts";
import { whyTooFine } from "../src/capacity/precision.ts";
import { capacityReport } from "../src/capacity/report.ts";
import { BACKLOG, CAPACITY_SCHEMA, type Trial, UNREADY, UNSENT } from "../src/capacity/result.ts";
import { stop } from "../src/capacity/search.ts";
import type { ThresholdResult } from "../src/report/types.ts";
import { bucket, linesOf, resultIn, SETTINGS, searchIn } from "./capacity-model.ts";
import { trialWith } from "./capacity-trial.ts";

/** What the runner knows and the search does not. */
const ABOUT = {
  run: {
    id: "20261128T120000Z-abcdef",
    startedAt: "2026-11-28T12:00:00.000Z",
    endedAt: "2026-11-28T12:15:00.000Z",
    scenario: "publish",
    tool: "k6-nostr 0.1.0",
    k6: "k6 v2.2.0",
    relays: [{ label: "ws://127.0.0.1:7777", address: "127.0.0.1", software: null, version: null }],
    relayNote: null,
    sameHost: true,
    host: { cpus: 2, memoryBytes: 8e9, platform: "linux" },
  },
  config: { relays: ["ws://127.0.0.1:7777"], options: {}, withheld: [] },
  objective: ["nostr_publish_failed: rate<0.01", BACKLOG],
  generator: { ceiling: 30_000 },
};

describe("the report of a capacity search", () => {
  it("shows by the baseline that a relay slowed with the size of its store", () => {
    let stored = 0;
    const relay = bucket(() => 995);
    const figures: Trial["figures"][] = [];
    const { result, trials } = resultIn((asked) => {
      const p50 = 4 * (1 + stored / 1e6);
      figures.push(trialWith({}, { p50, p99: p50 * 3 }).figures);
      stored += asked.load * asked.lengthSec;
      return relay(asked);
    });
    const report = capacityReport(
      ABOUT,
      SETTINGS,
      trials.map((tried, i) =>
        trialWith({ ...tried, figures: figures[i] ?? trialWith({}).figures }),
      ),
      result,
    );
    assert.equal(report.schema, CAPACITY_SCHEMA);
    assert.equal(report.trials.length, trials.length);
    const { baseline } = report;
    // Behind the warm-up 500 events are in it; at the end those of all trials but the last.
    assert.equal(baseline?.load, 50);
    assert.ok(Math.abs((baseline?.p50 ?? 0) - 4.002) < 1e-9);
    const endP50 = 4 * (1 + (stored - 500) / 1e6);
    assert.ok(Math.abs((baseline?.endP50 ?? 0) - endP50) < 1e-9);
    assert.ok(Math.abs((baseline?.endP99 ?? 0) - endP50 * 3) < 1e-9);
    assert.ok((baseline?.change ?? 0) > 0.4, `${baseline?.change}`);
    assert.ok(Math.abs((baseline?.change ?? 0) - (endP50 / 4.002 - 1)) < 1e-9);
  });

  it("has no change where the relay was not measured again", () => {
    const trials = [trialWith({ role: "warmup" }), trialWith({ role: "baseline" })];
    const { result } = resultIn(() => ({ verdict: "pass" }), { to: 50 });
    const { baseline } = capacityReport(ABOUT, SETTINGS, trials, result);
    assert.deepEqual(baseline, {
      load: 100,
      p50: 2,
      p99: 8,
      endP50: null,
      endP99: null,
      change: null,
    });
  });
});

describe("the objective at other limits on times", () => {
  const p99 = (value: number): ThresholdResult => ({
    metric: "nostr_publish_response_time",
    expression: "p(99)<1000",
    value,
    ok: value < 1_000,
  });
  const failures = (value: number): ThresholdResult => ({
    metric: "nostr_publish_failed",
    expression: "rate<0.01",
    value,
    ok: value < 0.01,
  });

  const fails = (
    load: number,
    thresholds: readonly ThresholdResult[],
    failed: Trial["failed"] = [],
  ) => [1, 2].map(() => trialWith({ load, verdict: "fail", thresholds, failed }));

  it("is judged from the trials that were made, the other thresholds as they are", () => {
    const trials = [
      trialWith({ load: 100, thresholds: [p99(300), failures(0)] }),
      trialWith({ load: 200, thresholds: [p99(600), failures(0)] }),
      ...fails(400, [p99(1_500), failures(0)]),
      ...fails(800, [p99(1_900), failures(0.02)]),
    ];
    assert.deepEqual(atLimits(SETTINGS, trials), [
      { factor: 0.5, lastPassing: 100, firstFailing: 200 },
      { factor: 1, lastPassing: 200, firstFailing: 400 },
      { factor: 2, lastPassing: 400, firstFailing: 800 },
    ]);
  });

  it("is left out where the objective has no limit on a time", () => {
    const trials = [100, 200].map((load) => trialWith({ load, thresholds: [failures(0)] }));
    assert.deepEqual(atLimits(SETTINGS, trials), []);
  });

  it("leaves out what says nothing, and fails a growing backlog, and what was never sent, at any limit", () => {
    for (const threshold of [BACKLOG, UNSENT, UNREADY]) {
      const failed = [{ threshold, value: 0.04, limit: 0.01 }];
      const trials = [
        trialWith({ load: 50, role: "warmup", thresholds: [p99(9_000)] }),
        trialWith({ load: 100, thresholds: [p99(300)] }),
        trialWith({ load: 150, verdict: "void", thresholds: [p99(9_000)] }),
        trialWith({ load: 150, thresholds: [p99(400)] }),
        ...fails(200, [p99(400)], failed),
      ];
      for (const { lastPassing, firstFailing } of atLimits(SETTINGS, trials)) {
        assert.deepEqual([lastPassing, firstFailing], [150, 200]);
      }
    }
  });

  it("is the result where the limits are as they are, though the search was stopped within a load", () => {
    // The last trial has one vote of two at 950.
    const { search, trials } = searchIn(
      bucket(() => 995),
      {},
      11,
    );
    assert.match(linesOf(trials), /n1130f n1130f n950p$/);
    const result = stop(search, "interrupted");
    const whole = trials.map((tried) =>
      trialWith({ ...tried, thresholds: [p99(tried.failed[0]?.value ?? tried.load / 2)] }),
    );
    const { atLimits } = capacityReport(ABOUT, SETTINGS, whole, result);
    assert.deepEqual([result.lastPassing, result.firstFailing], [800, 1_130]);
    assert.deepEqual(atLimits, [
      { factor: 0.5, lastPassing: 800, firstFailing: 1_130 },
      { factor: 1, lastPassing: 800, firstFailing: 1_130 },
      { factor: 2, lastPassing: 800, firstFailing: 1_130 },
    ]);
  });

  it("is the result too where a proof overruled the votes, and no stricter limit holds where it did not", () => {
    const worn = bucket(({ lengthSec }) => (lengthSec === 60 ? 900 : 995));
    const { result, trials } = resultIn(worn);
    const whole = trials.map((tried) => trialWith({ ...tried, thresholds: [p99(100)] }));
    const [half, asIs] = capacityReport(ABOUT, SETTINGS, whole, result).atLimits;
    assert.equal(asIs?.lastPassing, result.lastPassing);
    assert.equal(asIs?.firstFailing, result.firstFailing);
    assert.ok((half?.lastPassing ?? 0) <= (result.lastPassing ?? 0));
    assert.ok(
      whole.some(({ load, verdict }) => verdict === "pass" && load > (result.lastPassing ?? 0)),
    );
  });
});

describe("the precision of a search", () => {
  it("is refused with the numbers where the trials can't tell so little apart", () => {
    assert.equal(whyTooFine(SETTINGS), null);
    assert.equal(
      whyTooFine({ ...SETTINGS, trialSec: 5 }),
      "a precision of 5 % is more than trials of 5 s can tell: of each, 3.3 s are judged, in which an overload shows from 3.7 % of the load on\n" +
        "Give at least --precision 7.5%, or --trial 10.",
    );
    assert.match(whyTooFine({ ...SETTINGS, precision: 0.01 }) ?? "", /--precision 2%\.$/);
  });
});
