/**
 * The options of a run as its report keeps them, so that `--config` can repeat it: by name, what was given or
 * is no default. What may hold a secret, or leads to a file of one machine, is named and not kept.
 */
import { OPTION_NAMES, OPTIONS, type OptionName } from "./option-table.ts";
import { defaultOf, hasSay, type OptionTexts, readSwitch } from "./options.ts";
import type { ScenarioName } from "./scenarios.ts";

export interface KeptOptions {
  /** Name, as the flag without its dashes → text; of a switch `1` or `0`. */
  readonly options: Readonly<Record<string, string>>;
  /** Names of those that were given too, and have to be given again. */
  readonly withheld: readonly string[];
}

/** What is of one machine or one run alone, and no part of the load. */
const OF_ONE_RUN: readonly OptionName[] = [
  "dryRun",
  "instance",
  "startAt",
  "cores",
  "reportDir",
  "relayPid",
  "profile",
  "profileFile",
];
/** Nobody consents by handing on a report. */
const CONSENT: readonly OptionName[] = ["allowPrivate", "allowDedicatedRelay"];
/** An address that says no more than which machine and port: paths and queries may be secrets. */
const PLAIN_URL =
  /^(?:prometheus=)?[a-z]+:\/\/[^\s/?#@]+(?:\/|\/metrics|\/api\/v1\/write|\/debug\/pprof\/?)?$/i;

/** `given`: what a person gave, whatever its text; `seed`: the one that was drawn where none was. */
export function keepOptions(
  scenario: ScenarioName,
  texts: OptionTexts,
  given: readonly OptionName[],
  seed: string,
): KeptOptions {
  const options: Record<string, string> = {};
  const withheld: string[] = [];
  for (const name of OPTION_NAMES) {
    const text = name === "seed" ? seed : texts[name];
    if (text === undefined || !hasSay(name, scenario) || OF_ONE_RUN.includes(name)) continue;
    if (text === defaultOf(name, scenario) && !given.includes(name)) continue;
    const { flag, value } = OPTIONS[name];
    if (value === undefined && !readSwitch(texts, name)) options[flag] = "0";
    else if (mayBeKept(name, text)) options[flag] = text;
    else withheld.push(flag);
  }
  return { options, withheld };
}

function mayBeKept(name: OptionName, text: string): boolean {
  const { value = "" } = OPTIONS[name];
  if (CONSENT.includes(name) || ["FILE", "DIR", "NAME: VALUE", "COMMAND"].includes(value))
    return false;
  return !value.includes("URL") || text.split(",").every((url) => PLAIN_URL.test(url.trim()));
}
