/** The text of a pull request that brings a report into a repository. */

import { leadingOf } from "../class-report.ts";
import { rerunCommand, shellQuote } from "../command.ts";
import { cell, formatCount, formatMs, formatRate } from "../format.ts";
import type { Report } from "../types.ts";
import { passed } from "../verdict.ts";

/** What a pull request is called and the branch it comes from. */
export interface PullRequestNames {
  readonly title: string;
  readonly branch: string;
}

export function pullRequestNames(report: Report): PullRequestNames {
  const { run } = report;
  const { rate, row } = leadingOf(report);
  const day = run.startedAt.slice(0, 10);
  return {
    title: `test(load): ${run.scenario} at ${rate.target ?? 0} ${row.many}/s, ${day}`,
    branch: `ai/load-test-${day.replaceAll("-", "")}`,
  };
}

/** The lines that open it; nothing runs them but a person. */
export function ghPullRequest({ title, branch }: PullRequestNames, bodyPath: string): string {
  return [
    `git switch -c ${shellQuote(branch)}`,
    `gh pr create --head ${shellQuote(branch)} --title ${shellQuote(title)} --body-file ${shellQuote(bodyPath)}`,
  ].join("\n");
}

export function renderPullRequest(report: Report): string {
  const { run, config: c, generator } = report;
  const { totals, times, rate, row } = leadingOf(report);
  const perSecond = (value: number | null) => formatRate(value, `${row.many}/s`);
  const { title, branch } = pullRequestNames(report);
  const outcome =
    generator.verdict === "invalid" || !run.complete
      ? "not judged"
      : passed(report)
        ? "all met"
        : "not met";
  const mix = Object.entries(c.mix)
    .map(([type, weight]) => `${type}:${weight}`)
    .join(",");
  return [
    `Title: \`${title}\``,
    `Branch: \`${branch}\``,
    "",
    "## Safety",
    "",
    "This load test does not target public relays; requires RELAY_URL. " +
      "Relays of this machine are loaded, others only with consent; known public relays are refused whatever is configured.",
    "",
    "## Command",
    "",
    "```sh",
    rerunCommand(report),
    "```",
    "",
    "## Configuration",
    "",
    `${formatCount(c.clients)} clients, ${perSecond(rate.target)}, ${c.durationSec} s after ${c.warmupSec} s of warm-up, mix ${cell(mix)}, ${c.arrival} arrivals, seed \`${c.seed}\`, pool \`${c.pool.id}\`; relay \`${c.relays.join(", ")}\`; ${run.tool}, ${run.k6 ?? "k6 not measured"}.`,
    "",
    "## Summary",
    "",
    `- verdict on the run: **${run.complete ? generator.verdict : "incomplete"}**${generator.reasons.length > 0 ? ` (${cell(generator.reasons.join("; "))})` : ""}`,
    `- thresholds: **${outcome}**`,
    `- ${formatCount(totals[row.done] ?? 0)} of ${formatCount(totals[row.due] ?? 0)} scheduled ${row.many} ${row.doneWord}, ${perSecond(rate.done)}`,
    `- response time p50 ${formatMs(times.response.p50)}, p95 ${formatMs(times.response.p95)}, p99 ${formatMs(times.response.p99)}`,
    "",
    "## Next steps",
    "",
    ...nextSteps(report),
    "",
  ].join("\n");
}

export function nextSteps({ findings, generator }: Report): readonly string[] {
  if (generator.verdict === "invalid") {
    return [
      "- [ ] Run it again with room for the generator: an invalid run says nothing about the relay.",
    ];
  }
  if (findings.length === 0) {
    return ["- [ ] None: no finding is supported by the evidence. Keep the report as a baseline."];
  }
  return findings.map((f) => `- [ ] ${cell(f.title)} (${f.severity}): ${cell(f.remediation)}`);
}
