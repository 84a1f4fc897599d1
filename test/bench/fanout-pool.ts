/** Pools for `fanout`, and the relay that delivers: each run's events are new to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import type { Rig } from "./k6-run.ts";

const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));

/** A run by the command line leaves the pool that its plan needs. */
export async function signFanoutPool(
  { dir }: Pick<Rig, "dir">,
  name: string,
  load: Readonly<Record<string, string>>,
): Promise<string> {
  const cwd = join(dir, name);
  await mkdir(cwd, { recursive: true });
  await withEmbedded(async (url) => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, RELAY_URL: url, ...load };
    const args = [CLI, "run", "fanout", "--force", "--no-calibrate"];
    const child = spawn(process.execPath, args, { cwd, env, stdio: "ignore" });
    await once(child, "close");
  });
  const pools = join(cwd, "pools");
  const pool = (await readdir(pools)).find((one) => !one.startsWith("."));
  if (pool === undefined) throw new Error("the run left no pool");
  return join(pools, pool);
}

export async function withEmbedded<T>(work: (url: string) => Promise<T>): Promise<T> {
  const relay = await startRelayProcess(["--file", ":memory:"]);
  try {
    return await work(relay.url);
  } finally {
    await relay.stop();
  }
}
