/** From the words of a command line to texts by flag. Pure: nothing is checked but the flags' names. */
import { parseArgs } from "node:util";
import { ConfigError } from "../errors.ts";
import { refuseKey } from "../plan/secrets.ts";
import { didYouMean } from "./nearest.ts";

export interface FlagRow {
  readonly flag: string;
  /** A row without it is a switch. */
  readonly value?: string;
  readonly default?: string;
  readonly variable?: string;
  readonly help: string;
}

export interface CommandLine {
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly words: readonly string[];
}

/** Reads flags and words; thresholds, relays and mixes that are repeated add up. Throws `ConfigError`. */
export function parseCommandLine(given: readonly string[], rows: readonly FlagRow[]): CommandLine {
  for (const arg of given) refuseKey(arg.replace(/^--[a-z-]+=/, ""), "an argument", true);
  const args = nameFolder(given, rows);
  const options = Object.fromEntries(
    rows.map((row) => [
      row.flag,
      {
        type: row.value === undefined ? ("boolean" as const) : ("string" as const),
        multiple: true,
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { flags: textsOf(values, rows), words: positionals };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(describe(cause, rows), { cause });
  }
}

/** A command that writes into one folder takes any of these names for it. */
const FOLDER_NAMES: readonly string[] = ["dir", "report-dir", "out"];

function nameFolder(args: readonly string[], rows: readonly FlagRow[]): string[] {
  const [folder, ...more] = rows.filter(({ flag }) => FOLDER_NAMES.includes(flag));
  if (folder === undefined || more.length > 0) return [...args];
  const words = args.includes("--") ? args.indexOf("--") : args.length;
  return args.map((arg, place) => {
    const name = /^--([a-z-]+)(?==|$)/.exec(arg)?.[1] ?? "";
    const isFolder = place < words && FOLDER_NAMES.includes(name);
    return isFolder ? `--${folder.flag}${arg.slice(name.length + 2)}` : arg;
  });
}

/** What is between the texts of a flag that may be repeated; of others the last text holds. */
export const JOINED_BY: Readonly<Record<string, string>> = {
  threshold: ";",
  relay: ",",
  mix: ",",
  "query-mix": ",",
  header: "\n",
};

function textsOf(
  values: Readonly<Record<string, unknown>>,
  rows: readonly FlagRow[],
): Record<string, string> {
  return Object.fromEntries(
    rows.flatMap(({ flag, value }) => {
      const given = values[flag] as readonly (string | boolean)[] | undefined;
      if (given === undefined) return [];
      if (value === undefined) return [[flag, "1"]];
      if (given.includes(""))
        throw new ConfigError(`\`--${flag}\` needs a value: --${flag} ${value}`);
      const separator = JOINED_BY[flag];
      return [[flag, separator === undefined ? String(given.at(-1)) : given.join(separator)]];
    }),
  );
}

function describe(cause: unknown, rows: readonly FlagRow[]): string {
  const code = (cause as { code?: string }).code;
  const text = cause instanceof Error ? cause.message : String(cause);
  const flag = /'(--?[^'\s=]+)/.exec(text)?.[1] ?? "";
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const near = didYouMean(
      flag.replace(/^-+/, ""),
      rows.map((row) => row.flag),
      (name) => `--${name}`,
    );
    return `unknown flag \`${flag}\`${near}\nSee all flags with --help.`;
  }
  const row = rows.find((r) => `--${r.flag}` === flag);
  if (row?.value !== undefined) return `\`${flag}\` needs a value: ${flag} ${row.value}`;
  return `\`${flag}\` takes no value`;
}
