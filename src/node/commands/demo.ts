/** `k6-nostr demo`, what `npm start` runs: the embedded relay, loaded for twenty seconds. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { collectOptions, OPTIONS } from "../../plan/options.ts";
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";
import { runScenario } from "./run.ts";

/** About a third of what the embedded relay takes on two cores that it shares with k6. */
const DEMO: Readonly<Record<string, string>> = { clients: "100", rate: "400", duration: "20" };

export async function demo(args: readonly string[]): Promise<number> {
  const rows = [...Object.values(OPTIONS), HELP_FLAG];
  const { flags } = parseCommandLine(args, rows);
  if (flags.help) {
    process.stdout.write(`k6-nostr demo [flags of run]\n\n${describeFlags(rows)}`);
    return EXIT.ok;
  }
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-demo-"));
  const relay = await startChild(join(dir, "relay.sqlite"));
  try {
    const given = { ...DEMO, ...flags, relay: relay.url, "relay-pid": String(relay.pid) };
    return await runScenario("publish", collectOptions(given, {}));
  } finally {
    await relay.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

interface ChildRelay {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A process of its own, so that its CPU and memory are its own. */
function startChild(file: string): Promise<ChildRelay> {
  const main = fileURLToPath(new URL("../../../bin/k6-nostr.mjs", import.meta.url));
  const child = spawn(process.execPath, [main, "relay", "--port", "0", "--file", file], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`the embedded relay ended with code ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const url = /listening on (\S+)/.exec(line)?.[1];
      if (url === undefined || child.pid === undefined) return;
      resolve({
        url,
        pid: child.pid,
        stop: async () => {
          child.kill("SIGTERM");
          await ended;
        },
      });
    });
  });
}
