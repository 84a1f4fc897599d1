import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import { defaultThresholds, parseExpression, parseThresholds } from "../src/plan/thresholds.ts";
import { judgeThresholds } from "../src/report/thresholds.ts";
import { passed } from "../src/report/verdict.ts";
import {
  buildOf,
  emptyReport,
  goodSlices,
  histogramOf,
  planOf,
  rowOf,
  rowOfClass,
  sliceOf,
} from "./fixtures/reports/run.ts";

describe("parseExpression", () => {
  const accepted = [
    ["rate<0.01", { aggregation: "rate", operator: "<", bound: 0.01 }],
    [" count >= 1e3 ", { aggregation: "count", operator: ">=", bound: 1_000 }],
    ["avg<=200.5", { aggregation: "avg", operator: "<=", bound: 200.5 }],
    ["min>-1", { aggregation: "min", operator: ">", bound: -1 }],
    ["max==0", { aggregation: "max", operator: "==", bound: 0 }],
    ["med===5", { aggregation: "med", operator: "===", bound: 5 }],
    ["value!=+1", { aggregation: "value", operator: "!=", bound: 1 }],
    ["p(95)<500", { aggregation: "p", quantile: 0.95, operator: "<", bound: 500 }],
    ["p(99.9)<1e3", { aggregation: "p", quantile: 99.9 / 100, operator: "<", bound: 1_000 }],
    ["p(100)<5", { aggregation: "p", quantile: 1, operator: "<", bound: 5 }],
    ["p(0)<5", { aggregation: "p", quantile: 0, operator: "<", bound: 5 }],
  ] as const;
  for (const [text, expression] of accepted) {
    it(`reads \`${text}\``, () => assert.deepEqual(parseExpression(text), expression));
  }

  const refused = [
    "",
    "rate",
    "<1",
    "rate<",
    "rate<x",
    "rate=1",
    "rate<1<2",
    "p(101)<1",
    "p(-1)<1",
    "p()<1",
    "p95<1",
    "p(95) < 5 ms",
    "rate<0x10",
    "rate<Infinity",
    "RATE<1",
    "rate<1.",
  ];
  for (const text of refused) {
    it(`refuses \`${text}\``, () => assert.equal(parseExpression(text), null));
  }
});

