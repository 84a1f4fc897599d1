import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { noLinkCounts } from "../src/measure/recorder.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import type { Report } from "../src/report/types.ts";
import {
  buildOf,
  completeOf,
  emptyReport,
  goodSlices,
  histogramOf,
  planOf,
  rowOf,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const SECTIONS = [
  "## May I believe this run?",
  "## Did it pass?",
  "## How many events, how fast?",
  "## Where did the time go?",
  "## What went wrong?",
  "## What to do about it?",
  "## How to run it again",
  "## Details",
];

const headings = (text: string) => text.split("\n").filter((line) => line.startsWith("## "));
const section = (text: string, heading: string) =>
  text.split(/^(?=## )/m).find((part) => part.startsWith(heading)) ?? "";

const good = completeOf(buildOf());
const unmeasured = completeOf(emptyReport(), {
  host: { cpus: null, memoryBytes: null, platform: null },
  resources: null,
  ceilingEps: null,
  floorMs: null,
  audit: null,
});

/** A run in which a relay said this, wherever a relay's text may get into a report. */
function withText(text: string): Report {
  const error = { class: "reject", code: text, count: 1, firstAtSec: 0, example: text };
  const report = buildOf({
    slices: [...goodSlices().slice(0, -1), sliceOf({ seq: 200, errors: [error] })],
    stopReason: text,
  });
  assert.ok(report.generator.reasons.some((reason) => reason.endsWith(text)));
  return report;
}

/** Tags outside of code, within which none is one. */
function tagsOf(markdown: string): readonly string[] {
  const prose = markdown.replace(/(?<!\\)`[^`\n]+`/g, "");
  return [...prose.matchAll(/(?<!\\)<(?!\s)[^>]*>/g)].map(([tag]) => tag);
}
const TAGS = tagsOf(renderMarkdown(good));

/** Cells of a line of a table; a pipe behind a backslash is text (GFM). */
const cellsOf = (line: string) => line.replaceAll("\\\\", "").split(/(?<!\\)\|/).length;

describe("renderMarkdown", () => {
  it("says what came of handshakes, and how connections ended", () => {
    const slices = [
      ...goodSlices(),
      sliceOf({
        seq: 101,
        endedMs: [1_100, 9_000],
        answersAtEnd: [
          [124, 2],
          [7, 1],
        ],
        histograms: { life: histogramOf(900, 900, 900), quiet: histogramOf(500) },
        link: { ...noLinkCounts(), unproven: 1 },
      }),
    ];
    const answers = [{ status: 429, text: "Too <many>", count: 2 }];
    const parts = { count: 2, tcp: 0.4, tls: 8, upgrade: 120 };
    const none = { status: null, text: "", count: 1 };
    const handshakes = { asked: 3, answers: [...answers, none], parts };
    const text = renderMarkdown(completeOf(buildOf({ slices }), { handshakes }));
    const errors = section(text, "## What went wrong?");
    assert.match(errors, /\| 429 \| `Too <many>` \| 2 \|/);
    assert.match(errors, /\| none \|/);
    assert.match(errors, /k6's handshakes were refused or slow, the command line made 3 itself/);
    assert.match(errors, /Of 2 .* TCP 0\.40 ms, TLS 8\.00 ms, the answer to the upgrade 120\.0 ms/);
    assert.match(
      errors,
      /ended: 3, after \d+\.\d ms of life in the median; 1 with nothing in flight, after a silence of 500\.0 ms; 1 before .*\(2\) after 124 answers/,
    );
    assert.doesNotMatch(section(renderMarkdown(good), "## What went wrong?"), /HTTP status|ended:/);
  });

  for (const [name, report] of Object.entries({ good, unmeasured, plain: buildOf() })) {
    it(`answers the questions in order, each once (${name} run)`, () => {
      assert.deepEqual(headings(renderMarkdown(report)), SECTIONS);
    });

    it(`has tables whose lines have as many cells as their head (${name} run)`, () => {
      assertTables(renderMarkdown(report));
    });

    it(`is free of figures that are none (${name} run)`, () => {
      assert.doesNotMatch(renderMarkdown(report), /NaN|undefined|Infinity|\bnull\b|\[object/);
    });
  }

  it("says not measured for what was not, and never 0", () => {
    const text = renderMarkdown(unmeasured);
    const time = section(text, "## Where did the time go?");
    for (const row of ["response time", "service time", "connect time"]) {
      const cells = Array.from({ length: 8 }, () => "not measured").join(" | ");
      assert.ok(time.includes(`| ${row} | 0 | ${cells} |`), row);
    }
    assert.match(text, /^response p99 .*most not measured$/m);
    assert.match(time, /Schedule lag p50 not measured, p99 not measured; loop lag/);
    assert.doesNotMatch(text, /\b0(\.0+)? ms\b/);
    const details = section(text, "## Details");
    for (const what of [
      "k6 v2.2.0",
      "CPUs not measured",
      "memory not measured",
      "platform not measured",
      "ceiling: not measured",
      "floor of service time: not measured",
      "resources: not measured",
      "read-back audit: not measured",
      "hot functions: not measured",
    ]) {
      assert.ok(details.includes(what), what);
    }
    assert.match(renderMarkdown(emptyReport()), /k6 not measured/);
    const sampled = sampleOf({ t: 1, process: "relay" });
    const partly = renderMarkdown(completeOf(buildOf(), { resources: [sampled] }));
    assert.match(partly, /relay not measured; generator not measured; host not measured/);
  });

  it("says what preflight advised, and what this generator reads", () => {
    const advice = [
      { id: "max-limit", what: "at most 100 rows", why: "cut off", remedy: "raise it" },
    ];
    const told = renderMarkdown({
      ...completeOf(buildOf(), { receive: { rowsPerSec: 50_000, bytesPerSec: 45e6 } }),
      preflight: { probes: [], advice },
    });
    const details = section(told, "## Details");
    assert.match(details, /before the run: at most 100 rows; cut off/);
    assert.match(details, /reads 50,000 rows\/s \(45\.0 MB\/s\); floor/);
    assert.doesNotMatch(section(renderMarkdown(good), "## Details"), /before the run:|rows\/s/);
  });

  it("names what was acknowledged and is missing, and how many more", () => {
    const missing = Array.from({ length: 12 }, (_, i) => String(i).padStart(64, "e"));
    const counts = { checked: 900, found: 800, excused: 60, acknowledged: 1_000 };
    const report = completeOf(buildOf(), { audit: { ...counts, missing, missingCount: 40 } });
    const text = renderMarkdown(report);
    const pass = section(text, "## Did it pass?");
    assert.match(pass, /\*\*No\.\*\*/);
    assert.match(pass, /acknowledged: 40 of 900 read back are missing/);
    assert.match(pass, /`e+9` and 30 more\.$/m);
    assert.match(text, /900 of 1,000 acknowledged .*, 800 found, 60 rightly gone, 40 missing$/m);
    const terminal = renderTerminal(report, []);
    assert.match(terminal, /^thresholds {2}all met$/m);
    assert.match(
      terminal,
      /^read-back {3}860 of 900 .*, 40 missing \(a sample of 1,000 acknowledged\)$/m,
    );
    assert.match(terminal, /^ +- e+4\n +and 35 more/m);
    assert.doesNotMatch(section(renderMarkdown(good), "## Did it pass?"), /missing/);
  });

  it("says whether the run may be believed, and why not", () => {
    assert.match(renderMarkdown(good), /\*\*Yes: the run is valid\.\*\*/);
    const invalid = renderMarkdown(unmeasured);
    assert.match(invalid, /\*\*No: the run is invalid\.\*\*/);
    assert.match(invalid, /\*\*Not judged: the run is invalid\.\*\*/);
    assert.match(invalid, /^- no event was sent/m);
    const cut = renderMarkdown(buildOf({ slices: goodSlices().slice(0, 50) }));
    assert.match(cut, /\*\*With care: the run is suspect\.\*\*/);
  });

  it("says under the verdict what comes next, from the first finding", () => {
    const lines = (of: Report) => renderMarkdown(of).split("\n").slice(3, 10).join(" ");
    assert.match(lines(good), /What next: nothing; this run supports no finding/);
    assert.match(lines(unmeasured), /What next: [A-Z].* \(no-data, critical, /);
    const [finding] = unmeasured.findings;
    assert.ok(finding);
    const info = { ...finding, severity: "info" as const, title: "a floor" };
    assert.match(
      lines({ ...good, findings: [info] }),
      /nothing has to be done\. Worth knowing: a floor/,
    );
    const crossed = good.thresholds.map((t) => ({ ...t, ok: false }));
    assert.match(lines({ ...good, thresholds: crossed }), /see what was not met; no finding/);
    const symptom = { ...info, labels: ["symptom-of:stalls", "requires-security-review"] };
    const many = { ...good, findings: [finding, symptom] };
    const items = section(renderMarkdown(many), "## What to do about it?");
    assert.match(items, /\(info, confidence high, a symptom of stalls\)/);
    assert.match(items, /Labels: requires-security-review\.$/m);
    assert.match(lines(many), /1 more below/);
    assert.match(renderTerminal(many, []), /^findings\n +1\. Nothing was measured \(critical, /m);
    assert.match(renderTerminal(good, []), /^findings {4}none is supported by this run$/m);
  });

  it("says in a sentence where the time went, and nothing of what was not measured", () => {
    const time = section(renderMarkdown(good), "## Where did the time go?");
    assert.match(time, /\*\*Of 2\.\d\d ms on average the relay and the wire took 7\d\.\d %\*\*/);
    const none = section(renderMarkdown(unmeasured), "## Where did the time go?");
    assert.doesNotMatch(none, /on average/);
  });

  it("says which thresholds were met, crossed, or had no data", () => {
    const plan = planOf({
      THRESHOLDS: "nostr_connect_time: max<1,max<99; nostr_publish_service_time{event:x}: max<1",
    });
    const passing = section(renderMarkdown(buildOf({ plan })), "## Did it pass?");
    assert.match(passing, /\*\*No: 2 of 4 thresholds not met\.\*\*/);
    assert.match(passing, /\| max\\<1 \| 4 \| \*\*crossed\*\* \|/);
    assert.match(passing, /\| max\\<99 \| 4 \| met \|/);
    assert.match(passing, /\| no data \| \*\*no data\*\* \|/);
    assert.match(renderMarkdown(good), /\*\*Yes: every threshold was met\.\*\*/);
  });

  it("shouts when the totals do not balance", () => {
    const slices = goodSlices().map((slice, i) =>
      i === 7
        ? { ...slice, classes: { publish: [rowOf(1, { scheduled: 9, attempted: 9 })] } }
        : slice,
    );
    const broken = buildOf({ slices });
    assert.match(renderMarkdown(good), /The totals balance\./);
    assert.match(renderMarkdown(broken), /\*\*The totals do not balance/);
    assert.match(renderMarkdown(broken), /INVALID/);
  });

  it("shows evidence that was not measured as such", () => {
    const finding = {
      rank: 1,
      id: "x",
      severity: "minor",
      confidence: "low",
      counterEvidence: [],
      cost: 0,
      page: "docs/findings.md#x",
      title: "A | title",
      evidence: [{ metric: "m", value: null, reference: null }],
      remediation: "Do <this>",
      labels: [],
    } as const;
    const todo = section(
      renderMarkdown({ ...good, findings: [finding] }),
      "## What to do about it?",
    );
    assert.match(
      todo,
      /^1\. \*\*A \\\| title\*\* \(minor, confidence low\)\. Do \\<this\\>\n {3}- Evidence: m not measured\.\n {3}- More: `docs\/findings\.md#x`$/m,
    );
  });

  it("says the verdict, the figures and the run over time before anything else", () => {
    const top = renderMarkdown(good).split("## ")[0] ?? "";
    assert.match(top, /^\*\*Valid\*\*, \*\*passed\*\*\. 2026-01-02 03:04 UTC, run /m);
    assert.match(top, /^\| accepted \| throughput \| set rate \| response p50 /m);
    assert.match(top, /^\| 1,000 \(100\.0 %\) \| 100 events\/s \| /m);
    for (const label of ["accepted", "not accepted", "response p50", "response p99", "relay CPU"]) {
      assert.match(top, new RegExp(`^${label} +.* most .+$`, "m"));
    }
    assert.match(renderMarkdown(unmeasured), /^\*\*INVALID: the figures say nothing/m);
  });

  it("is two screens long at most before what is folded in", () => {
    for (const report of [good, unmeasured, withManyErrors(100)]) {
      const seen = renderMarkdown(report).replace(/<details>[\s\S]*?<\/details>/g, "");
      const lines = seen.split("\n").filter((line) => line !== "");
      assert.ok(lines.length <= 80, `${lines.length} lines`);
    }
  });

  it("never is longer than a comment may be", () => {
    const text = renderMarkdown(withManyErrors(5_000));
    assert.ok(text.length <= 60_000, `${text.length}`);
    assert.deepEqual(headings(text), SECTIONS);
    assert.match(text, /4,992 more kinds of errors/);
    assert.match(text, /4952 more rows: see the JSON report\./);
    const huge = renderMarkdown({ ...good, findings: manyFindings(300) });
    assert.ok(huge.length <= 60_100, `${huge.length}`);
    assert.match(huge, /Cut here: the JSON report has all\.\n$/);
  });

  it("gives a command that is one word a value, whatever the report holds", () => {
    const seed = "a'b; touch $(x) ```y`\n# no";
    const options = { ...good.config.options, seed };
    const text = renderMarkdown({ ...good, config: { ...good.config, options } });
    const again = section(text, "## How to run it again");
    assert.ok(again.includes("--seed 'a'\\''b; touch $(x) ```y` # no'"), again);
    assert.match(again, /^````sh$[\s\S]+^````$/m);
  });

  it("gives a command that runs it again", () => {
    const again = section(renderMarkdown(good), "## How to run it again");
    for (const part of [
      "npx k6-nostr run publish",
      "--relay ws://127.0.0.1:7777",
      "--clients 10 --duration 10 --rate 100 --seed seed-1",
      "with this report's JSON: `npx k6-nostr run --config report.json`.",
    ]) {
      assert.ok(again.includes(part), part);
    }
  });

  it("gives a command with all that is not the default", () => {
    const again = section(
      renderMarkdown({
        ...good,
        config: {
          ...good.config,
          options: {
            ...good.config.options,
            relay: "wss://relay.test:7777",
            threshold: "nostr_publish_failed: rate<0.5; nostr_connect_time: max<9",
            "relay-note": "v1; it's new",
            epoch: "now",
            audit: "1",
            strict: "0",
          },
          withheld: ["ca", "header", "allow-private", "allow-dedicated-relay"],
          headers: ["Authorization"],
          pool: { ...good.config.pool, source: { builders: "ab".repeat(32) } },
        },
      }),
      "## How to run it again",
    );
    for (const part of [
      '--builders "$BUILDERS"',
      "run publish --relay wss://relay.test:7777",
      "--threshold 'nostr_publish_failed: rate<0.5' --threshold 'nostr_connect_time: max<9' --audit",
      "--epoch now",
      '--ca "$CA_FILE"',
      "--header 'Authorization: …'",
      "--allow-private",
      '--allow-dedicated-relay "$ALLOW_DEDICATED_RELAY"',
      "and again --ca, --header, --allow-private, --allow-dedicated-relay, whose texts no report",
      "--relay-note 'v1; it'\\''s new'",
      "the digest abababababababab",
    ]) {
      assert.ok(again.includes(part), `${part}\n${again}`);
    }
    assert.doesNotMatch(again, /--strict/);
    assert.ok(!section(renderMarkdown(good), "## How to run it again").includes("--threshold"));
  });

  it("asks for the file of a replay, and names no mix, which it has not", () => {
    const source = { replay: "cd".repeat(32) };
    const config = { ...good.config, pool: { ...good.config.pool, source } };
    const again = section(renderMarkdown({ ...good, config }), "## How to run it again");
    assert.ok(again.includes('--events "$EVENTS"'), again);
    assert.ok(!again.includes("--mix"), again);
    assert.ok(again.includes(source.replay), again);
  });

  it("keeps its shape whatever a relay says", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(
          fc.constantFrom(
            "|",
            "\\",
            "`",
            "```",
            "\n",
            "\r\n",
            "## Did it pass?",
            "<script>",
            "</details>",
            "<!--",
            "\u001b[2J",
            "\u0000",
            "\ud800",
            "[a](b)",
            "---",
          ),
          { maxLength: 10 },
        )
        .map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const markdown = renderMarkdown(withText(text));
        assert.deepEqual(headings(markdown), SECTIONS);
        assertTables(markdown);
        assert.deepEqual(tagsOf(markdown), TAGS);
        assert.equal(markdown.split("```").length, 5, "two blocks of code");
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get through
        assert.doesNotMatch(markdown, /[\u0000-\u0009\u000b-\u001f\u007f]/);
      }),
      { numRuns: 100 },
    );
  });
});

