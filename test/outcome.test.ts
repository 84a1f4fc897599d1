import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LineChart } from "../src/report/charts/chart.ts";
import { isFlat } from "../src/report/charts/flat.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { outcomeOf, testedRelays } from "../src/report/outcome.ts";
import { describeProxy, proxyOf } from "../src/report/port-proxy.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import type { Finding, Report } from "../src/report/types.ts";
import { withTotals } from "./fixtures/reports/figures.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  histogramOf,
  planOf,
  rowOfClass,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const good = completeOf(buildOf());
const finding = (severity: Finding["severity"]): Finding => ({
  ...{ rank: 1, id: "overload", severity, confidence: "high", title: "The relay is at its limit" },
  ...{
    evidence: [],
    counterEvidence: [],
    remediation: "Do less. Or more.",
    labels: [],
    cost: 1,
    page: "",
  },
});

describe("the outcome", () => {
  it("is one sentence: the first finding's, or what the relay took", () => {
    const crossed = good.thresholds.map((t) => ({ ...t, ok: false }));
    const rows: readonly (readonly [Report, RegExp])[] = [
      [{ ...good, findings: [finding("major")] }, /^The relay is at its limit$/],
      [
        { ...good, findings: [finding("info")] },
        /^The relay takes 100 events\/s: it accepted all 1,000/,
      ],
      [
        { ...good, thresholds: crossed },
        /^The relay does not take 100 events\/s as the thresholds want/,
      ],
      [
        withTotals("publish", { accepted: 995, duplicate: 5 }, good),
        /accepted 99\.5 % of 1,000 events, response p50 2\.00 ms/,
      ],
      [completeOf(emptyReport()), /^This run says nothing about the relay$/],
    ];
    for (const [report, text] of rows) assert.match(outcomeOf(report), text);
  });

  it("stands in the terminal and on top of the Markdown, with the relay", () => {
    const report = { ...good, findings: [finding("major")] };
    assert.match(
      renderTerminal(report, []),
      /^outcome {5}The relay is at its limit\nrelay {7}127\.0\.0\.1:7777$/m,
    );
    assert.match(
      renderMarkdown(report),
      /\n\n\*\*The relay is at its limit\.\*\*\n\nRelay: 127\.0\.0\.1:7777\n\nWhat next: Do less\. \(overload, major/,
    );
  });
});

describe("the relays that were tested", () => {
  it("are named by what they say of themselves, and never more than printed", () => {
    const of = (software: string | null, version: string | null, address: string | null) =>
      testedRelays({
        ...good,
        run: { ...good.run, relays: [{ label: "127.0.0.1:7777", address, software, version }] },
      });
    const url = "git+https://github.com/hoytech/strfry.git";
    assert.deepEqual(of(url, "1.1.1", "127.0.0.1"), [`strfry 1.1.1 (${url}), 127.0.0.1:7777`]);
    assert.deepEqual(of("BRB-noserver", "0.6", null), ["BRB-noserver 0.6, 127.0.0.1:7777"]);
    assert.deepEqual(of(null, null, "::1"), ["127.0.0.1:7777 at ::1"]);
    assert.deepEqual(of("https://x.example/", null, null), [
      "x.example (https://x.example/), 127.0.0.1:7777",
    ]);
    const [evil = ""] = of("a\u001b[2Jb", "1\u202e", null);
    const line = renderTerminal(
      {
        ...good,
        run: {
          ...good.run,
          relays: [
            { label: "127.0.0.1:7777", address: null, software: "a\u001b[2Jb", version: "1\u202e" },
          ],
        },
      },
      [],
    );
    assert.ok(evil.includes("\u001b") && !line.includes("\u001b") && !line.includes("\u202e"));
  });
});

describe("a proxy before the relay", () => {
  const withProxy = (cpuPercent: number | null): Report =>
    completeOf(buildOf(), {
      resources: [1, 2].map((t) => sampleOf({ t, process: "proxy", cpuPercent })),
      companion: {
        ...{ relayProcess: null, relayMetrics: [], notMeasured: [] },
        proxy: { name: "docker-proxy", pids: [7] },
      },
    });

  it("is told of in report and terminal, with what it takes", () => {
    const report = withProxy(34);
    assert.deepEqual(proxyOf(report), { name: "docker-proxy", cpuPercent: 34 });
    const text = /A proxy \(docker-proxy\) is in the path and takes 34 % of a core/;
    assert.match(renderTerminal(report, []), text);
    assert.match(renderMarkdown(report), text);
    assert.match(describeProxy({ name: "x", cpuPercent: null }), /was not measured/);
    assert.equal(proxyOf(good), null);
    assert.doesNotMatch(renderTerminal(good, []), /proxy/);
  });

  it("is a finding where it takes much, and a cause where it takes more than the relay", () => {
    assert.deepEqual(
      [49, 50, 80].map(
        (cpu) => withProxy(cpu).findings.find(({ id }) => id === "proxy-in-path")?.severity,
      ),
      [undefined, "minor", "major"],
    );
  });
});

describe("queries in the terminal", () => {
  it("have a line each, with those that got no answer", () => {
    const report = buildOf({
      plan: { ...planOf(), scenario: "playback" },
      slices: [
        sliceOf({
          classes: {
            query: [
              rowOfClass("query", 0, {
                ...{ scheduled: 10, sent: 9, noConnection: 1 },
                ...{ eose: 6, closed: 1, timedOut: 1, lost: 1, rows: 120 },
                ...{ unchecked: 6, uncheckedRows: 120 },
              }),
              rowOfClass("query", 1, {
                ...{ scheduled: 4, sent: 4, eose: 4, rows: 4 },
                ...{ right: 3, short: 1, matching: 4 },
              }),
            ],
          },
          histograms: { "query.response.0": histogramOf(5), "query.service.0": histogramOf(5) },
        }),
      ],
    });
    assert.match(
      renderTerminal(report, []),
      /^queries {5}feed: 10 asked, 6 answered, 4 not; p50 [45]\.\d\d ms, .*\n {12}choose: 4 asked, 4 answered, 0 not, 3 right, 0 truncated, 1 short, 0 wrong; p50 not measured/m,
    );
    assert.doesNotMatch(renderTerminal(good, []), /^queries/m);
  });
});

describe("a chart that does not move", () => {
  const lines = (log: boolean, ...values: readonly (number | null)[]): LineChart => ({
    ...{
      kind: "lines",
      id: "service",
      title: "",
      caption: "",
      x: "time",
      stepped: true,
      unit: "ms",
    },
    ...{ log, xs: values.map((_, i) => i), series: [{ label: "a", values }] },
  });

  it("is one whose values are near each other, but for one in twenty", () => {
    const even = Array.from({ length: 40 }, () => 10);
    assert.ok(isFlat(lines(false, ...even, null)));
    assert.ok(isFlat(lines(false, ...even, 11.9)));
    assert.ok(isFlat(lines(false, ...even, 900)), "a single one");
    assert.ok(!isFlat(lines(false, ...even, 13, 13, 13, 13)));
    assert.ok(isFlat(lines(true, ...even, 29, 29, 29, 29)));
    assert.ok(!isFlat(lines(true, ...even, 31, 31, 31, 31)));
    assert.ok(!isFlat({ ...lines(true, ...even), id: "throughput" }));
  });
});
