/** `handleSummary`: the slices that k6 saw as checks → report files, and a few lines for a person. */
import crypto from "k6/crypto";
import { decodeSlice, type Slice } from "../../src/measure/slice.ts";
import { planText } from "../../src/plan/plan.ts";
import { buildReport } from "../../src/report/build.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { renderTerminal } from "../../src/report/terminal.ts";
import type { Script } from "./script.ts";

interface SummaryData {
  readonly root_group?: { readonly checks: readonly { readonly name: string }[] };
  readonly state?: { readonly testRunDurationMs: number };
}

/** Gives k6 the files to write: by the CLI into the run's folder, by hand under the report folder. */
export function summarizeRun({ plan, pool, run }: Script, data: unknown): Record<string, string> {
  const { root_group: group, state } = data as SummaryData;
  if (!group || !state) {
    throw new Error(
      "k6 gave another summary than expected: remove --new-machine-readable-summary and K6_NEW_MACHINE_READABLE_SUMMARY",
    );
  }
  const endedAtMs = Date.now();
  const startedAtMs = endedAtMs - state.testRunDurationMs;
  const day = new Date(startedAtMs).toISOString().slice(0, 10);
  const report = buildReport({
    slices: group.checks.flatMap(({ name }): Slice[] => {
      const slice = decodeSlice(name);
      return slice === null ? [] : [slice];
    }),
    plan,
    pool,
    runId: run.runId ?? `by-hand-${Math.floor(startedAtMs)}`,
    planHash: crypto.sha256(planText(plan, pool.id), "hex"),
    startedAtMs,
    endedAtMs,
    stopReason: "k6 was stopped before the end",
    k6: null,
  });
  const json = `${JSON.stringify(report)}\n`;
  if (run.runDir !== null) return { [`${run.runDir}/report.json`]: json };
  const files = {
    json: `${plan.reportDir}/load-report-${day}.json`,
    markdown: `${plan.reportDir}/load-test-report-${day}.md`,
  };
  return {
    [files.json]: json,
    [files.markdown]: renderMarkdown(report),
    stdout: renderTerminal(report, [files.json, files.markdown]),
  };
}
