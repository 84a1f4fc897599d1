/** `k6-nostr compare BASE NEW`: is the new relay, or version, worse than the old one? */
import { ConfigError } from "../../errors.ts";
import {
  compareSets,
  comparisonExitCode,
  DEFAULT_TOLERANCE,
} from "../../report/compare/compare.ts";
import { renderComparison } from "../../report/compare/markdown.ts";
import type { Comparison } from "../../report/compare/types.ts";
import { gateOfComparison } from "../../report/gate.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { GATE_FLAGS, passGate, save } from "../gate.ts";
import { loadSet } from "../load-sets.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

export const TOLERANCE_FLAG: FlagRow = {
  flag: "tolerance",
  value: "SHARE",
  default: String(DEFAULT_TOLERANCE),
  help: "least change of a median that counts in a comparison",
};

const FLAGS: readonly FlagRow[] = [
  TOLERANCE_FLAG,
  { flag: "json", value: "FILE", help: "write the comparison as JSON" },
  { flag: "markdown", value: "FILE", help: "write the Markdown to a file too" },
  ...GATE_FLAGS,
  HELP_FLAG,
];

const USAGE = `k6-nostr compare BASE NEW [flags]

BASE and NEW: a report.json, a set that run --repeat left, the folder of either, or several
by commas. Prints Markdown. Three runs a side or more make the noise known (docs/compare.md).

${describeFlags(FLAGS)}
Exit codes: 0 no regression; 99 a regression; 3 not comparable; 2 wrong use.
`;

export async function compare(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [base, next, ...rest] = words;
  if (base === undefined || next === undefined || rest.length > 0) {
    throw new ConfigError("usage: k6-nostr compare BASE NEW");
  }
  const tolerance = readTolerance(flags.tolerance);
  const [a, b] = await Promise.all([loadSet(base), loadSet(next)]);
  const paired = a.setId !== null && a.setId === b.setId && base !== next;
  const comparison = compareSets(a, b, { paired, tolerance });
  if (flags.markdown !== undefined) await save(flags.markdown, renderComparison(comparison));
  if (flags.json !== undefined) await save(flags.json, `${JSON.stringify(comparison, null, 2)}\n`);
  return await printComparison(comparison, flags);
}

/** Prints the Markdown, or what stands for it; hands the gate its items, and gives the exit code. */
export async function printComparison(
  comparison: Comparison,
  flags: Readonly<Record<string, string | undefined>>,
  shown?: string,
): Promise<number> {
  const markdown = renderComparison(comparison);
  process.stdout.write(shown ?? markdown);
  await passGate({
    flags,
    items: gateOfComparison(comparison),
    markdown,
    suite: "k6-nostr compare",
    environment: process.env,
  });
  return comparisonExitCode(comparison);
}

export function readTolerance(text = String(DEFAULT_TOLERANCE)): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0.01 && value <= 1) return value;
  throw new ConfigError(`--tolerance must be a share from 0.01 to 1, got \`${text.slice(0, 60)}\``);
}
