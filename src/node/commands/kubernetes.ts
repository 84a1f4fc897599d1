/** `k6-nostr kubernetes render|run|logs|delete`: a plan loaded by the pods of a cluster, and the one report of them. */
import { ConfigError } from "../../errors.ts";
import { mergeRun } from "../../merge/merge.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { GATE_FLAGS } from "../gate.ts";
import { Api } from "../kubernetes/api.ts";
import { type Flags, JOB_FLAGS, readJob } from "../kubernetes/asked.ts";
import { manifestsOf, RIGHTS_OF } from "../kubernetes/engine.ts";
import { Following } from "../kubernetes/following.ts";
import { podsOf, remove } from "../kubernetes/made.ts";
import { refuseWithoutRights } from "../kubernetes/rights.ts";
import { Roster } from "../kubernetes/roster.ts";
import { runByPods } from "../kubernetes/run.ts";
import { searchByPods } from "../kubernetes/search.ts";
import { leaveReport } from "../merge/leave.ts";
import { sha256 } from "../merge/read-logs.ts";
import { makeRunDir } from "../report-files.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { capacity, type Elsewhere } from "./capacity.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";
import { readBackNamed } from "./merge.ts";

const RUN_FLAGS: readonly FlagRow[] = [
  { flag: "fail-fast", help: "run: the first instance that dies ends all" },
  {
    flag: "keep",
    help: "run: what was made stays, an hour long; `kubernetes logs` reads it again",
  },
  { flag: "partial", help: "logs: go without instances or figures that are missing" },
  ...GATE_FLAGS,
];

const BY_PODS: Elsewhere = {
  flags: JOB_FLAGS,
  usage: "k6-nostr kubernetes capacity [scenario] --relay URL --instances N [flags]",
  read: searchByPods,
};

/** Logs that are not followed are there at once, but for a node that does not answer. */
const READ_MS = 60_000;

export async function kubernetes(args: readonly string[]): Promise<number> {
  const [wanted, ...others] = args;
  if (wanted === "capacity") return await capacity(others, BY_PODS);
  const own = [...JOB_FLAGS, ...RUN_FLAGS, CONFIG_FLAG, HELP_FLAG];
  const { flags, words } = parseCommandLine(args, [...Object.values(OPTIONS), ...own]);
  if (flags.help) {
    process.stdout.write(`${USAGE}\n${describeOptions()}\nThis command\n${describeFlags(own)}`);
    return EXIT.ok;
  }
  const [verb, ...rest] = words;
  const [name] = rest;
  if (verb === "render") {
    const made = await manifestsOf(await readJob(rest, flags, Date.now()));
    const whole = made.length === 1 ? made[0] : { apiVersion: "v1", kind: "List", items: made };
    process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`);
    return EXIT.ok;
  }
  if (verb === "run") return await runJob(rest, flags);
  if (verb === "logs" && name !== undefined) return await readAgain(name, flags);
  if (verb === "delete" && name !== undefined) return await removeAll(name, flags);
  throw new ConfigError(
    "usage: k6-nostr kubernetes render|run|capacity <scenario> --relay URL --instances N, or kubernetes logs|delete NAME",
  );
}

const USAGE = `k6-nostr kubernetes run <scenario> --relay URL --instances N [flags]
k6-nostr kubernetes render <scenario> …   print what \`run\` would make
k6-nostr kubernetes capacity [scenario] … search for what the relay takes, each trial by pods
k6-nostr kubernetes logs NAME             read the pods' logs again, and make their report
k6-nostr kubernetes delete NAME           remove all that a run made

Loads a plan with a pod for each instance, follows their logs, writes the one report, removes what it
made (docs/scale.md). Goes through \`kubectl\`, as that is set up.
`;

async function runJob(words: readonly string[], flags: Flags): Promise<number> {
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  const { signal } = interrupts;
  const job = await readJob(words, flags, Date.now());
  const { reportDir } = job.plan;
  // Before anything is loaded, a report must have a place.
  await makeRunDir(reportDir, job.runId);
  const api = await Api.open(flags.namespace);
  try {
    await refuseWithoutRights(api, RIGHTS_OF[job.engine]);
    interrupts.onRepeat(() => void api.close().finally(() => process.exit(EXIT.interrupted)));
    const own = {
      failFast: flags["fail-fast"] !== undefined,
      isKept: flags.keep !== undefined,
    };
    const report = await runByPods({ api, job, ...own, terminal, signal });
    const code = await leaveReport(report, reportDir, flags);
    return signal.aborted ? EXIT.interrupted : code;
  } finally {
    await api.close();
    interrupts.release();
  }
}

async function readAgain(name: string, flags: Flags): Promise<number> {
  const api = await Api.open(flags.namespace);
  try {
    const pods = await podsOf(api, name);
    if (pods.length === 0) throw nothingOf(name, api);
    const following = new Following(api);
    following.follow(pods);
    await following.settle(READ_MS);
    const { processes } = following.gathering;
    const begin = [...processes.values()].find((said) => said.begin)?.begin;
    if (!begin) throw new ConfigError(`no pod of \`${name}\` has measured anything`);
    const roster = new Roster(begin.instances, begin.startAtMs ?? begin.unixMs);
    roster.see(pods, Date.now());
    const hasSaid = (index: number) =>
      [...processes.values()].some((said) => said.begin?.index === index && said.about !== null);
    const run = mergeRun(processes, {
      ended: roster.endings(hasSaid),
      runId: begin.runId ?? name,
      partial: flags.partial !== undefined,
      sha256,
    });
    const report = run.complete(await readBackNamed(run, flags));
    const reportDir =
      flags["report-dir"] ?? (process.env.REPORT_DIR || OPTIONS.reportDir.default || "");
    return await leaveReport(report, reportDir, flags);
  } finally {
    await api.close();
  }
}

async function removeAll(name: string, flags: Flags): Promise<number> {
  const api = await Api.open(flags.namespace);
  try {
    const kinds = await remove(api, name);
    if (kinds.length === 0) throw nothingOf(name, api);
    process.stdout.write(
      `removed ${kinds.join(" and ")} ${name} of ${api.namespace}, its pods with it\n`,
    );
    return EXIT.ok;
  } finally {
    await api.close();
  }
}

function nothingOf(name: string, { namespace }: Api): ConfigError {
  return new ConfigError(`there is nothing of \`${name}\` in the namespace \`${namespace}\``);
}
