/** `k6-nostr capacity [scenario]`: the highest load that meets the objective. */
import { availableParallelism, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { buildPageAssets } from "../../../build/page.ts";
import { capacityReport } from "../../capacity/report.ts";
import { BACKLOG, type CapacityReport, type SearchSettings } from "../../capacity/result.ts";
import { ConfigError } from "../../errors.ts";
import { keepOptions } from "../../plan/kept-options.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { type OptionTexts, optionLabel, readSwitch } from "../../plan/options.ts";
import { SCENARIOS, type ScenarioName } from "../../plan/scenarios.ts";
import { defaultThresholds } from "../../plan/thresholds.ts";
import { TOOL } from "../../report/build.ts";
import { capacityExitCode, gateOfCapacity } from "../../report/capacity/gate.ts";
import { renderCapacityHtml } from "../../report/capacity/html.ts";
import { renderCapacity } from "../../report/capacity/markdown.ts";
import { renderCapacityTerminal } from "../../report/capacity/terminal.ts";
import { CEILING_SHARE } from "../../report/generator.ts";
import { EXIT } from "../../report/verdict.ts";
import { readAsked } from "../asked.ts";
import { AT_LEAST_FLAG, readAtLeast } from "../at-least.ts";
import { ceilingOf } from "../calibrate/obtain.ts";
import { Journal, type JournalHead } from "../capacity/journal.ts";
import { carryOutSearch, type Searched } from "../capacity/search-run.ts";
import { readCooldown, readSettings, SEARCH_FLAGS } from "../capacity/settings.ts";
import { Stock } from "../capacity/stock.ts";
import { flagOf, planAt } from "../capacity/trial.ts";
import { parseCommandLine } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { GATE_FLAGS, passGate } from "../gate.ts";
import { readAuthorities } from "../guard/authorities.ts";
import { policyOf } from "../guard/policy.ts";
import { writeWhole } from "../report-files.ts";
import { type Prepared, prepareRun } from "../run/prepare.ts";
import { makeRunId } from "../run/run-id.ts";
import { sharesHost } from "../run/same-host.ts";
import { drawSeed } from "../seed.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";
import { readNote, readPid, readPoolsLimit } from "./run.ts";

const OWN = [...SEARCH_FLAGS, AT_LEAST_FLAG, ...GATE_FLAGS, CONFIG_FLAG, HELP_FLAG];
const OTHERWISE: ScenarioName = "publish";
/** Without the p95 that a run has: one limit on times, so that the result has one reason. */
const OBJECTIVES: Partial<Readonly<Record<ScenarioName, string>>> = {
  publish: "nostr_publish_failed: rate<0.01; nostr_publish_response_time: p(99)<1000",
};

export async function capacity(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [...Object.values(OPTIONS), ...OWN]);
  if (flags.help) {
    process.stdout.write(usage());
    return EXIT.ok;
  }
  const { scenario, texts, given } = await readAsked(words, flags, process.env, OTHERWISE);
  const settings = readSettings(flags, scenario);
  const atLeast = readAtLeast(flags["at-least"]);
  refuse(flags, texts, settings);
  const own: OptionTexts = {
    ...texts,
    threshold: texts.threshold ?? OBJECTIVES[scenario] ?? defaultThresholds(scenario),
  };
  const seed = texts.seed ?? drawSeed(scenario);
  const cores = availableParallelism();
  const asked = { scenario, texts: own, seed, cores, cooldownSec: readCooldown(flags.cooldown) };
  // All that is wrong is said before anything happens.
  const plan = planAt({ ...asked, settings }, { ...FIRST, load: settings.from });
  const kept = keepOptions(scenario, own, given, plan.seed);
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    const { signal } = interrupts;
    const config = { relays: plan.relays.map(({ label }) => label), ...kept };
    const last = flags.resume ? await lastOf(plan.reportDir, scenario, config) : null;
    const prepared = await prepareRun({
      plan,
      kept,
      poolDir: undefined,
      durationGiven: true,
      mostPoolBytes: readPoolsLimit(own),
      relayPid: readPid(own),
      relayMetrics: own.relayMetrics,
      force: readSwitch(own, "force"),
      mayCalibrate: !readSwitch(own, "noCalibrate"),
      ca: await readAuthorities(own.ca),
      relayNote: readNote(own),
      terminal,
      signal,
    });
    const bounded = last?.journal.head.settings ?? bound(settings, prepared, scenario);
    const head: JournalHead = last?.journal.head ?? {
      ...{ id: makeRunId(), startedAt: new Date().toISOString() },
      ...{ scenario, seed, config, settings: bounded },
    };
    const journal = last?.journal ?? (await Journal.begin(plan.reportDir, head));
    const run = {
      ...asked,
      seed: head.seed,
      // More time may be given to one that goes on.
      settings: flags.budget ? { ...bounded, budgetSec: settings.budgetSec } : bounded,
      ...{ stock: new Stock(), prepared, terminal, signal },
    };
    const searched = await carryOutSearch(run, journal, last?.trials ?? []).finally(() =>
      run.stock.close(),
    );
    await journal.giveRoom();
    const report = reportOf(head, run.settings, prepared, searched);
    const files = await writeReports(report, plan.reportDir);
    process.stdout.write(renderCapacityTerminal(report, files));
    if (searched.failure !== undefined) return endedBy(searched.failure);
    await passGate({
      flags,
      items: gateOfCapacity(report, atLeast),
      markdown: renderCapacity(report),
      suite: `k6-nostr capacity ${scenario}`,
      environment: process.env,
    });
    return capacityExitCode(report, atLeast);
  } finally {
    interrupts.release();
  }
}

