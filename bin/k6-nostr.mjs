#!/usr/bin/env node
// The sources are TypeScript and run as they are: `npm ci` is all it takes.
import { register } from "tsx/esm/api";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`k6-nostr needs Node 20.19 or newer, got ${process.version}`);
  process.exit(1);
}
register();
const { runCommandLine } = await import("../src/node/cli.ts");
process.exitCode = await runCommandLine(process.argv.slice(2));
