/**
 * The CLI that tests start as a program: compiled together with them where `build/tests.ts` compiled them, which
 * saves each start half a second and more; `bin/k6-nostr.mjs` itself where a test runs as it is.
 */
import { fileURLToPath } from "node:url";

// `build/tests.ts` puts the file's name here; nothing in the environment does.
export const PROGRAM: string =
  process.env.COMPILED_CLI ?? fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