describe("parseThresholds", () => {
  it("reads the default", () => {
    assert.deepEqual(parseThresholds(defaultThresholds("publish")), [
      { metric: "nostr_publish_failed", expressions: ["rate<0.01"] },
      { metric: "nostr_publish_response_time", expressions: ["p(95)<500", "p(99)<1000"] },
    ]);
  });

  it("holds queries to the same bounds where the scenario has some", () => {
    assert.deepEqual(parseThresholds(defaultThresholds("playback")).slice(2), [
      { metric: "nostr_query_failed", expressions: ["rate<0.01"] },
      { metric: "nostr_query_time", expressions: ["p(95)<500", "p(99)<1000"] },
    ]);
  });

  it("gathers what is said of one metric, and keeps event types apart", () => {
    const text = `nostr_connect_time: max<5
      nostr_publish_service_time{event:view}: p(50)<2;nostr_connect_time : avg < 1 ;`;
    assert.deepEqual(parseThresholds(text), [
      { metric: "nostr_connect_time", expressions: ["max<5", "avg < 1"] },
      { metric: "nostr_publish_service_time{event:view}", expressions: ["p(50)<2"] },
    ]);
  });

  const refused = [
    ["rate<1", /`metric: expression`, got `rate<1`/],
    ["nostr_publish_failed:", /`metric: expression`/],
    ["http_req_duration: p(95)<1", /one of the metrics nostr_publish_response_time/],
    ["constructor: rate<1", /one of the metrics/],
    ["__proto__: rate<1", /one of the metrics/],
    ["nostr_publish_failed: p(95)<1", /one of rate for nostr_publish_failed/],
    ["nostr_publish_response_time: rate<1", /one of avg, min, max, med, p/],
    ["nostr_publish_failed: rate<1, rate", /got `rate`/],
    ["nostr_publish_failed{reason:x}: rate<1", /the tag `\{event:<type>\}`/],
    ["nostr_publish_failed{}: rate<1", /the tag/],
    [`nostr_publish_failed: ${"x".repeat(500)}`, /got `x{60}`$/],
  ] as const;
  for (const [text, problem] of refused) {
    it(`refuses \`${text.slice(0, 60)}\``, () => {
      assert.throws(
        () => parseThresholds(text),
        (error) =>
          error instanceof ConfigError &&
          error.message.startsWith("THRESHOLDS (--threshold)") &&
          problem.test(error.message),
      );
    });
  }

  it("throws nothing but a ConfigError, whatever the text", () => {
    const pieces = fc.constantFrom(
      "nostr_publish_failed",
      ":",
      "rate",
      "<",
      "1",
      ",",
      ";",
      "{",
      "}",
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces).map((p) => p.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          for (const { expressions } of parseThresholds(text)) {
            for (const expression of expressions)
              assert.notEqual(parseExpression(expression), null);
          }
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("judgeThresholds", () => {
  const measured = buildOf({
    plan: { ...planOf(), scenario: "playback" },
    slices: [
      ...goodSlices(),
      sliceOf({
        seq: 101,
        phase: "drain",
        index: 101,
        classes: {
          publish: [
            rowOf(1, {
              scheduled: 10,
              attempted: 8,
              rejected: 5,
              timedOut: 2,
              lost: 1,
              backpressure: 2,
            }),
          ],
          set: [rowOfClass("set", 0, { started: 3, complete: 3 })],
          query: [
            rowOfClass("query", 0, {
              scheduled: 1,
              sent: 1,
              eose: 1,
              unchecked: 1,
              rows: 5,
              uncheckedRows: 5,
            }),
            rowOfClass("query", 1, {
              scheduled: 1,
              sent: 1,
              eose: 1,
              unchecked: 1,
              rows: 1,
              uncheckedRows: 1,
            }),
          ],
        },
        histograms: {
          "publish.response.1": histogramOf(500),
          "publish.service.1": histogramOf(400),
          "set.completion.0": histogramOf(30, 30, 70),
          "query.response.0": histogramOf(10),
          "query.response.1": histogramOf(20),
        },
      }),
    ],
  });
  const judge = (text: string, report = measured) => judgeThresholds(parseThresholds(text), report);
  const near = (value: number | null | undefined, expected: number) =>
    assert.ok(Math.abs((value ?? Number.NaN) - expected) <= expected * 0.01, `${value}`);

  const table = [
    ["nostr_publish_failed: rate<0.01", 10 / 1_010, true],
    ["nostr_publish_failed: rate<0.005", 10 / 1_010, false],
    ["nostr_events_scheduled: count==1010", 1_010, true],
    ["nostr_events_scheduled: count===1010", 1_010, true],
    ["nostr_events_scheduled: count!=1010", 1_010, false],
    ["nostr_events_attempted: count>=1008", 1_008, true],
    ["nostr_events_attempted: count>1008", 1_008, false],
    ["nostr_events_accepted: rate>=100", 100, true],
    ["nostr_events_rejected: count<=5", 5, true],
    ["nostr_events_timed_out: count<2", 2, false],
    ["nostr_events_lost: count<2", 1, true],
    ["nostr_publish_response_time: max<=500", 500, true],
    ["nostr_publish_response_time: min<1", 2, false],
    ["nostr_publish_response_time: med<2.1", 2, true],
    ["nostr_publish_response_time: p(50)<2.1", 2, true],
    ["nostr_publish_response_time{event:video}: max<3", 2, true],
    ["nostr_publish_response_time{event:view}: max<3", 500, false],
    ["nostr_publish_service_time{event:view}: p(100)<=400", 400, true],
    ["nostr_publish_service_time: avg<1.8", (1_000 * 1.5 + 400) / 1_001, false],
    ["nostr_connect_time: max<5", 4, true],
    ["nostr_set_completion_time: med<31", 30, true],
    ["nostr_set_completion_time{event:video}: max<60", 70, false],
    ["nostr_query_time: p(100)<30", 20, true],
    ["nostr_query_time: avg<14", 15, false],
    ["nostr_query_time{query:feed}: max<11", 10, true],
    ["nostr_query_failed: rate<0.01", 0, true],
    ["nostr_queries_scheduled: count==2", 2, true],
    ["nostr_queries_answered: rate>0.1", 0.2, true],
    ["nostr_query_rows: count<6", 6, false],
  ] as const;
  for (const [text, value, ok] of table) {
    it(`finds \`${text}\` ${ok ? "met" : "crossed"}`, () => {
      const [result] = judge(text);
      near(result?.value, value);
      assert.equal(result?.ok, ok);
    });
  }

  it("finds no data where there is none, and lets no such run pass", () => {
    const texts = [
      "nostr_publish_failed: rate<1",
      "nostr_publish_response_time: p(95)<1e9",
      "nostr_publish_service_time{event:view}: max<1e9",
      "nostr_connect_time: max<1e9",
      "nostr_set_completion_time: max<1e9",
      "nostr_query_time{query:choose}: max<1e9",
      "nostr_query_failed: rate<1",
      "nostr_events_accepted: count>=0",
    ];
    for (const text of texts) {
      const plan = planOf({ THRESHOLDS: text });
      const report = buildOf({ slices: [], plan });
      const verdicts = report.thresholds.map(({ value, ok }) => [value, ok]);
      assert.deepEqual(verdicts[0], [null, null], text);
      assert.ok(verdicts.every(([, ok]) => ok === null));
      assert.equal(passed(report), false);
    }
    assert.equal(passed(emptyReport()), false);
  });

  it("finds no data for an event type that the run did not have", () => {
    for (const event of ["live", "constructor"]) {
      const [result] = judge(`nostr_publish_response_time{event:${event}}: p(95)<1e9`);
      assert.deepEqual([result?.value, result?.ok], [null, null]);
    }
  });

  it("has one that holds in every run: something was accepted", () => {
    const least = (text: string) =>
      planOf({ THRESHOLDS: text }).thresholds.filter(
        ({ metric }) => metric === "nostr_events_accepted",
      );
    assert.deepEqual(least("nostr_publish_failed: rate<1"), [
      { metric: "nostr_events_accepted", expressions: ["count>0"] },
    ]);
    // Whoever tests that a relay refuses says so.
    assert.deepEqual(least("nostr_events_accepted: count==0"), [
      { metric: "nostr_events_accepted", expressions: ["count==0"] },
    ]);
  });

  it("passes when each is met on data", () => {
    const plan = planOf({ THRESHOLDS: "nostr_publish_failed: rate<0.01" });
    assert.equal(passed(buildOf({ plan })), true);
  });
});
