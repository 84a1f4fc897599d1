/** From the words of a command line to texts by flag. Pure: nothing is checked but the flags' names. */
import { parseArgs } from "node:util";
import { ConfigError } from "../errors.ts";

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

/** Reads flags and words; a repeated flag's texts are joined with `;`. Throws `ConfigError`. */
export function parseCommandLine(args: readonly string[], rows: readonly FlagRow[]): CommandLine {
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
    const flags: Record<string, string> = {};
    for (const [flag, given] of Object.entries(values)) {
      flags[flag] = (given as readonly (string | boolean)[])
        .map((value) => (value === true ? "1" : String(value)))
        .join(flag === "threshold" ? ";" : ",");
    }
    return { flags: lastOfRepeated(flags, rows), words: positionals };
  } catch (cause) {
    throw new ConfigError(describe(cause, rows), { cause });
  }
}

/** Only thresholds and relays add up; of any other flag that is repeated the last one holds. */
function lastOfRepeated(
  flags: Readonly<Record<string, string>>,
  rows: readonly FlagRow[],
): Record<string, string> {
  const adding = new Set(["threshold", "relay"]);
  return Object.fromEntries(
    rows.flatMap(({ flag, value }) => {
      const text = flags[flag];
      if (text === undefined) return [];
      if (value === undefined) return [[flag, "1"]];
      return [[flag, adding.has(flag) || flag === "mix" ? text : (text.split(",").at(-1) ?? text)]];
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
