/** `k6-nostr setup`: gets and checks the k6 binary. */
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { ensureK6 } from "../setup/ensure.ts";
import { createTerminal } from "../terminal.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const USAGE = `k6-nostr setup

Takes a k6 of version 2.2 or newer from PATH; else the one kept in the cache; else the official
release, checked against a pinned SHA-256; else builds the official module with Go.

${describeFlags([HELP_FLAG])}`;

export async function setup(args: readonly string[]): Promise<number> {
  const { flags } = parseCommandLine(args, [HELP_FLAG]);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const terminal = createTerminal();
  const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
  process.stdout.write(`k6 v${k6.version} (${k6.source}): ${k6.path}\n`);
  return EXIT.ok;
}
