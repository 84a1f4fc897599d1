/** The command line: picks the command, prints what went wrong, and alone says how the process ends. */
import { ConfigError, Interrupted } from "../errors.ts";
import { refuseKey } from "../plan/secrets.ts";
import { EXIT } from "../report/verdict.ts";
import { usage } from "./commands/help.ts";
import { didYouMean } from "./nearest.ts";
import { readVersion } from "./version.ts";

/** Takes the words behind the command's name; gives the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when it is called for: all of them together take half a second. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import("./commands/demo.ts")).demo,
  run: async () => (await import("./commands/run.ts")).run,
  scenarios: async () => (await import("./commands/scenarios.ts")).scenarios,
  preflight: async () => (await import("./commands/preflight.ts")).preflight,
  calibrate: async () => (await import("./commands/calibrate.ts")).calibrate,
  pool: async () => (await import("./commands/pool.ts")).pool,
  relay: async () => (await import("./commands/relay.ts")).relay,
  report: async () => (await import("./commands/report.ts")).report,
  compare: async () => (await import("./commands/compare.ts")).compare,
  capacity: async () => (await import("./commands/capacity.ts")).capacity,
  share: async () => (await import("./commands/share.ts")).share,
  kubernetes: async () => (await import("./commands/kubernetes.ts")).kubernetes,
  merge: async () => (await import("./commands/merge.ts")).merge,
  issues: async () => (await import("./commands/issues.ts")).issues,
  setup: async () => (await import("./commands/setup.ts")).setup,
};
/** Does what the words say, and prints what went wrong; gives the exit code. Never rejects. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  try {
    return await runWords(words);
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`k6-nostr: ${error.message}\n`);
      return error instanceof Interrupted ? EXIT.interrupted : EXIT.config;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.other;
  }
}

async function runWords([name, ...args]: readonly string[]): Promise<number> {
  if (name !== undefined && ["version", "--version", "-v"].includes(name)) {
    process.stdout.write(`k6-nostr ${readVersion()}\n`);
    return EXIT.ok;
  }
  const isHelp = name !== undefined && ["help", "--help", "-h"].includes(name);
  // `help run playback` is `run playback --help`.
  if (isHelp && args[0] !== undefined) return await runWords([...args, "--help"]);
  if (name === undefined || isHelp) {
    process.stdout.write(usage());
    return isHelp ? EXIT.ok : EXIT.config;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load !== undefined) {
    const command = await load();
    return await command(args);
  }
  refuseKey(name, "the command");
  const names = Object.keys(commands);
  const known = names.join(", ");
  throw new ConfigError(
    `unknown command \`${name}\`${didYouMean(name, names) || `, expected one of ${known}`}\nSee k6-nostr --help.`,
  );
}
