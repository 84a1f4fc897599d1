/** `k6-nostr capacity [scenario]`: the highest load that meets the objective. */
import { join } from "node:path";
import { buildPageAssets } from "../../../build/page.ts";
import { capacityReport } from "../../capacity/report.ts";
import {
  BACKLOG,
  type CapacityReport,
  type SearchSettings,
  UNREADY,
  UNSENT,
} from "../../capacity/result.ts";
import { ConfigError } from "../../errors.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { type OptionTexts, optionLabel, readSwitch } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";
import { refuseKey } from "../../plan/secrets.ts";
import { defaultThresholds } from "../../plan/thresholds.ts";
import { capacityExitCode, gateOfCapacity } from "../../report/capacity/gate.ts";
import { renderCapacityHtml } from "../../report/capacity/html.ts";
import { renderCapacity } from "../../report/capacity/markdown.ts";
import { renderCapacityTerminal } from "../../report/capacity/terminal.ts";
import { TOOL } from "../../report/tool.ts";
import { EXIT } from "../../report/verdict.ts";
import { type Asked, readAsked } from "../asked.ts";
import { AT_LEAST_FLAG, readAtLeast } from "../at-least.ts";
import { ceilingOf } from "../calibrate/obtain.ts";
import { type Generator, HERE } from "../capacity/generator.ts";
import { carryOutSearches, type Searched } from "../capacity/search-run.ts";
import {
  flagsSet,
  rampOf,
  readCooldown,
  readFresh,
  readSettings,
  SEARCH_FLAGS,
  textsOfSearch,
} from "../capacity/settings.ts";
import { firstPlan, type OpenSide, openSide } from "../capacity/sides.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { GATE_FLAGS, passGate } from "../gate.ts";
import { policyOf } from "../guard/policy.ts";
import { writeWhole } from "../report-files.ts";
import { sharesHost } from "../run/same-host.ts";
import { drawSeed } from "../seed.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";

type Flags = Readonly<Record<string, string | undefined>>;

const OWN = [...SEARCH_FLAGS, AT_LEAST_FLAG, ...GATE_FLAGS, CONFIG_FLAG, HELP_FLAG];
const OTHERWISE: ScenarioName = "publish";
/** Without the p95 that a run has: one limit on times, so that the result has one reason. */
const OBJECTIVES: Partial<Readonly<Record<ScenarioName, string>>> = {
  publish: "nostr_publish_failed: rate<0.01; nostr_publish_response_time: p(99)<1000",
};

/** Trials by generators elsewhere, where there are any: what they are told, and who they are. */
export interface Elsewhere {
  readonly flags: readonly FlagRow[];
  readonly usage: string;
  /** Throws `ConfigError`. */
  readonly read: (asked: Asked, flags: Flags) => Generator;
}

export async function capacity(args: readonly string[], elsewhere?: Elsewhere): Promise<number> {
  const rows = [...(elsewhere?.flags ?? []), ...OWN];
  const { flags, words } = parseCommandLine(args, [...Object.values(OPTIONS), ...rows]);
  if (flags.help) {
    process.stdout.write(usage(elsewhere?.usage ?? USAGE, rows));
    return EXIT.ok;
  }
  const wanted = await readAsked(words, flags, process.env, OTHERWISE);
  const { scenario, texts, given } = wanted;
  const read = readSettings(flags, scenario, texts.mode);
  const atLeast = readAtLeast(flags["at-least"]);
  refuse(flags, texts, read);
  const generator = elsewhere?.read(wanted, flags) ?? HERE;
  const own: OptionTexts = {
    ...textsOfSearch(read.scale, texts),
    threshold: texts.threshold ?? OBJECTIVES[scenario] ?? defaultThresholds(scenario),
  };
  const others = flags.against === undefined ? [] : [readAgainst(flags.against, own)];
  const seed = texts.seed ?? drawSeed(scenario);
  const { cores } = generator;
  const asked = {
    ...{ scenario, seed, generator, cores, given },
    settings: { ...read, ...rampOf(read.scale, own) },
    ...{ cooldownSec: readCooldown(flags.cooldown), emptyBy: readFresh(flags) },
    ...{ isResumed: flags.resume !== undefined, isBudgetGiven: flags.budget !== undefined },
    isScaleGiven: flags.scale !== undefined,
  };
  // All that is wrong is said before anything happens.
  const [first, ...more] = [own, ...others].map((of) => ({
    ...asked,
    texts: of,
    plan: firstPlan(asked, of),
  }));
  if (first === undefined) throw new Error("there is no relay");
  refuseShares(first.plan, generator);
  for (const { plan } of more) refuseSame(first.plan, plan);
  const { reportDir } = first.plan;
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    const tools = { terminal, signal: interrupts.signal };
    const isOne = more.length === 0;
    const main = await openSide({ ...first, ...tools, isNamed: !isOne, dir: reportDir });
    terminal.note(`load        a number of ${main.run.settings.meaning ?? read.scale}`);
    const sides = [main];
    for (const one of more) {
      sides.push(await openSide({ ...one, ...tools, isNamed: true, dir: main.journal.dir }));
    }
    const searched = await carryOutSearches(sides).finally(async () => {
      for (const { run } of sides) await run.stock.close();
    });
    for (const { journal } of sides) await journal.giveRoom();
    const [report, against] = sides.flatMap((side, i) => {
      const found = searched[i];
      return found === undefined ? [] : [reportOf(side, found)];
    });
    if (report === undefined) throw new Error("a search gave nothing");
    return await tell(isOne ? report : { ...report, against: against ?? null }, {
      ...{ flags, atLeast, reportDir },
    });
  } finally {
    await generator.close();
    interrupts.release();
  }
}

