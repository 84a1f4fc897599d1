/** The command line: picks the command, prints what it returns, and alone decides how the process ends. */
import { ConfigError } from "../errors.ts";
import { refuseKey } from "../plan/secrets.ts";
import { EXIT } from "../report/verdict.ts";
import { calibrate } from "./commands/calibrate.ts";
import { compare } from "./commands/compare.ts";
import { demo } from "./commands/demo.ts";
import { usage } from "./commands/help.ts";
import { issues } from "./commands/issues.ts";
import { pool } from "./commands/pool.ts";
import { preflight } from "./commands/preflight.ts";
import { relay } from "./commands/relay.ts";
import { report } from "./commands/report.ts";
import { run } from "./commands/run.ts";
import { setup } from "./commands/setup.ts";

/** Takes the words behind the command's name; gives the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  demo,
  run,
  preflight,
  calibrate,
  pool,
  relay,
  report,
  compare,
  issues,
  setup,
};
/** Commands of the design that are still to come: a clear answer is better than "unknown". */
const PLANNED = ["capacity", "merge"];

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || ["help", "--help", "-h"].includes(name)) {
    process.stdout.write(usage());
    return name === undefined ? EXIT.config : EXIT.ok;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return await command(args);
  refuseKey(name, "the command");
  const known = Object.keys(commands).join(", ");
  throw new ConfigError(
    PLANNED.includes(name)
      ? `\`${name}\` is planned and not there yet; there are: ${known}`
      : `unknown command \`${name}\`, expected one of ${known}\nSee k6-nostr --help.`,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`k6-nostr: ${error.message}\n`);
    process.exitCode = EXIT.config;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = EXIT.other;
  }
}
