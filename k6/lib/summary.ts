/** `handleSummary`: the slices that k6 saw as checks → report files, and a few lines for a person. */
import crypto from "k6/crypto";
import { decodeSlice, type Slice } from "../../src/measure/slice.ts";
import { toAscii } from "../../src/merge/lines.ts";
import { endLines } from "../../src/merge/protocol.ts";
import { planText } from "../../src/plan/plan.ts";
import type { MakeReport } from "./report-maker.ts";
import type { Origin } from "./scenario.ts";
import type { Script } from "./script.ts";

/** The bundler's: `report-maker.ts` and all that it imports, as the text of a script. */
declare const REPORT_MAKER: string;

interface SummaryData {
  readonly root_group?: { readonly checks: readonly { readonly name: string }[] };
  readonly state?: { readonly testRunDurationMs: number };
  readonly setup_data?: Origin | null;
}

/** Gives k6 the files to write: by the CLI into the run's folder, by hand under the report folder. */
export function summarizeRun({ plan, pool, run }: Script, data: unknown): Record<string, string> {
  const { root_group: group, state } = data as SummaryData;
  if (!group || !state) {
    throw new Error(
      "k6 gave another summary than expected: remove --new-machine-readable-summary and K6_NEW_MACHINE_READABLE_SUMMARY",
    );
  }
  if (plan.instances > 1) {
    endProcess(
      (data as SummaryData).setup_data ?? null,
      group.checks.map(({ name }) => name),
    );
    return {};
  }
  const endedAtMs = Date.now();
  const startedAtMs = endedAtMs - state.testRunDurationMs;
  const day = new Date(startedAtMs).toISOString().slice(0, 10);
  const makeReport = new Function(`${REPORT_MAKER}; return made.makeReport;`)() as MakeReport;
  const report = makeReport({
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
  if (run.runDir !== null) return { [`${run.runDir}/report.json`]: report.json };
  const files = {
    json: `${plan.reportDir}/load-report-${day}.json`,
    markdown: `${plan.reportDir}/load-test-report-${day}.md`,
  };
  return {
    [files.json]: report.json,
    [files.markdown]: report.markdown(),
    stdout: report.terminal([files.json, files.markdown]),
  };
}

/** A part of a run makes no report: it says what there was of it, so that nothing can be lacking unnoticed. */
function endProcess(origin: Origin | null, texts: readonly string[]): void {
  if (origin === null) return;
  const sha256 = (text: string) => crypto.sha256(text, "hex");
  const slices = texts.flatMap((text) => {
    const slice = decodeSlice(text);
    if (slice === null) return [];
    return [{ vu: slice.vu, seq: slice.seq, digest: sha256(toAscii(text)) }];
  });
  for (const line of endLines(origin.of, slices, sha256)) console.log(line);
}
