/** Reads the options of a run: a flag wins over the variable of the environment, that over the default. */
import { ConfigError } from "../errors.ts";
import type { Epoch } from "../pool/times.ts";
import { OPTION_NAMES, OPTIONS, type OptionName } from "./option-table.ts";
import { SCENARIO_NAMES, type ScenarioName } from "./scenarios.ts";
import { mayHoldKey, refuseKey } from "./secrets.ts";

/** Raw texts by option, before they are checked. A switch that is on has the text `1`. */
export type OptionTexts = { readonly [K in OptionName]?: string };

/** Values in which 64 hex digits are no sign of a key: digests in paths, tokens in headers. */
const MAY_HOLD_DIGITS = ["DIR", "FILE", "NAME: VALUE"];

/**
 * Takes each option that has a say in a scenario from the flags, else from the environment, else its default.
 * Variables that are set to nothing, or belong to other scenarios, count as not set: an environment serves
 * many runs. Throws `ConfigError` for a flag without a say, and for what looks like a key.
 */
export function collectOptions(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  scenario: ScenarioName = "publish",
): OptionTexts {
  refuseWithoutSay(flags, scenario);
  const texts: { [K in OptionName]?: string } = {};
  for (const name of OPTION_NAMES) {
    if (!hasSay(name, scenario)) continue;
    const { flag, variable, value = "" } = OPTIONS[name];
    const text =
      flags[flag] ??
      (variable ? environment[variable] || undefined : undefined) ??
      defaultOf(name, scenario);
    if (text === undefined) continue;
    refuseKey(text, optionLabel(name), MAY_HOLD_DIGITS.includes(value));
    texts[name] = text;
  }
  return texts;
}

/** Whether an option has a say in a scenario. */
export function hasSay(name: OptionName, scenario: ScenarioName): boolean {
  return OPTIONS[name].scenarios?.includes(scenario) ?? true;
}

/** The text of an option that is not given; `undefined` where it has none. */
export function defaultOf(name: OptionName, scenario: ScenarioName): string | undefined {
  const row = OPTIONS[name];
  return row.defaultIn[scenario] ?? row.default;
}

/** Throws `ConfigError` for an option that was given to a scenario in which it has no say. */
export function refuseWithoutSay(
  flags: Readonly<Record<string, string | undefined>>,
  scenario: ScenarioName,
  shown = (flag: string) => `\`--${flag}\``,
): void {
  const name = OPTION_NAMES.find(
    (one) => flags[OPTIONS[one].flag] !== undefined && !hasSay(one, scenario),
  );
  if (name === undefined) return;
  const { flag, scenarios = SCENARIO_NAMES } = OPTIONS[name];
  const instead = OPTION_NAMES.filter((own) => hasSay(own, scenario)).find((own) =>
    isAlike(flag, OPTIONS[own].flag),
  );
  const where = scenarios
    .map((one) => `\`${one}\``)
    .join(", ")
    .replace(/, (?=[^,]*$)/, " and ");
  const hint = instead === undefined ? "" : `\nHere it is ${shown(OPTIONS[instead].flag)}.`;
  throw new ConfigError(
    `${shown(flag)} has no say in \`${scenario}\`; it belongs to ${where}${hint}`,
  );
}

/** What means the same in another scenario, where the names don't show it. */
const ALIKE = [
  ["duration", "hold"],
  ["clients", "subscribers"],
];

/** `--query-rate` is to `query` what `--rate` is to `publish`. */
function isAlike(flag: string, own: string): boolean {
  const isNamed = own.endsWith(`-${flag}`) || flag.endsWith(`-${own}`);
  return isNamed || ALIKE.some((pair) => pair.includes(flag) && pair.includes(own));
}

/** Whether a person gave an option, so that its text is not its default. */
export function isGiven(
  name: OptionName,
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const { flag, variable } = OPTIONS[name];
  return flags[flag] !== undefined || Boolean(variable && environment[variable]);
}

/** The name to use for an option in a message. */
export function optionLabel(name: OptionName): string {
  const row = OPTIONS[name];
  return row.variable ? `${row.variable} (--${row.flag})` : `--${row.flag}`;
}

export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  /** What else it may be, as a message says it. */
  readonly or?: string;
}

/** Reads a number option and holds it against its bounds. */
export function readNumber(texts: OptionTexts, name: OptionName, rule: NumberRule): number {
  const text = texts[name] ?? "";
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
  const value = isNumber ? Number(text) : Number.NaN;
  const inRange = value >= rule.min && value <= rule.max;
  if (!inRange || (rule.integer && !Number.isInteger(value))) {
    const what = rule.integer ? "a whole number" : "a number";
    const range = `${what} from ${rule.min} to ${rule.max}${rule.or === undefined ? "" : ` or ${rule.or}`}`;
    throw new ConfigError(`${optionLabel(name)} must be ${range}, got \`${clip(text)}\``);
  }
  return value;
}

/** Reads an option that is one of some words. */
export function readChoice<T extends string>(
  texts: OptionTexts,
  name: OptionName,
  choices: readonly T[],
): T {
  const text = texts[name] ?? "";
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  const expected = choices.map((one) => `\`${one}\``);
  const last = expected.pop();
  throw new ConfigError(
    `${optionLabel(name)} must be ${expected.join(", ")} or ${last}, got \`${clip(text)}\``,
  );
}

/** Reads EPOCH; `undefined` when it is left to what the relays take. */
export function readEpoch({ epoch }: OptionTexts): Epoch | undefined {
  if (epoch === undefined || epoch === "now") return epoch;
  // Ten digits, as a pool needs them.
  if (/^[1-9]\d{9}$/.test(epoch)) return Number(epoch);
  throw new ConfigError(
    `${optionLabel("epoch")} must be \`now\` or Unix seconds of ten digits, got \`${clip(epoch)}\``,
  );
}

/** Reads a switch: `1`, `true`, `yes`, `on` are on; `0`, `false`, `no`, `off` and nothing are off. */
export function readSwitch(texts: OptionTexts, name: OptionName): boolean {
  const text = (texts[name] ?? "").toLowerCase();
  if (["1", "true", "yes", "on"].includes(text)) return true;
  if (["", "0", "false", "no", "off"].includes(text)) return false;
  throw new ConfigError(`${optionLabel(name)} must be 1 or 0, got \`${clip(text)}\``);
}

/** Cuts a user's text so that a message stays short; what may be a secret key is not shown. */
export function clip(text: string): string {
  if (mayHoldKey(text)) return "(looks like a key; not shown)";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
