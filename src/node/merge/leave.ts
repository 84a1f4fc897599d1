/** The one report of several instances, left as a run's is: files, a summary, what CI is told. */
import { resolve } from "node:path";
import { renderTerminal } from "../../report/terminal.ts";
import type { Report } from "../../report/types.ts";
import { exitCode } from "../../report/verdict.ts";
import { gateRun } from "../commands/repeat.ts";
import { makeRunDir, tellUnwritten, writeReport } from "../report-files.ts";

/** Gives the exit code of the run. */
export async function leaveReport(
  report: Report,
  reportDir: string,
  flags: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const runDir = resolve(await makeRunDir(reportDir, report.run.id));
  const written = await writeReport(report, reportDir, runDir);
  process.stdout.write(renderTerminal(report, written.files));
  await gateRun(report, flags);
  return tellUnwritten(written, exitCode(report));
}
