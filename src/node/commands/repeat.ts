/** `run --repeat N` and `run --against URL`: several runs in one call, kept as sets, compared. */
import { dirname, join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { type OptionTexts, readSwitch } from "../../plan/options.ts";
import { buildPlan } from "../../plan/plan.ts";
import type { ScenarioName } from "../../plan/scenarios.ts";
import { refuseKey } from "../../plan/secrets.ts";
import { compareSets } from "../../report/compare/compare.ts";
import { renderComparison } from "../../report/compare/markdown.ts";
import { describeComparison } from "../../report/compare/terminal.ts";
import { gateOfReport, gateOfSet } from "../../report/gate.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import { renderSet } from "../../report/set.ts";
import type { Report } from "../../report/types.ts";
import { EXIT } from "../../report/verdict.ts";
import type { FlagRow } from "../command-line.ts";
import { passGate, save } from "../gate.ts";
import { refuseByText } from "../guard/refuse.ts";
import { loadSet } from "../load-sets.ts";
import { type Repetition, readTimes, repeatRuns } from "../run/repeat.ts";
import { awaitPorts } from "../run/time-wait.ts";
import { asksAgain, drawSeed } from "../seed.ts";
import { catchInterrupts } from "../signals.ts";
import { printComparison, readTolerance, TOLERANCE_FLAG } from "./compare.ts";

export const REPEAT_FLAGS: readonly FlagRow[] = [
  { flag: "repeat", value: "N", help: "so many runs, kept as a set for compare; seeds SEED-1, …" },
  { flag: "against", value: "URL", help: "a second relay, run in turn and compared with --relay" },
  TOLERANCE_FLAG,
];

type Flags = Readonly<Record<string, string | undefined>>;
type RunScenario = (
  texts: OptionTexts,
  onReport: (report: Report) => Promise<void>,
) => Promise<number>;

/** What `--github` and `--junit` ask for after one run. */
export async function gateRun(report: Report, flags: Flags): Promise<void> {
  await passGate({
    flags,
    items: gateOfReport(report),
    markdown: renderMarkdown(report),
    suite: `k6-nostr ${report.run.scenario}`,
    environment: process.env,
  });
}

/** Repeats a run; against a second relay the exit code is the comparison's, else the worst run's. */
export async function runRepeatedly(
  scenario: ScenarioName,
  texts: OptionTexts,
  flags: Flags,
  runScenario: RunScenario,
): Promise<number> {
  const times = readTimes(flags.repeat);
  const tolerance = readTolerance(flags.tolerance);
  checkTexts(texts, flags);
  const relays = [texts.relay ?? "", ...(flags.against === undefined ? [] : [flags.against])];
  const seed = texts.seed ?? drawSeed(scenario);
  // Before the first run, so that no run is made in vain.
  for (const relay of relays) refuseByText(buildPlan(scenario, { ...texts, relay }, seed));
  // Between two runs no run listens: an interruption then must not lose the set.
  const interrupts = catchInterrupts();
  const repeated = await repeatRuns({
    times,
    seed,
    isSeedKept: asksAgain(scenario),
    reportDir: texts.reportDir ?? "",
    relays,
    runOnce: async (relay, seed, label) => {
      const own = { ...texts, relay, seed };
      await awaitPorts(buildPlan(scenario, own, seed), {
        onNote: (text) => process.stderr.write(`ports       ${text}\n`),
        signal: interrupts.signal,
      });
      return await runOnce(own, label, runScenario);
    },
    signal: interrupts.signal,
  }).finally(() => interrupts.release());
  const [base, next] = repeated.files;
  process.stdout.write(repeated.files.map((file) => `set         ${file}\n`).join(""));
  if (repeated.stopped) return EXIT.interrupted;
  const { failure } = repeated;
  if (base === undefined || (failure !== undefined && !(failure instanceof ConfigError))) {
    throw failure;
  }
  if (failure instanceof ConfigError) {
    // Runs were made: not the code that says nothing was sent.
    process.stderr.write(
      `k6-nostr: ${failure.message}\nThe repetitions ended here; the ${repeated.codes.length} runs before are kept.\n`,
    );
    return EXIT.other;
  }
  if (next === undefined) {
    await gateSet(base, flags);
    return worst(repeated.codes);
  }
  const [a, b] = await Promise.all([loadSet(base), loadSet(next)]);
  const comparison = compareSets(a, b, { paired: true, tolerance });
  await save(join(dirname(base), "compare.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  const file = join(dirname(base), "compare.md");
  await save(file, renderComparison(comparison));
  return await printComparison(comparison, flags, describeComparison(comparison, file));
}

async function runOnce(
  texts: OptionTexts,
  label: string,
  runScenario: RunScenario,
): Promise<Repetition> {
  process.stdout.write(`\n${label}, seed ${texts.seed}\n`);
  let report: Report | null = null;
  const code = await runScenario(texts, async (made) => {
    report = made;
  });
  if (report === null) throw new Error(`a run ended with code ${code} and no report`);
  return { report, code, stop: code === EXIT.interrupted };
}

/** The gate of a set: the items of all its runs, and one summary. */
async function gateSet(file: string, flags: Flags): Promise<void> {
  const { reports } = await loadSet(file);
  await passGate({
    flags,
    items: gateOfSet(reports),
    markdown: renderSet(reports),
    suite: `k6-nostr set of ${reports.length} runs`,
    environment: process.env,
  });
}

function checkTexts(texts: OptionTexts, { against }: Flags): void {
  if (against !== undefined) {
    refuseKey(against, "--against");
    if (texts.relayPid !== undefined) {
      throw new ConfigError(
        "RELAY_PID (--relay-pid) names one relay's process: not with --against",
      );
    }
  }
  const own = texts.pool === undefined ? "EVENTS (--events)" : "POOL (--pool)";
  if (texts.pool !== undefined || texts.events !== undefined) {
    throw new ConfigError(
      `--repeat makes a pool for each run; with ${own} the same events again would be duplicates`,
    );
  }
  if (readSwitch(texts, "dryRun")) {
    throw new ConfigError("--dry-run shows one plan: give it without --repeat and --against");
  }
  if ((texts.seed ?? "").length > 28) {
    throw new ConfigError("SEED (--seed) must be at most 28 characters long with --repeat");
  }
}

/** Invalid before crossed thresholds before anything else that failed. */
function worst(codes: readonly number[]): number {
  for (const code of [EXIT.invalid, EXIT.threshold]) if (codes.includes(code)) return code;
  return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}