/** What was measured is there: this is not the code that says nothing was sent. */
function endedBy(failure: unknown): number {
  if (!(failure instanceof Error)) throw failure;
  process.stderr.write(
    `k6-nostr: the search ended before its time: ${failure.message}\nIts trials are kept; --resume goes on.\n`,
  );
  return EXIT.other;
}

const FIRST = { number: 1, role: "warmup", lengthSec: 10 } as const;

/** What the search sets itself, and what it can't take. */
function refuse(
  flags: Readonly<Record<string, string | undefined>>,
  texts: OptionTexts,
  { scale }: SearchSettings,
): void {
  const set = ["duration", "warmup", flagOf(scale)].find((flag) => flags[flag] !== undefined);
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

/** Beyond nine tenths of what the generator reaches it would be measured itself. */
function bound(
  settings: SearchSettings,
  { calibration }: Prepared,
  scenario: ScenarioName,
): SearchSettings {
  const ceilingEps =
    settings.scale === "rate" && SCENARIOS[scenario].leads === "publish"
      ? ceilingOf(calibration)
      : null;
  const ceiling = ceilingEps === null ? null : Math.floor(ceilingEps * CEILING_SHARE.invalid);
  return { ...settings, ceiling };
}

async function lastOf(
  reportDir: string,
  scenario: ScenarioName,
  config: JournalHead["config"],
): Promise<NonNullable<Awaited<ReturnType<typeof Journal.last>>>> {
  const last = await Journal.last(reportDir);
  if (last === null) throw new ConfigError(`--resume: there is no search in \`${reportDir}\``);
  const { head } = last.journal;
  const isSame = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
  const { seed: _, ...was } = head.config.options;
  const { seed: __, ...is } = config.options;
  if (head.scenario === scenario && isSame(was, is) && isSame(head.config.relays, config.relays)) {
    return last;
  }
  throw new ConfigError(
    `--resume: the newest search in \`${reportDir}\` is another one (\`${head.scenario}\`, ${head.config.relays.join(", ")}); give the same relay and options`,
  );
}

function reportOf(
  head: JournalHead,
  settings: SearchSettings,
  { k6, calibration, admissions, checked, request }: Prepared,
  { trials, result }: Searched,
): CapacityReport {
  const { plan, relayNote = null } = request;
  const about = {
    run: {
      id: head.id,
      startedAt: head.startedAt,
      endedAt: new Date().toISOString(),
      scenario: head.scenario,
      tool: TOOL,
      k6: `k6 v${k6.version}`,
      relays: admissions.map(({ url, addresses: [address] }, i) => {
        const { software = null, version = null } = checked.answers[i]?.information ?? {};
        return { label: url.label, address, software, version };
      }),
      relayNote,
      sameHost: sharesHost(admissions, policyOf(plan).isolation),
      host: {
        cpus: availableParallelism(),
        memoryBytes: totalmem(),
        platform: `${platform()} ${release()} ${process.arch}`,
      },
    },
    config: head.config,
    objective: [
      ...plan.thresholds.flatMap(({ metric, expressions }) =>
        expressions.map((expression) => `${metric}: ${expression}`),
      ),
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
    html: renderCapacityHtml(report, await buildPageAssets()),
  };
  const files: string[] = [];
  for (const [kind, text] of Object.entries(texts)) {
    await writeWhole(`${name}.${kind}`, text);
    files.push(`${name}.${kind}`);
  }
  return files;
}

function usage(): string {
  return `k6-nostr capacity [publish|playback|query] --relay URL [flags]

The highest load at which the relay meets the objective (the thresholds, and no growing backlog): doubled
until it fails, narrowed by a majority of trials, proven by long ones. A quarter of an hour; each trial is kept
when it ends, Ctrl-C gives the interval so far, and --resume goes on. docs/capacity.md says how and why.

This command
${describeFlags(OWN)}
${describeOptions()}
Exit codes: 0 a result; 99 less than --at-least, no load held, or the relay died; 3 the relay's limit is not
known; 2 wrong configuration or refused target; 130 interrupted; 1 anything else.
`;
}
