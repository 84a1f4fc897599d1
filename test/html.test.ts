import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { buildPageAssets } from "../build/page.ts";
import type { PageData } from "../src/report/charts/chart.ts";
import { chartsOf } from "../src/report/charts/charts.ts";
import { escapeHtml, escapeJson } from "../src/report/html/escape.ts";
import { renderHtml } from "../src/report/html/render.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import type { Report } from "../src/report/types.ts";
import { deliveries, reconnections } from "./fixtures/reports/classes.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  goodSlices,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const assets = buildPageAssets();
const good = completeOf(buildOf());
const page = renderHtml(good, assets);

const headings = (html: string) => [...html.matchAll(/<h2 [^>]*>([^<]*)<\/h2>/g)].map((m) => m[1]);
const dataOf = (html: string): PageData =>
  JSON.parse(
    /<script type="application\/json" id="page-data">(.*?)<\/script>/s.exec(html)?.[1] ?? "",
  );
/** All markup but script and style, which hold no text of a report. */
const markup = (html: string) =>
  html
    .replace(assets.script, "")
    .replace(assets.style, "")
    .replace(/(id="page-data">)[^<]*/, "$1");
const tagsOf = (html: string) =>
  [...markup(html).matchAll(/<\/?[a-z][^>]*>/gi)].map(([tag]) =>
    tag.replace(/aria-label="[^"]*"/, "aria-label"),
  );

/** Somebody's report names topics at will. */
function topicsCalled(text: string): Pick<Report["classes"], "delivery"> {
  const { delivery } = deliveries().classes;
  const rows = Object.values(delivery?.rows ?? {});
  assert.ok(delivery && rows.length > 1);
  return {
    delivery: {
      ...delivery,
      rows: Object.fromEntries(rows.map((row, i) => [`${text}${i}`, row])),
    },
  };
}

/** A run in which a relay said this, wherever a relay's text may get into a report. */
function withText(text: string): Report {
  const error = { class: "reject", code: text, count: 1, firstAtSec: 0, example: text };
  const built = buildOf({
    slices: [...goodSlices().slice(0, -1), sliceOf({ seq: 200, errors: [error] })],
    stopReason: text,
  });
  const finding = { rank: 1, id: text, severity: "minor", title: text, remediation: text } as const;
  const evidence = [{ metric: text, value: text, reference: text }];
  const judged = { confidence: "low", counterEvidence: evidence, cost: 1, page: text } as const;
  return {
    ...built,
    classes: { ...built.classes, ...topicsCalled(text) },
    run: { ...built.run, scenario: text, id: text },
    config: { ...built.config, relays: [text], seed: text, mix: { [text]: 1 } },
    findings: [{ ...finding, ...judged, evidence, labels: [text] }],
    resources: {
      samples: built.resources?.samples ?? [],
      relayProcess: text,
      relayMetrics: [{ name: text, first: 0, last: 1 }],
      notMeasured: [{ what: text, why: text }],
    },
    profile: {
      source: "perf",
      process: text,
      samples: 1,
      functions: [{ name: text, file: text, selfPercent: 1 }],
    },
    thresholds: [{ metric: text, expression: text, value: 1, ok: true }],
  };
}

