/** `k6-nostr merge PART…`: logs of the instances of one run → the one report of it. */
import { setFlagsFromString } from "node:v8";
import { ConfigError } from "../../errors.ts";
import { mergeInstances } from "../../merge/merge.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { GATE_FLAGS } from "../gate.ts";
import { leaveReport } from "../merge/leave.ts";
import { readLogs, sha256 } from "../merge/read-logs.ts";
import { makeRunId } from "../run/run-id.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS: readonly FlagRow[] = [
  { flag: "partial", help: "go without instances or figures that are missing; the report says so" },
  OPTIONS.reportDir,
  ...GATE_FLAGS,
  HELP_FLAG,
];

export async function merge(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(
      `k6-nostr merge PART… [flags]\n\nOne report of a run that several k6 processes shared, from their logs: files, or \`-\` for\nstandard input. Other lines in them, their order and doubles do not matter (docs/scale.md).\n\n${describeFlags(FLAGS)}`,
    );
    return EXIT.ok;
  }
  if (words.length === 0) throw new ConfigError("usage: k6-nostr merge PART… [--partial]");
  // Much is read and little kept: by itself the heap would grow to three times what is in use.
  setFlagsFromString("--heap-growing-percent=25");
  const { processes } = await readLogs(words);
  const runId = [...processes.values()].map(({ begin }) => begin?.runId).find(Boolean);
  const report = mergeInstances(processes, {
    partial: flags.partial !== undefined,
    runId: runId ?? makeRunId(),
    sha256,
  });
  const reportDir =
    flags["report-dir"] ?? (process.env.REPORT_DIR || OPTIONS.reportDir.default || "");
  return await leaveReport(report, reportDir, flags);
}
