/** `k6-nostr demo`, what `npm start` runs: the embedded relay, loaded for twenty seconds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { OPTION_NAMES, OPTIONS } from "../../plan/option-table.ts";
import { clip, collectOptions, hasSay, isGiven } from "../../plan/options.ts";
import { isScenario, SCENARIO_NAMES, type ScenarioName } from "../../plan/scenarios.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { startRelayProcess } from "../relay/process.ts";
import { describeFlags, describeOptions, HELP_FLAG } from "./help.ts";
import { runScenario } from "./run.ts";

/** About a third of what the embedded relay takes on two cores that it shares with k6. */
const PUBLISHING = { clients: "100", duration: "20", rate: "400" };
const DEMO: Readonly<Record<ScenarioName, Readonly<Record<string, string>>>> = {
  publish: PUBLISHING,
  playback: PUBLISHING,
  fanout: { subscribers: "100", publishers: "10", duration: "20", rate: "100" },
  connect: { clients: "500", mode: "recover", "connect-rate": "100", hold: "8" },
  query: { clients: "20", duration: "20", "query-rate": "40", corpus: "5000" },
};

const SCENARIO_FLAG: FlagRow = {
  flag: "scenario",
  value: "NAME",
  default: "publish",
  help: `which one: ${SCENARIO_NAMES.join(", ")}`,
};

export async function demo(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [
    ...Object.values(OPTIONS),
    SCENARIO_FLAG,
    HELP_FLAG,
  ]);
  if (words.length > 0) throw new ConfigError(`unexpected \`${words[0]}\` behind \`demo\``);
  const { scenario = "publish" } = flags;
  if (!isScenario(scenario)) {
    throw new ConfigError(
      `--scenario must be one of ${SCENARIO_NAMES.join(", ")}, got \`${clip(scenario)}\``,
    );
  }
  if (flags.help) {
    process.stdout.write(
      `k6-nostr demo [flags of run]\n\n${describeFlags([SCENARIO_FLAG, HELP_FLAG])}\n${describeOptions(scenario, DEMO[scenario])}`,
    );
    return EXIT.ok;
  }
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-demo-"));
  const relay = await startRelayProcess(["--file", join(dir, "relay.sqlite")]);
  try {
    const own = {
      relay: relay.url,
      "relay-pid": String(relay.pid),
      ...(hasSay("audit", scenario) ? { audit: "1" } : {}),
      // Its load is small and fixed: figures that are kept are used, none are measured.
      "no-calibrate": "1",
    };
    const all = { ...DEMO[scenario], ...flags, ...own };
    return await runScenario(scenario, collectOptions(all, {}, scenario), {
      profiled: relay.profiler,
      given: OPTION_NAMES.filter((name) => isGiven(name, all, {})),
    });
  } finally {
    await relay.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
