/** What was accepted and is not there fails a run, whoever prints it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { withFindings } from "../src/report/findings/engine.ts";
import { gateOfReport } from "../src/report/gate.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import schema from "../src/report/schema.json" with { type: "json" };
import { renderTerminal } from "../src/report/terminal.ts";
import type { Audit, KnownEvents, Report } from "../src/report/types.ts";
import { EXIT, exitCode } from "../src/report/verdict.ts";
import { buildOf, completeOf } from "./fixtures/reports/run.ts";

const isReport = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
  schema,
);

const found: Audit = {
  checked: 10,
  found: 10,
  missing: [],
  missingCount: 0,
  excused: 0,
  acknowledged: 1_000,
  stored: { kinds: null, why: "counted with --audit alone" },
};

function reportOf(members: Partial<Audit>, known: KnownEvents | null = null): Report {
  const report = completeOf(buildOf(), { audit: { ...found, ...members }, known });
  assert.ok(isReport(JSON.parse(JSON.stringify(report))), JSON.stringify(isReport.errors));
  return report;
}

const storing = (delta: number, kind = 1) => ({
  kinds: [
    {
      kind,
      accepted: 400,
      expectedStored: 400,
      deleted: 0,
      margin: 3,
      counted: 400 + delta,
      delta,
    },
  ],
  why: null,
});

describe("what was accepted and is not there", () => {
  const auditState = (report: Report) =>
    gateOfReport(report).find(({ group }) => group === "audit")?.state;

  for (const [name, members, code] of [
    ["as many as should be, or more: passes", { stored: storing(5) }, EXIT.ok],
    ["fewer than should be: fails", { stored: storing(-1) }, EXIT.threshold],
    ["an id of a spot check missing: fails", { spot: true, missingCount: 1 }, EXIT.threshold],
  ] as const) {
    it(name, () => {
      const report = reportOf(members);
      assert.equal(exitCode(report), code);
      assert.equal(auditState(report), code === EXIT.ok ? "passed" : "failed");
      assert.equal(
        renderMarkdown(report).includes("**Yes: every threshold was met.**"),
        code === EXIT.ok,
      );
    });
  }

  it("is told with its numbers", () => {
    const report = reportOf({ stored: storing(-56) });
    assert.match(renderTerminal(report, []), /NOT ALL WAS STORED: the run failed/);
    assert.match(
      renderMarkdown(report),
      /did not all come to be stored: ?\*\* ?344 events more than before, of 400 accepted; NOT AS EXPECTED: kind 1 56 fewer .*344 of about 400/,
    );
  });

  const reasons: readonly (readonly [string, Partial<Audit>, KnownEvents | null, RegExp])[] = [
    ["ids that are there", {}, null, /in the relay already, .* known event as a new one/],
    [
      "events that were there before",
      { missingCount: 1 },
      { asked: 20, found: 8, why: null },
      /some were there before the run/,
    ],
    ["missing ids", { missingCount: 3 }, null, /the store loses them/],
    [
      "replaceable kinds alone",
      { missingCount: 3, stored: storing(-5, 30_079) },
      null,
      /a `d` may hold colons/,
    ],
  ];
  for (const [name, members, known, remedy] of reasons) {
    it(`has its likeliest reason: ${name}`, () => {
      const { findings } = withFindings(reportOf({ stored: storing(-56), ...members }, known));
      const finding = findings.find(({ id }) => id === "not-stored");
      assert.match(finding?.remediation ?? "", remedy);
      const cause = (members.missingCount ?? 0) > 0;
      assert.equal(finding?.labels.includes("symptom-of:lost-after-ok"), cause);
    });
  }
});

describe("what was looked for", () => {
  it("is a spot check without an audit, and says what was there before the run", () => {
    const report = reportOf({ spot: true }, { asked: 20, found: 2, why: null });
    assert.match(renderTerminal(report, []), /read-back {3}10 of 10 .*a spot check of 1,000/);
    const markdown = renderMarkdown(report);
    assert.match(markdown, /read-back audit: a spot check: 10 of 1,000/);
    assert.match(markdown, /there before the run: 2 of 20 events of the pool/);
    // The same command again makes a spot check by itself.
    assert.doesNotMatch(markdown, /run publish.* --audit/);
    const silent = reportOf({}, { asked: 0, found: 0, why: "a:1: no answer in 2000 ms" });
    assert.match(renderMarkdown(silent), /there before the run: not measured; a:1: no answer/);
  });
});
