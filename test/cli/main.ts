/** What `bin/k6-nostr.mjs` does, to be compiled with the tests. */
import { register } from "tsx/esm/api";
import { runCommandLine } from "../../src/node/cli.ts";

// A file of `--builders` is TypeScript.
register();
process.exitCode = await runCommandLine(process.argv.slice(2));
