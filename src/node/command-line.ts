/** From the words of a command line to texts by flag. Pure: nothing is checked but the flags' names. */
import { parseArgs } from "node:util";
import { ConfigError } from "../errors.ts";
import { refuseKey } from "../plan/secrets.ts";

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
export function parseCommandLine(args: readonly string[], rows: readonly FlagRow[]): CommandLine {
  for (const arg of args) refuseKey(arg.replace(/^--[a-z-]+=/, ""), "an argument", true);
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
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { flags: textsOf(values, rows), words: positionals };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(describe(cause, rows), { cause });
  }
}

/** Of a flag that is not listed here and repeated, the last text holds. */
const JOINED_BY: Readonly<Record<string, string>> = {
  threshold: ";",
  relay: ",",
  mix: ",",
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
    const near = nearest(flag.replace(/^-+/, ""), rows);
    return `unknown flag \`${flag}\`${near ? `; did you mean \`--${near}\`?` : ""}\nSee all flags with --help.`;
  }
  const row = rows.find((r) => `--${r.flag}` === flag);
  if (row?.value !== undefined) return `\`${flag}\` needs a value: ${flag} ${row.value}`;
  return `\`${flag}\` takes no value`;
}

function nearest(flag: string, rows: readonly FlagRow[]): string | undefined {
  const scored = rows.map((row) => ({ flag: row.flag, distance: editDistance(flag, row.flag) }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.max(2, flag.length / 3) ? best.flag : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
