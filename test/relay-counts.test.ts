import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishOf, queryOf } from "../src/report/class-report.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { describeRelayCounts } from "../src/report/relay-counts.ts";
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
