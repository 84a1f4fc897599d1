import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CountsOf } from "../src/measure/classes.ts";
import { isKnownMetric, parsePrometheus } from "../src/node/companion/prometheus.ts";
import type { FanoutPlan } from "../src/plan/fanout.ts";
import { deliveryOf, publishOf, queryOf } from "../src/report/class-report.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import {
  countedDeliveries,
  countedFrames,
  describeRelayCounts,
} from "../src/report/relay-counts.ts";
import type { RelayMetric, Report } from "../src/report/types.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { withClass, withTotals } from "./fixtures/reports/figures.ts";
import { buildOf, completeOf, emptyReport } from "./fixtures/reports/run.ts";

const metric = (name: string, first: number, last: number): RelayMetric => ({ name, first, last });
const withMetrics = (relayMetrics: readonly RelayMetric[], lost = 0): Report => {
  const report = completeOf(buildOf(), {
    companion: { relayProcess: null, relayMetrics, notMeasured: [] },
  });
  const { accepted } = publishOf(report).totals;
  return withTotals("publish", { lost, accepted: accepted - lost }, report);
};
const NO_TIMES = queryOf(emptyReport()).times;
const STRFRY = 'nostr_client_messages_total{verb="EVENT"}';

/** A run in which so many EVENTs came, and so many of those that were owed did not. */
const delivering = (text: readonly [before: string, behind: string], of: Delivered): Report => {
  const [first, last] = text.map(parsePrometheus) as [Map<string, number>, Map<string, number>];
  const relayMetrics = [...last]
    .filter(([name]) => isKnownMetric(name))
    .map(([name, value]) => metric(name, first.get(name) ?? 0, value));
  const { dropped = 0, ...totals } = of;
  const none = deliveryOf(emptyReport());
  const fanned = withClass(
    "delivery",
    { ...none, totals: { ...none.totals, ...totals } },
    withMetrics(relayMetrics),
  );
  return withTotals("connection", { dropped }, fanned);
};
type Delivered = Partial<CountsOf<"delivery">> & { readonly dropped?: number };

/** As strfry 1.1 and nostr-rs-relay 0.8.12 have them. */
const STRFRY_TEXT = (
  events: number,
) => `# HELP nostr_relay_messages_total Total number of Nostr relay messages by verb
# TYPE nostr_relay_messages_total counter
nostr_relay_messages_total{verb="EOSE"} 40
nostr_relay_messages_total{verb="EVENT"} ${events}
nostr_relay_messages_total{verb="OK"} 404
`;
const RS_TEXT = (realtime: number) => `# HELP nostr_events_sent_total Events sent to clients
# TYPE nostr_events_sent_total counter
nostr_events_sent_total{source="db"} 3
nostr_events_sent_total{source="realtime"} ${realtime}
# HELP nostr_query_abort_total Aborted queries
# TYPE nostr_query_abort_total counter
nostr_query_abort_total{reason="slow"} 0
`;
const came = { frames: 4_000, probes: 40 };
const NOTHING_YET = "nostr_connections_total 1\n";

describe("the relay's own counter of what it sent to subscriptions", () => {
  const rows: readonly (readonly [readonly [string, string], Delivered, RegExp])[] = [
    [
      [STRFRY_TEXT(100), STRFRY_TEXT(4_140)],
      came,
      /counted 4,040 EVENTs to subscriptions, 4,040 came: they agree\.$/,
    ],
    // What it had not counted yet was not there.
    [[NOTHING_YET, RS_TEXT(4_037)], came, /counted 4,040 .* they agree\.$/],
    [
      [RS_TEXT(0), RS_TEXT(4_040)],
      { ...came, missing: 7 },
      /they agree; 7 that are missing it never sent\.$/,
    ],
    [
      [RS_TEXT(0), RS_TEXT(4_049)],
      { ...came, dropped: 1, subscriptionLost: 12 },
      /counted 4,049 .* 4,040 came: 9 were lost in the system, with connections that ended\.$/,
    ],
    [
      [RS_TEXT(0), RS_TEXT(4_049)],
      { ...came, missing: 11 },
      /9 were lost by this generator: .*; 2 that are missing it never sent\.$/,
    ],
    [[RS_TEXT(0), RS_TEXT(4_039)], came, /DO NOT AGREE; it was read before the last/],
    [[STRFRY_TEXT(4_000), STRFRY_TEXT(3)], came, /DO NOT AGREE; it began anew/],
  ];
  for (const [texts, of, said] of rows) {
    it(`says ${said}`, () => {
      const lines = describeRelayCounts(delivering(texts, of));
      assert.match(lines.find((line) => line.includes("to subscriptions")) ?? "", said);
    });
  }

  it("is of events with those of probes, one a topic", () => {
    const fanout: FanoutPlan = {
      ...{ subscribers: 40, publishers: 10, subsPerConnection: 1, fanout: 10, decoys: 0 },
      ...{ filter: "author", events: "note", deliveryTimeoutMs: 1_000, baseline: 0, echo: false },
      ...{ slowReaders: 0, slowReaderRate: 0 },
    };
    const counted = (last: number) => {
      const report = delivering(["", ""], came);
      const relayMetrics = [metric(STRFRY, 0, last)];
      const resources = { samples: [], relayProcess: null, relayMetrics, notMeasured: [] };
      return countedFrames({ ...report, resources, config: { ...report.config, fanout, vus: 2 } });
    };
    assert.deepEqual(
      [1_004, 1_000].map((last) => counted(last)[0]?.agree),
      [true, false],
    );
  });

  it("has the frames of slow readers in it", () => {
    const report = delivering([RS_TEXT(0), RS_TEXT(4_540)], came);
    const slowReaders = {
      ...{ readers: 1, bytesPerSec: 0, topics: 1, topicsEach: 1, subscriptions: 1, fromSec: 4 },
      ...{ opened: 1, refused: [], bytes: 0, drainedBytes: 9, frames: 500, heldBytes: 0, ends: [] },
    };
    const [of, with500] = [report, { ...report, slowReaders }].map(countedDeliveries);
    assert.deepEqual([of?.byUs, with500?.byUs, with500?.came], [500, 0, 4_540]);
  });
});

