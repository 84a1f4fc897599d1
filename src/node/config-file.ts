/**
 * `--config FILE`: options by name, as JSON, in the place of flags. A report is such a file too: its options
 * repeat its run.
 */
import { readFile } from "node:fs/promises";
import { ConfigError } from "../errors.ts";
import { OPTION_NAMES, OPTIONS, type OptionName, type OptionRow } from "../plan/option-table.ts";
import { clip } from "../plan/options.ts";
import { type FlagRow, JOINED_BY } from "./command-line.ts";
import { checkCapacity, isCapacity } from "./load-capacity.ts";
import { loadReport } from "./load-report.ts";
import { didYouMean } from "./nearest.ts";

export const CONFIG_FLAG: FlagRow = {
  flag: "config",
  value: "FILE",
  help: "options by name, as JSON, or a report to run again; flags win over it",
};

export interface Configured {
  /** What the file calls its scenario: any text. */
  readonly scenario?: string;
  /** As `parseCommandLine` gives them. */
  readonly flags: Readonly<Record<string, string>>;
  /** Options of a report's run that it does not hold. */
  readonly withheld: readonly OptionName[];
}

const NAMES = new Map(OPTION_NAMES.map((name) => [OPTIONS[name].flag, name]));
const KNOWN = [...NAMES.keys(), "scenario"];

/** Reads a file of options, or a report. Throws `ConfigError`. */
export async function readConfig(path: string): Promise<Configured> {
  const value = await readJson(path);
  if (!isObject(value)) throw new ConfigError(`\`${path}\` (--config) must hold one JSON object`);
  if (!("schema" in value)) return parseConfig(value, path);
  const report = isCapacity(value) ? checkCapacity(value, path) : await loadReport(path);
  return { scenario: report.run.scenario, ...parseConfig(report.config, path) };
}

/**
 * Checks names and types of options, or of a report's `config`; texts are checked as those of flags are.
 * Throws `ConfigError`.
 */
export function parseConfig(value: Readonly<Record<string, unknown>>, path: string): Configured {
  // No option has this name: it is a report's own account of its run.
  const kept = isObject(value.options) ? value.options : null;
  const { scenario, ...options } = kept ?? value;
  if (scenario !== undefined && typeof scenario !== "string") {
    throw wrongType("scenario", "a text", scenario, path);
  }
  const flags = Object.entries(options).map(([flag, given]): [string, string] => {
    const name = NAMES.get(flag);
    if (name === undefined) throw unknownName(flag, path);
    return [flag, textOf(OPTIONS[name], given, path)];
  });
  const withheld = kept !== null && Array.isArray(value.withheld) ? value.withheld : [];
  return {
    ...(scenario === undefined ? {} : { scenario }),
    flags: Object.fromEntries(flags),
    withheld: withheld.flatMap((flag) => NAMES.get(flag) ?? []),
  };
}

function textOf(row: OptionRow, given: unknown, path: string): string {
  const { flag, value } = row;
  if (value === undefined) {
    if (typeof given === "boolean") return given ? "1" : "0";
    if (given === "1" || given === "0") return given;
    throw wrongType(flag, "true or false", given, path);
  }
  const separator = JOINED_BY[flag];
  if (separator !== undefined && Array.isArray(given) && given.every(isText)) {
    return given.join(separator);
  }
  if (isText(given) || (typeof given === "number" && Number.isFinite(given))) return String(given);
  const expected = separator === undefined ? "a text or a number" : "a text, or a list of texts";
  throw wrongType(flag, expected, given, path);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function unknownName(name: string, path: string): ConfigError {
  const ofVariable = OPTION_NAMES.find((option) => OPTIONS[option].variable === name);
  const near =
    ofVariable === undefined
      ? didYouMean(name, KNOWN)
      : `; did you mean \`${OPTIONS[ofVariable].flag}\`?`;
  return new ConfigError(
    `\`${path}\` (--config) names \`${clip(name)}\`, which is no option${near}\nNames are those of the flags, without the dashes in front.`,
  );
}

function wrongType(name: string, expected: string, given: unknown, path: string): ConfigError {
  return new ConfigError(
    `\`${name}\` in \`${path}\` (--config) must be ${expected}, got \`${clip(JSON.stringify(given))}\``,
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "not JSON";
    throw new ConfigError(`\`${path}\` (--config) can't be read (${reason})`, { cause });
  }
}