describe("renderHtml", () => {
  it("has the sections of the Markdown, in their order, the verdict above them", () => {
    for (const report of [good, completeOf(emptyReport()), buildOf()]) {
      const html = renderHtml(report, assets);
      const markdown = renderMarkdown(report);
      assert.deepEqual(
        headings(html),
        [...markdown.matchAll(/^## (.*)$/gm)].map((m) => m[1]),
      );
      assert.ok(html.indexOf('class="verdict') < html.indexOf("<h2"));
      assert.doesNotMatch(markup(html), /NaN|undefined|Infinity|\bnull\b|\[object/);
    }
    assert.match(page, /<p class="verdict good"><strong>Valid<\/strong>, <strong>passed<\/strong>/);
    assert.match(renderHtml(emptyReport(), assets), /<p class="verdict bad"><strong>INVALID/);
    assert.match(
      renderHtml(buildOf({ slices: goodSlices().slice(0, 50) }), assets),
      /verdict warn/,
    );
  });

  it("says what its tables say in the Markdown as well", () => {
    const cells = [...page.matchAll(/<t[dh][^>]*>([^<]+)/g)].map(([, cell]) => cell);
    for (const cell of [
      "nostr_publish_failed",
      "rate&lt;0.01",
      "2.00 ms",
      "scheduleLag",
      "video",
    ]) {
      assert.ok(cells.includes(cell), cell);
    }
  });

  it("needs nothing from anywhere, and may load nothing", () => {
    assert.doesNotMatch(markup(page), /\b(src|srcset|href|action|data|poster)="(?!#)/);
    assert.doesNotMatch(page, /@import|url\(|import\(/);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? "";
    assert.match(
      policy,
      /^default-src 'none'; script-src 'sha256-[^;']+'; style-src 'sha256-[^;']+';/,
    );
    const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "";
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
    assert.ok(policy.includes(`script-src ${hash(script)}`));
    assert.ok(policy.includes(`style-src ${hash(style)}`));
    // The policy would refuse them.
    assert.doesNotMatch(markup(page), /\sstyle=|\son[a-z]+=/);
  });

  it("is the same again for the same report", () => {
    assert.equal(renderHtml(JSON.parse(JSON.stringify(good)), assets), page);
  });

  it("has each chart with words, a place that takes the keyboard, and its figures as a table", () => {
    const { charts } = dataOf(page);
    assert.deepEqual(
      charts.map(({ id, kind }) => `${id} ${kind}`),
      [
        "throughput lines",
        "connections lines",
        "percentiles lines",
        "heat heat",
        "curve lines",
        "service lines",
        "lag lines",
        "cpu lines",
        "memory lines",
        "errors none",
      ],
    );
    for (const { id, kind } of charts) {
      const figure =
        page.split("<figure ").find((part) => part.includes(`chart-${id}-title`)) ?? "";
      assert.match(
        figure,
        /<figcaption id="chart-[a-z]+-title"><strong>[^<]+<\/strong> [^<]+</,
        id,
      );
      if (kind === "none") {
        assert.match(figure, /<p class="none">all events of every slice were accepted</);
        continue;
      }
      assert.match(
        figure,
        /tabindex="0" role="group" aria-roledescription="chart" aria-label="[^"]+"/,
      );
      assert.match(
        figure,
        /<details><summary>Table: [^<]+<\/summary>\n<div class="scroll" tabindex/,
      );
      const rows = figure.match(/<tr><th scope="row"/g)?.length ?? 0;
      assert.ok(rows >= 1, `${id}: ${rows} rows`);
    }
    const throughput = page.split("<figure ")[1] ?? "";
    assert.match(throughput, /<tr><th scope="row" class=n>9.5 s<td class=n>100 events\/s<td/);
    assert.match(throughput, /aria-label="Throughput\. set: 100 events\/s to 100 events\/s\./);
  });

  it("says of charts without data why", () => {
    const { charts } = dataOf(renderHtml(completeOf(emptyReport(), { resources: null }), assets));
    for (const chart of charts) assert.equal(chart.kind, "none", chart.id);
    const cpu = charts.find((c) => c.id === "cpu");
    assert.equal(cpu?.kind === "none" ? cpu.why : "drawn", "not measured");
  });

  it("keeps its markup whatever a relay says", () => {
    const plain = tagsOf(renderHtml(withText("plain"), assets));
    const texts = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc
        .array(
          fc.constantFrom(
            "</script>",
            "<script>alert(1)</script>",
            "<!--",
            "]]>",
            "<img src=x onerror=alert(1)>",
            '" autofocus onfocus="alert(1)',
            "'>",
            "&lt;script&gt;",
            "</style>",
            "\u2028",
            "\u202e",
            "\u0000",
            "javascript:alert(1)",
          ),
          { minLength: 1, maxLength: 6 },
        )
        .map((pieces) => pieces.join("")),
    );
    // Of a text that is blank no code span is made.
    const shown = texts.map((text) => `a${text}`);
    fc.assert(
      fc.property(shown, (text) => {
        const html = renderHtml(withText(text), assets);
        assert.deepEqual(tagsOf(html), plain);
        assert.equal(html.split("</script>").length, 3);
      }),
      { numRuns: 30 },
    );
  });
});

describe("docs/reading-a-report.md", () => {
  it("explains every signal and every chart", async () => {
    const text = await readFile("docs/reading-a-report.md", "utf8");
    for (const { id } of good.generator.signals) assert.ok(text.includes(`| \`${id}\` |`), id);
    const pressure = { cpu: 1, io: 1, memory: 1 };
    const all = { cpuPercent: 1, rssBytes: 1, openFiles: 1, diskWriteBytesPerSec: 1, pressure };
    const resources = [sampleOf({ t: 1, process: "relay", ...all })];
    const { charts } = dataOf(renderHtml(completeOf(buildOf(), { resources }), assets));
    assert.equal(charts.length, 13);
    // What failed is called by what the run is about.
    const others = [deliveries(), reconnections()]
      .flatMap((report) => chartsOf(report).charts)
      .filter(({ id }) => id !== "errors");
    for (const { title } of [...charts, ...others]) {
      assert.match(text, new RegExp(`^\\| ([^|]*, )?${title}(, [^|]*)? \\|`, "m"), title);
    }
  });
});

describe("escaping", () => {
  it("leaves nothing that HTML would read", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(escapeHtml(text), /[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
    assert.equal(escapeHtml("a\u202eb\u0000c\u2066d"), "a b c d");
  });

  it("gives JSON that a script element can hold and that is the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = escapeJson(value);
        assert.doesNotMatch(text, /[<>&\u2028\u2029]/);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      }),
    );
    assert.equal(escapeJson("</script>\u2028"), '"\\u003c/script\\u003e\\u2028"');
  });
});
