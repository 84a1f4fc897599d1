/** `k6-nostr calibrate`: measures this generator against the sink, and keeps the figures. */
import { ConfigError } from "../../errors.ts";
import { EXIT } from "../../report/verdict.ts";
import { calibrate as measureGenerator } from "../calibrate/calibrate.ts";
import { calibrationPath, keepFigures } from "../calibrate/obtain.ts";
import { renderCalibration } from "../calibrate/table.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { ensureK6 } from "../setup/ensure.ts";
import { catchInterrupts } from "../signals.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS: readonly FlagRow[] = [
  { flag: "quick", help: "about 30 s instead of a minute and a half: coarser, and no connections" },
  HELP_FLAG,
];

const USAGE = `k6-nostr calibrate [flags]

Measures what k6 reaches on this machine against the embedded sink, which answers OK and does
nothing else: the highest rate with a valid verdict, the most rows that are read and checked,
the lowest service time, and how many connections open. Kept for this machine, k6 and kit;
runs are held against it. Loopback only.

${describeFlags(FLAGS)}`;

export async function calibrate(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (words.length > 0) throw new ConfigError(`unexpected \`${words[0]}\` behind \`calibrate\``);
  const terminal = createTerminal();
  const interrupts = catchInterrupts();
  try {
    const path = calibrationPath(process.env);
    const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
    const figures = await measureGenerator({
      k6,
      form: flags.quick ? "quick" : "full",
      onStep: (text) => terminal.note(text),
      signal: interrupts.signal,
    });
    process.stdout.write(`\n${renderCalibration(figures)}`);
    if (await keepFigures(path, figures, terminal, null))
      process.stdout.write(`kept in     ${path}\n`);
    return figures.ceiling === null ? EXIT.invalid : EXIT.ok;
  } finally {
    interrupts.release();
  }
}
