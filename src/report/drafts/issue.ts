/** Drafts of issues, one for each finding that is worth one: severity minor and up. */

import { reproduceSection, shellQuote } from "../command.ts";
import { cell, NOT_MEASURED } from "../format.ts";
import type { Finding, Report } from "../types.ts";

export interface Draft {
  /** File name: lower case letters, digits and `-`. */
  readonly name: string;
  readonly title: string;
  readonly labels: readonly string[];
  readonly body: string;
}

export function draftIssues(report: Report): readonly Draft[] {
  return report.findings
    .filter(({ severity }) => severity !== "info")
    .map((finding) => draftIssue(finding, report));
}

function draftIssue(finding: Finding, report: Report): Draft {
  const rows = (evidence: Finding["evidence"]) => [
    "| metric | value | reference |",
    "|---|---|---|",
    ...evidence.map(
      (e) =>
        `| ${cell(e.metric)} | ${cell(String(e.value ?? NOT_MEASURED))} | ${cell(String(e.reference ?? "–"))} |`,
    ),
  ];
  return {
    // Runs of one day may share a folder.
    name: `${slug(report.run.id)}-${String(finding.rank).padStart(2, "0")}-${slug(finding.id)}`,
    title: oneLine(finding.title),
    labels: finding.labels,
    body: [
      `Severity: ${finding.severity}, confidence: ${finding.confidence}. The run was ${report.generator.verdict}. Found by a load test (${report.run.tool}); check the evidence before acting on it.`,
      "",
      "## Evidence",
      "",
      ...rows(finding.evidence),
      "",
      ...(finding.counterEvidence.length === 0
        ? []
        : ["Looked at, and not against it:", "", ...rows(finding.counterEvidence), ""]),
      "## What to do",
      "",
      cell(finding.remediation),
      "",
      `More about it: \`${finding.page}\` of k6-nostr.`,
      "",
      reproduceSection(report),
      "",
    ].join("\n"),
  };
}

/** The whole file of a draft: title, labels, the line that files it, then the body that it files. */
export function renderDraft(draft: Draft, bodyPath: string): string {
  return [
    `# ${cell(draft.title)}`,
    "",
    `Labels: ${draft.labels.map((label) => cell(label)).join(", ") || "none"}`,
    "",
    "```sh",
    ghIssueCreate(draft, bodyPath),
    "```",
    "",
    draft.body,
  ].join("\n");
}

/** The line that files a draft; nothing runs it but a person. */
export function ghIssueCreate({ title, labels }: Draft, bodyPath: string): string {
  const words = labels.flatMap((label) => ["--label", shellQuote(label)]);
  return [
    "gh issue create",
    `--title ${shellQuote(title)}`,
    `--body-file ${shellQuote(bodyPath)}`,
    ...(words.length > 0 ? [words.join(" ")] : []),
  ].join(" ");
}

function slug(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return plain.replace(/^-+|-+$/g, "").slice(0, 60) || "finding";
}

function oneLine(text: string): string {
  return Array.from(text, (c) => (c < " " || c === "\u007f" ? " " : c))
    .join("")
    .trim()
    .slice(0, 200);
}
