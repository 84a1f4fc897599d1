/** Repeated runs in one Markdown text: a line for each, then each report folded in. */
import { leadingOf } from "./class-report.ts";
import { cell, formatMs, formatRate } from "./format.ts";
import { renderMarkdown } from "./markdown.ts";
import type { Report } from "./types.ts";
import { exitCode, passed } from "./verdict.ts";

export function renderSet(reports: readonly Report[]): string {
  const good = reports.filter((report) => exitCode(report) === 0).length;
  return [
    `# ${reports.length} runs of one plan: ${good} valid with all thresholds met`,
    "",
    "| run | verdict | thresholds | done | response p50 | p95 | p99 |",
    "|---|---|---|---:|---:|---:|---:|",
    ...reports.map((report, i) => {
      const { row, times, rate } = leadingOf(report);
      const { p50, p95, p99 } = times.response;
      const figures = [formatRate(rate.done, `${row.many}/s`), ...[p50, p95, p99].map(formatMs)];
      return `| ${i + 1}, seed ${cell(report.config.seed)} | ${verdictOf(report)} | ${thresholdsOf(report)} | ${figures.join(" | ")} |`;
    }),
    "",
    ...reports.flatMap((report, i) => [
      `<details><summary>Run ${i + 1}: ${verdictOf(report)}</summary>`,
      "",
      renderMarkdown(report),
      "",
      "</details>",
      "",
    ]),
  ].join("\n");
}

function verdictOf({ run, generator }: Report): string {
  return run.complete ? generator.verdict : "incomplete";
}

function thresholdsOf(report: Report): string {
  if (report.generator.verdict === "invalid" || !report.run.complete) return "not judged";
  return passed(report) ? "met" : "**not met**";
}
