/** Step summaries, annotations and JUnit XML, with whatever a relay says in them. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { report } from "../src/node/commands/report.ts";
import { passGate } from "../src/node/gate.ts";
import { compareSets } from "../src/report/compare/compare.ts";
import { type GateItem, gateOfComparison, gateOfReport, gateOfSet } from "../src/report/gate.ts";
import { capSummary, MOST_ANNOTATIONS, renderAnnotations } from "../src/report/github.ts";
import { renderJunit } from "../src/report/junit.ts";
import { renderSet } from "../src/report/set.ts";
import type { Finding } from "../src/report/types.ts";
import { buildOf, completeOf, planOf } from "./fixtures/reports/run.ts";

const good = completeOf(buildOf());
const crossed = completeOf(
  buildOf({ plan: planOf({ THRESHOLDS: "nostr_connect_time: max<1,max<99" }) }),
);
const invalid = {
  ...crossed,
  generator: { ...good.generator, verdict: "invalid", reasons: ["late"] },
} as const;
const item = (members: Partial<GateItem>): GateItem => ({
  group: "threshold",
  name: "n",
  state: "failed",
  message: "m",
  ...members,
});
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom("::error::x", "\n", "\r", "%0A", "]]>", "<a>", "&", '"', "\ud800", "\u0000"),
    )
    .map((parts) => parts.join("")),
);

describe("gateOfReport", () => {
  const states = (items: readonly GateItem[]) =>
    items.map(({ group, state }) => `${group} ${state}`);

  it("fails on a crossed threshold, on no data, on lost events and on an invalid run", () => {
    assert.ok(gateOfReport(good).every(({ state }) => state === "passed" || state === "skipped"));
    assert.deepEqual(states(gateOfReport(crossed)), [
      "verdict passed",
      "threshold failed",
      "threshold passed",
      "threshold passed",
      "audit passed",
      "finding warning",
    ]);
    const lost = { ...good, audit: { ...good.audit, missingCount: 2, checked: 9 } } as typeof good;
    assert.ok(states(gateOfReport(lost)).includes("audit failed"));
    assert.deepEqual(states(gateOfReport(invalid)).slice(0, 2), [
      "verdict failed",
      "threshold skipped",
    ]);
  });

  it("has one item a compared figure", () => {
    const set = { label: "r", reports: [good] };
    const again = { label: "r", reports: [{ ...good, run: { ...good.run, id: "again" } }] };
    const c = compareSets(set, again, { paired: false, tolerance: 0.1 });
    assert.equal(gateOfComparison(c).length, c.figures.length + 1);
    assert.ok(gateOfComparison(c).every(({ state }) => state !== "failed"));
    const other = compareSets(
      set,
      { label: "s", reports: [invalid] },
      { paired: false, tolerance: 0.1 },
    );
    assert.deepEqual(states(gateOfComparison(other)), ["verdict failed"]);
  });
});

describe("the gate of repeated runs", () => {
  const finding: Finding = {
    rank: 1,
    id: "write-stalls",
    severity: "major",
    title: "It stalls",
    evidence: [],
    remediation: "Commit in groups",
    labels: [],
    confidence: "high",
    counterEvidence: [],
    cost: 1,
    page: "docs/findings.md#write-stalls",
  };
  const stalled = { ...good, findings: [finding] };

  it("names each run's items by its place, and a finding once", () => {
    const items = gateOfSet([stalled, { ...crossed, findings: [] }, stalled]);
    assert.equal(items.filter(({ group }) => group === "verdict").length, 3);
    assert.ok(
      items.some(({ name, state }) => name.startsWith("run 2: nostr_") && state === "failed"),
    );
    const found = items.filter(({ group }) => group === "finding");
    assert.deepEqual(
      found.map(({ name, message }) => [name, message]),
      [["It stalls", "in 2 of 3 runs; major: Commit in groups"]],
    );
  });

  it("sums up in a line a run, with the reports folded in", () => {
    const text = renderSet([good, crossed, invalid]);
    assert.match(text, /^# 3 runs of one plan: 1 valid with all thresholds met/);
    assert.match(text, /\| 2, seed seed-1 \| valid \| \*\*not met\*\* \|/);
    assert.match(text, /\| 3, seed seed-1 \| invalid \| not judged \|/);
    const count = (tag: string) => text.split(tag).length;
    assert.equal(count("<details>"), count("</details>"));
  });
});

describe("renderAnnotations", () => {
  it("is one command a line whatever the texts hold", () => {
    fc.assert(
      fc.property(hostile, hostile, (name, message) => {
        const text = renderAnnotations([item({ name, message })]);
        assert.equal(text.split("\n").length, 2);
        assert.doesNotMatch(text, /\r/);
        assert.match(text, /^::error title=threshold%3A [^:,]*::/);
      }),
    );
    assert.equal(
      renderAnnotations([item({ name: "a:b,c", message: "50 %\n::error::x" })]),
      "::error title=threshold%3A a%3Ab%2Cc::50 %25%0A::error::x\n",
    );
  });

  it("has at most ten of a kind, and says how many more", () => {
    const many = Array.from({ length: 25 }, () => item({}));
    const lines = renderAnnotations([...many, item({ state: "warning" })])
      .trim()
      .split("\n");
    assert.equal(lines.filter((line) => line.startsWith("::error")).length, MOST_ANNOTATIONS);
    assert.match(lines[9] ?? "", /::16 more/);
    assert.equal(lines.filter((line) => line.startsWith("::warning")).length, 1);
    assert.equal(renderAnnotations([item({ state: "passed" })]), "");
  });
});

describe("capSummary", () => {
  it("cuts at a line, within the bytes, with what was open closed", () => {
    assert.equal(capSummary("short", 100), "short");
    const long = `<details>\n\n\`\`\`\n${"ä".repeat(20)}\n${"line €\n".repeat(1_000)}\`\`\`\n</details>`;
    const cut = capSummary(long, 1_000);
    assert.ok(Buffer.byteLength(cut) <= 1_020);
    assert.equal(cut.split("```").length, 3);
    assert.match(cut, /<\/details>[\s\S]*Cut here/);
    assert.equal(capSummary(long, 10), "");
  });
});

describe("renderJunit", () => {
  it("has a case for each threshold, the verdict and the audit", () => {
    const xml = renderJunit(gateOfReport(crossed), "suite");
    assert.match(xml, /<testsuite name="suite" tests="5" failures="1" errors="0" skipped="0">/);
    assert.match(xml, /name="nostr_connect_time: max&lt;1"><failure message="crossed, value 4">/);
  });

  it("is well-formed XML whatever the texts hold", () => {
    fc.assert(
      fc.property(hostile, hostile, (name, message) => {
        for (const state of ["failed", "skipped", "passed"] as const) {
          assertXml(renderJunit([item({ name, message, state })], name));
        }
      }),
    );
  });
});

describe("report as a gate", () => {
  it("exits as its run did, and only renders without a gate's flag", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-gate-"));
    try {
      const file = join(dir, "report.json");
      const [junit, markdown] = [join(dir, "j.xml"), join(dir, "r.md")];
      for (const [made, code] of [
        [good, 0],
        [crossed, 99],
      ] as const) {
        await writeFile(file, JSON.stringify(made));
        assert.equal(await report([file, "--markdown", markdown, "--junit", junit]), code);
        assert.equal(await report([file, "--markdown", markdown]), 0);
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("passGate", () => {
  it("writes the XML and appends to the summary within the limit of a step", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-gate-"));
    try {
      const summary = join(dir, "summary.md");
      await writeFile(summary, "x".repeat(999_000));
      const request = {
        flags: { github: "1", junit: join(dir, "a", "junit.xml") },
        items: [item({ state: "passed" })],
        suite: "s",
        environment: { GITHUB_STEP_SUMMARY: summary },
      };
      await passGate({ ...request, markdown: "line\n".repeat(10_000) });
      assert.ok((await readFile(summary)).byteLength < 1_048_576);
      assert.match(await readFile(summary, "utf8"), /line\n/);
      assertXml(await readFile(join(dir, "a", "junit.xml"), "utf8"));
      await assert.rejects(
        passGate({ ...request, flags: { junit: "/dev/null/x" }, markdown: "" }),
        /can't be written/,
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

/** Tags nest, attributes and text hold no markup, every character is one of XML 1.0. */
function assertXml(xml: string): void {
  assert.match(xml, /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
  const open: string[] = [];
  const body = xml.replace(/^<\?xml[^?]*\?>/, "");
  const rest = body.replace(
    /<(\/?)([\w-]+)((?: \w+="[^"<>]*")*)(\/?)>/g,
    (_, end, name, _a, empty) => {
      if (end) assert.equal(open.pop(), name);
      else if (!empty) open.push(name);
      return "";
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]/);
  assert.doesNotMatch(xml, /&(?!(?:amp|lt|gt|quot|apos|#\d+);)/);
}