function withManyErrors(count: number): Report {
  const errors = Array.from({ length: count }, (_, i) => ({
    class: "reject",
    code: `code-${i}`,
    count: 1,
    share: 0.1,
    firstAtSec: 0,
    example: "x".repeat(160),
    stack: null,
  }));
  return { ...good, errors };
}

function manyFindings(count: number): Report["findings"] {
  return Array.from({ length: count }, (_, i) => ({
    rank: i,
    id: "x",
    severity: "minor" as const,
    title: "y".repeat(300),
    evidence: [],
    remediation: "z".repeat(300),
    labels: [],
    confidence: "low" as const,
    counterEvidence: [],
    cost: 0,
    page: "docs/findings.md#x",
  }));
}

function assertTables(markdown: string): void {
  let head = 0;
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) {
      head = 0;
      continue;
    }
    const cells = cellsOf(line);
    if (head === 0) head = cells;
    assert.equal(cells, head, line);
    assert.ok(line.endsWith("|"), line);
  }
}

describe("renderTerminal", () => {
  it("says the verdict, the outcomes and where the files are", () => {
    const text = renderTerminal(good, ["a.json", "b.md"]);
    for (const part of [
      /^verdict {5}VALID$/m,
      /^thresholds {2}all met$/m,
      /1,000 scheduled, 1,000 sent, 1,000 accepted/,
      /^rate {8}100 events\/s accepted of 100 events\/s set$/m,
      /^reports {5}a\.json\n {12}b\.md$/m,
      /10 of 10 acknowledged events found or rightly gone, 0 missing/,
    ]) {
      assert.match(text, part);
    }
  });

  it("says not measured for what was not", () => {
    const text = renderTerminal(unmeasured, []);
    assert.match(text, /^verdict {5}INVALID: the figures say nothing about the relay$/m);
    assert.match(text, /^thresholds {2}not judged$/m);
    assert.match(text, /p50 not measured, p95 not measured/);
    assert.match(text, /^read-back {3}not made: /m);
    assert.doesNotMatch(text, /\b0(\.0+)? ms\b|NaN|undefined|null/);
  });

  it("lists the thresholds that were not met", () => {
    const failing = sliceOf({
      seq: 200,
      classes: { publish: [rowOf(1, { scheduled: 50, attempted: 50, rejected: 50 })] },
    });
    const text = renderTerminal(buildOf({ slices: [...goodSlices(), failing] }), []);
    assert.match(
      text,
      /^thresholds {2}NOT MET\n {12}- nostr_publish_failed: rate<0\.01 \(0\.0476\)$/m,
    );
  });
});
