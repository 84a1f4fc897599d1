/** Notes about a run for repositories that keep such files: what would be written where. */

import { leadingOf } from "../class-report.ts";
import { reproduceSection, rerunCommand } from "../command.ts";
import { cell, formatMs, formatRate } from "../format.ts";
import type { Finding, Report } from "../types.ts";
import { EXIT, exitCode, passed } from "../verdict.ts";
import type { Draft } from "./issue.ts";
import { nextSteps } from "./pr-body.ts";

export interface HandoffNote {
  /** What must be there for the note to be written: a file to append to, or a folder. */
  readonly needs: string;
  readonly path: string;
  readonly appends: boolean;
  /** `null`: the run gives no reason for it. */
  readonly text: string | null;
}

export function handoffNotes(report: Report): readonly HandoffNote[] {
  const file = `load-test-${report.run.id.replace(/[^\w.-]/g, "")}.md`;
  const inFolder = (folder: string, text: string | null): HandoffNote => ({
    needs: folder,
    path: `${folder}/${file}`,
    appends: false,
    text,
  });
  return [
    { needs: "KNOWN_ISSUES.md", path: "KNOWN_ISSUES.md", appends: true, text: knownIssues(report) },
    inFolder("docs/agent-handoffs/incidents", incident(report)),
    inFolder("src/context", context(report)),
    inFolder(
      "src/todo",
      `# To do after load test ${report.run.id}\n\n${nextSteps(report).join("\n")}\n`,
    ),
    inFolder("src/decisions", decisions(report)),
    inFolder("src/test_logs", testLog(report)),
  ];
}

/** Proposes the layout for what could not be written. */
export function draftLayout(missing: readonly HandoffNote[]): Draft {
  return {
    name: "handoff-layout",
    title: "Keep notes about load tests in the repository",
    labels: ["load-test", "documentation"],
    body: [
      "These places are not there, so nothing was written to them. To have the notes written, make them:",
      "",
      ...missing.map(({ needs, appends }) => `- \`${needs}${appends ? "" : "/"}\``),
      "",
      "What would have been written:",
      "",
      ...missing.flatMap(({ path, text }) => [
        `### \`${path}\``,
        "",
        ...(text ?? "Nothing after this run: no reason for it.")
          .split("\n")
          .map((line) => `> ${line}`.trimEnd()),
        "",
      ]),
    ].join("\n"),
  };
}

/** A run is known to a file by this line. */
export function knownHeading({ run }: Report): string {
  return `## Load test ${cell(run.id)}`;
}

/** Nothing where the relay is not to blame: a file of issues is for issues. */
function knownIssues(report: Report): string | null {
  const list = issuesOf(report);
  if (list.length === 0) return null;
  const items = list.map((f) => `- ${cell(f.title)} (${f.severity}): ${cell(f.remediation)}`);
  return `\n${knownHeading(report)}\n\n${items.join("\n")}\n`;
}

function issuesOf({ generator, findings }: Report): readonly Finding[] {
  if (generator.verdict === "invalid") return [];
  return findings.filter(({ severity }) => severity !== "info");
}

/** A run that went well is no incident. */
function incident(report: Report): string | null {
  const { run, generator } = report;
  if (exitCode(report) === EXIT.ok && issuesOf(report).length === 0) return null;
  return [
    `# Load test ${run.id}`,
    "",
    `What happened: ${outcome(report)}.`,
    "",
    ...generator.reasons.map((reason) => `- ${cell(reason)}`),
    ...report.errors.map(
      (e) =>
        `- ${cell(e.class)} ${cell(e.code)}${e.reason ? ` (${e.reason})` : ""}: ${e.count} times`,
    ),
    ...report.findings.map((f) => `- ${cell(f.title)} (${f.severity})`),
    "",
    reproduceSection(report),
    "",
  ].join("\n");
}

function context(report: Report): string {
  return [
    `# Context of load test ${report.run.id}`,
    "",
    "The run does not target public relays; requires RELAY_URL.",
    "",
    reproduceSection(report),
    "",
  ].join("\n");
}

function decisions(report: Report): string {
  const { config: c } = report;
  const { rate, row } = leadingOf(report);
  return [
    `# Decisions of load test ${report.run.id}`,
    "",
    `- ${c.clients} clients at ${formatRate(rate.target, `${row.many}/s`)} for ${c.durationSec} s, ${c.arrival} arrivals, seed \`${c.seed}\``,
    ...report.thresholds.map((t) => `- threshold ${cell(t.metric)}: ${cell(t.expression)}`),
    "",
  ].join("\n");
}

function testLog(report: Report): string {
  const { times, rate, row } = leadingOf(report);
  const perSecond = (value: number | null) => formatRate(value, `${row.many}/s`);
  return [
    `# Log of load test ${report.run.id}`,
    "",
    "```sh",
    rerunCommand(report),
    "```",
    "",
    `${report.run.startedAt} to ${report.run.endedAt}: ${outcome(report)}.`,
    "",
    `- ${row.doneWord} ${perSecond(rate.done)} of ${perSecond(rate.target)} set`,
    `- response p50 ${formatMs(times.response.p50)}, p99 ${formatMs(times.response.p99)}; service p50 ${formatMs(times.service.p50)}, p99 ${formatMs(times.service.p99)}`,
    "",
  ].join("\n");
}

function outcome(report: Report): string {
  const { generator, run } = report;
  if (!run.complete) return `incomplete (${cell(run.stopReason ?? "no reason")})`;
  if (generator.verdict === "invalid") return "an invalid run, which blames no relay";
  return `a ${generator.verdict} run, thresholds ${passed(report) ? "met" : "not met"}`;
}