describe("the relay's own counters", () => {
  it("are of REQs where queries were asked, and of none where COUNTs are among them", () => {
    const row = (name: string) =>
      withClass(
        "query",
        {
          ...queryOf(emptyReport()),
          rows: { [name]: { totals: zerosOf("query"), times: NO_TIMES } },
        },
        withMetrics([metric("nostr_cmd_req_total", 19, 219)]),
      );
    const asked = withTotals("query", { sent: 200 }, row("home"));
    assert.match(
      describeRelayCounts(asked)[0] ?? "",
      /counted 200 REQs, 200 were sent: they agree/,
    );
    const fewer = withTotals("query", { sent: 201 }, row("home"));
    assert.match(describeRelayCounts(fewer)[0] ?? "", /DO NOT AGREE/);
    assert.deepEqual(
      describeRelayCounts(withTotals("query", { sent: 9 }, row("count-followers"))),
      [],
    );
  });

  const rows: readonly (readonly [readonly RelayMetric[], number, RegExp])[] = [
    [[metric(STRFRY, 969, 1_969)], 0, /counted 1,000 EVENTs, 1,000 were sent: they agree\.$/],
    [[metric("nostr_cmd_event_total", 0, 1_000)], 0, /they agree\.$/],
    // It counts each twice.
    [[metric("nostr_cmd_event_total", 0, 2_000)], 0, /counted 1,000 EVENTs, .* they agree\.$/],
    [[metric("nostr_cmd_event_total", 0, 1_998)], 0, /counted 999 EVENTs, .* DO NOT AGREE/],
    [[metric("nostr_cmd_event_total", 0, 1_999)], 0, /counted 1,999 .* DO NOT AGREE/],
    [[metric(STRFRY, 0, 2_000)], 0, /counted 2,000 .* DO NOT AGREE/],
    [[metric(STRFRY, 969, 1_968)], 0, /counted 999 .* DO NOT AGREE; it was read before/],
    [[metric(STRFRY, 969, 1_968)], 1, /they agree\.$/],
    [[metric(STRFRY, 0, 1_001)], 0, /DO NOT AGREE; others are there too/],
    [[metric(STRFRY, 900, 10)], 0, /DO NOT AGREE; it began anew/],
    [
      [
        metric("nostr_events_write_seconds_sum", 1, 18.2),
        metric("nostr_events_write_seconds_count", 0, 12_427),
      ],
      0,
      /^By its own clock a write of the relay took 1\.38 ms on average\.$/,
    ],
    [
      [
        metric("strfry_write_time_microseconds_total", 0, 9e6),
        metric("strfry_write_events_total", 0, 3_000),
      ],
      0,
      /took 3\.00 ms/,
    ],
  ];
  for (const [metrics, lost, text] of rows) {
    it(`say ${text}`, () => {
      const [line = ""] = describeRelayCounts(withMetrics(metrics, lost));
      assert.match(line, text);
    });
  }

  it("say nothing where nothing is known, and stand in the details with what they changed by", () => {
    assert.deepEqual(describeRelayCounts(withMetrics([metric("process_open_fds", 1, 2)])), []);
    const markdown = renderMarkdown(withMetrics([metric(STRFRY, 969, 1_969)]));
    assert.match(markdown, /they agree/);
    assert.match(markdown, /\| 969 \| 1969 \| 1000 \|/);
  });
});
