/** `k6-nostr merge PART…`: logs of the instances of one run → the one report of it. */
import { ConfigError } from "../../errors.ts";
import { parseRelayUrls } from "../../guard/relay-url.ts";
import type { ReadBackFigures } from "../../merge/complete.ts";
import { type MergedRun, mergeRun, NOBODY_ASKED } from "../../merge/merge.ts";
import { parseHeaders } from "../../plan/headers.ts";
import { OPTIONS, type OptionName } from "../../plan/option-table.ts";
import { collectOptions, optionLabel, readSwitch } from "../../plan/options.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { GATE_FLAGS } from "../gate.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { askRelays } from "../merge/ask-relays.ts";
import { leaveReport } from "../merge/leave.ts";
import { readLogs, sha256 } from "../merge/read-logs.ts";
import { makeRunId } from "../run/run-id.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

/** What it takes to ask the relay what came of it. */
const READING = [
  "relay",
  "pool",
  "allowPrivate",
  "allowDedicatedRelay",
  "header",
  "ca",
] as const satisfies readonly OptionName[];

const FLAGS: readonly FlagRow[] = [
  { flag: "partial", help: "go without instances or figures that are missing; the report says so" },
  ...READING.map((name) => OPTIONS[name]),
  OPTIONS.reportDir,
  ...GATE_FLAGS,
  HELP_FLAG,
];

export async function merge(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(
      `k6-nostr merge PART… [flags]\n\nOne report of a run that several k6 processes shared, from their logs: files, or \`-\` for\nstandard input. Other lines in them, their order and doubles do not matter (docs/scale.md).\nWith --relay it reads back what the relay accepted, and counts what it holds.\n\n${describeFlags(FLAGS)}`,
    );
    return EXIT.ok;
  }
  if (words.length === 0) throw new ConfigError("usage: k6-nostr merge PART… [--partial]");
  const { processes } = await readLogs(words);
  const runId = [...processes.values()].map(({ begin }) => begin?.runId).find(Boolean);
  const run = mergeRun(processes, {
    partial: flags.partial !== undefined,
    runId: runId ?? makeRunId(),
    sha256,
  });
  const report = run.complete(await readBackNamed(run, flags));
  const reportDir =
    flags["report-dir"] ?? (process.env.REPORT_DIR || OPTIONS.reportDir.default || "");
  return await leaveReport(report, reportDir, flags);
}

/** Asks the relay that `--relay` names, by the rules for loading it; nobody without it. Throws `ConfigError`. */
export async function readBackNamed(
  run: MergedRun,
  flags: Readonly<Record<string, string | undefined>>,
): Promise<ReadBackFigures> {
  const { relay, pool } = flags;
  if (relay === undefined) return NOBODY_ASKED;
  const texts = collectOptions(
    Object.fromEntries(READING.map((name) => [OPTIONS[name].flag, flags[OPTIONS[name].flag]])),
    process.env,
    run.plan.scenario,
  );
  const relays = parseRelayUrls(relay);
  if (relays.length !== run.plan.relays.length) {
    throw new ConfigError(
      `${optionLabel("relay")} names ${relays.length} relays, and the run loaded ${run.plan.relays.length}`,
    );
  }
  const plan = {
    ...run.plan,
    relays,
    headers: parseHeaders(texts.header ?? "", optionLabel("header")),
    allowPrivate: readSwitch(texts, "allowPrivate"),
    dedicatedHost: texts.allowDedicatedRelay ?? null,
  };
  const ca = await readAuthorities(texts.ca);
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    const { signal } = interrupts;
    return await askRelays(run, { plan, ca, poolDir: pool, terminal, signal });
  } finally {
    interrupts.release();
  }
}
