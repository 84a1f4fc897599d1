/** What a person asked of `run` or `preflight`: words, flags, `--config` and the environment, put together. */
import { ConfigError } from "../errors.ts";
import { OPTION_NAMES, OPTIONS, type OptionName } from "../plan/option-table.ts";
import {
  clip,
  collectOptions,
  hasSay,
  isGiven,
  type OptionTexts,
  refuseWithoutSay,
} from "../plan/options.ts";
import {
  isScenario,
  PLANNED_SCENARIOS,
  SCENARIO_NAMES,
  type ScenarioName,
} from "../plan/scenarios.ts";
import { type Configured, readConfig } from "./config-file.ts";
import { didYouMean } from "./nearest.ts";

type Texts = Readonly<Record<string, string | undefined>>;

export interface Asked {
  readonly scenario: ScenarioName;
  readonly texts: OptionTexts;
  /** What was given, whatever its text: it is no default. */
  readonly given: readonly OptionName[];
}

/**
 * Flags win over the file of `--config`, that over the environment. `otherwise`: the scenario where none is
 * named; without it one is required. Throws `ConfigError`.
 */
export async function readAsked(
  words: readonly string[],
  flags: Texts,
  environment: Texts,
  otherwise?: ScenarioName,
): Promise<Asked> {
  const { config } = flags;
  const file = config === undefined ? null : await readConfig(config);
  const scenario = readScenario(words, file?.scenario ?? otherwise);
  if (file !== null && config !== undefined) {
    refuseWithoutSay(file.flags, scenario, (flag) => `\`${flag}\` in \`${config}\` (--config)`);
    refuseWithheld(file, { scenario, path: config, flags, environment });
  }
  const all = { ...file?.flags, ...flags };
  return {
    scenario,
    texts: collectOptions(all, environment, scenario),
    given: OPTION_NAMES.filter((name) => hasSay(name, scenario) && isGiven(name, all, environment)),
  };
}

function readScenario(words: readonly string[], otherwise: string | undefined): ScenarioName {
  const [scenario = otherwise, ...rest] = words;
  const known = SCENARIO_NAMES.join(", ");
  if (scenario === undefined) {
    throw new ConfigError(`a scenario is required: k6-nostr run ${SCENARIO_NAMES.join("|")}`);
  }
  if (PLANNED_SCENARIOS.includes(scenario)) {
    throw new ConfigError(
      `the scenario \`${scenario}\` is planned and not there yet; there are: ${known}`,
    );
  }
  if (!isScenario(scenario)) {
    const near = didYouMean(scenario, SCENARIO_NAMES) || `, expected: ${known}`;
    throw new ConfigError(`unknown scenario \`${clip(scenario)}\`${near}`);
  }
  if (rest.length > 0) throw new ConfigError(`unexpected \`${rest[0]}\` behind the scenario`);
  return scenario;
}

interface Around {
  readonly scenario: ScenarioName;
  readonly path: string;
  readonly flags: Texts;
  readonly environment: Texts;
}

/** A run that is repeated with less than it had would be another one. */
function refuseWithheld(
  { withheld }: Configured,
  { scenario, path, flags, environment }: Around,
): void {
  const missing = withheld.filter(
    (name) => hasSay(name, scenario) && !isGiven(name, flags, environment),
  );
  if (missing.length === 0) return;
  const named = missing.map((name) => `\`--${OPTIONS[name].flag}\``).join(", ");
  throw new ConfigError(
    `\`${path}\` does not hold what was given with ${named}: a report keeps no secrets, no paths and no consent\nGive it again, beside --config.`,
  );
}