interface Telling {
  readonly flags: Flags;
  readonly atLeast: number | null;
  readonly reportDir: string;
}

/** Writes and prints what came of it; gives the exit code. */
async function tell(
  report: CapacityReport,
  { flags, atLeast, reportDir }: Telling,
): Promise<number> {
  const files = await writeReports(report, reportDir);
  process.stdout.write(renderCapacityTerminal(report, files));
  const { failure } = report.result;
  if (failure !== undefined) {
    process.stderr.write(`k6-nostr: the search was ended by an error: ${failure}\n`);
  }
  await passGate({
    flags,
    items: gateOfCapacity(report, atLeast),
    markdown: renderCapacity(report),
    suite: `k6-nostr capacity ${report.run.scenario}`,
    environment: process.env,
  });
  return capacityExitCode(report, atLeast);
}

/** What the search sets itself, and what it can't take. */
function refuse(flags: Flags, texts: OptionTexts, { scale }: SearchSettings): void {
  const set = ["duration", "warmup", ...flagsSet(scale)].find((flag) => flags[flag] !== undefined);
  if (set !== undefined) {
    throw new ConfigError(
      `\`--${set}\` is set by the search for each trial: leave it out (--from, --to, --trial and --probe say what it may try)`,
    );
  }
  const unfit = (["pool", "events", "builders", "epoch", "k6Out", "profileFile"] as const).find(
    (name) => texts[name] !== undefined,
  );
  if (unfit !== undefined) {
    throw new ConfigError(
      `${optionLabel(unfit)} is for a single run: a search has events of its own for each trial`,
    );
  }
  const one = (["dryRun", "audit"] as const).find((name) => readSwitch(texts, name));
  if (one !== undefined) throw new ConfigError(`${optionLabel(one)} is for a single run`);
  if ((texts.seed ?? "").length > 28) {
    throw new ConfigError(`${optionLabel("seed")} must be at most 28 characters long here`);
  }
}

function refuseShares({ instances }: Plan, { mayShare }: Generator): void {
  if (instances === 1 || mayShare) return;
  throw new ConfigError(
    `${optionLabel("instances")} is ${instances}: a search on this machine has one generator; \`k6-nostr kubernetes capacity\` searches with pods`,
  );
}

/** The other relay, loaded by the same options. */
function readAgainst(against: string, texts: OptionTexts): OptionTexts {
  refuseKey(against, "--against");
  const unfit = (["relayPid", "relayMetrics"] as const).find((name) => texts[name] !== undefined);
  if (unfit !== undefined) {
    throw new ConfigError(`${optionLabel(unfit)} is of one relay: not with --against`);
  }
  return { ...texts, relay: against };
}

function refuseSame({ relays }: Plan, other: Plan): void {
  const labels = (all: Plan["relays"]) => all.map(({ label }) => label).join(", ");
  if (labels(relays) !== labels(other.relays)) return;
  throw new ConfigError(`--against must be another relay than --relay (\`${labels(relays)}\`)`);
}

function reportOf({ run, head }: OpenSide, { trials, result }: Searched): CapacityReport {
  const { settings, prepared } = run;
  const { about: by, calibration, admissions, checked, request } = prepared;
  const { plan, relayNote = null } = request;
  const about = {
    run: {
      id: head.id,
      startedAt: head.startedAt,
      endedAt: new Date().toISOString(),
      scenario: head.scenario,
      tool: TOOL,
      ...by,
      relays: admissions.map(({ url, addresses: [address] }, i) => {
        const { software = null, version = null } = checked.answers[i]?.information ?? {};
        return { label: url.label, address, software, version };
      }),
      relayNote,
      sameHost: sharesHost(admissions, policyOf(plan).isolation),
    },
    config: head.config,
    objective: [
      ...plan.thresholds.flatMap(({ metric, expressions }) =>
        expressions.map((expression) => `${metric}: ${expression}`),
      ),
      UNSENT,
      ...(plan.fanout === null ? [] : [UNREADY]),
      BACKLOG,
    ],
    generator: { ceiling: ceilingOf(calibration) },
  };
  return capacityReport(about, settings, trials, result);
}

async function writeReports(report: CapacityReport, reportDir: string): Promise<readonly string[]> {
  const name = join(reportDir, `capacity-report-${report.run.startedAt.slice(0, 10)}`);
  const texts = {
    json: `${JSON.stringify(report)}\n`,
    md: renderCapacity(report),
    html: renderCapacityHtml(report, buildPageAssets()),
  };
  const files: string[] = [];
  for (const [kind, text] of Object.entries(texts)) {
    await writeWhole(`${name}.${kind}`, text);
    files.push(`${name}.${kind}`);
  }
  return files;
}

const USAGE = "k6-nostr capacity [publish|playback|query|fanout|connect] --relay URL [flags]";

function usage(line: string, rows: readonly FlagRow[]): string {
  return `${line}

The highest load at which the relay meets the objective (the thresholds, and no growing backlog): doubled
until it fails, narrowed by a majority of trials, proven by long ones. A quarter of an hour; each trial is kept
when it ends, Ctrl-C gives the interval so far, and --resume goes on. docs/capacity.md says how and why.

What grows (--scale): publish, playback: rate, clients; query: query-rate, clients; fanout: rate, subscribers,
fanout; connect: connect-rate (--mode storm), clients (--mode hold, churn). The first is what it is by itself.

This command
${describeFlags(rows)}
${describeOptions()}
Exit codes: 0 a result; 99 less than --at-least, no load held, or the relay died; 3 the relay's limit is not
known; 2 wrong configuration or refused target; 130 interrupted; 1 anything else.
`;
}
