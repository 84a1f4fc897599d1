/** What `bin/k6-nostr.mjs` does, to be compiled with the tests. */
import { runCommandLine } from "../../src/node/cli.ts";

const args = process.argv.slice(2);
// A user's file of events may be TypeScript. What reads that costs each start a second of processor time, so none else has it.
if (args.some((arg) => arg.startsWith("--builders"))) {
  const { register } = await import("tsx/esm/api");
  register();
}
process.exitCode = await runCommandLine(args);
