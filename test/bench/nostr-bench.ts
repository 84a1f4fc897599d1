/**
 * nostr-bench (a crate) against the same sink: a closed loop with one event in flight on each connection,
 * signing in its timed path. Built with cargo into a folder that is kept; `null` where cargo is missing.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheDir } from "../../src/node/setup/cache.ts";

const VERSION = "0.4.0";

/** Gives the binary, or why there is none. */
export async function obtainNostrBench(): Promise<{ path: string } | { missing: string }> {
  const root = join(cacheDir(process.env, process.platform), `nostr-bench-${VERSION}`);
  const path = join(root, "bin", "nostr-bench");
  if (await stat(path).catch(() => null)) return { path };
  if (spawnSync("cargo", ["--version"]).status !== 0) return { missing: "cargo is not there" };
  await mkdir(root, { recursive: true });
  const args = ["install", "nostr-bench", "--version", VERSION, "--locked", "--root", root];
  const { status, stderr } = spawnSync("cargo", args, { encoding: "utf8" });
  if (status === 0) return { path };
  return { missing: `cargo could not build it: ${stderr.trim().split("\n").at(-1)}` };
}

interface Line {
  readonly elapsed: number;
  readonly connect_stats: { readonly alive: number };
  readonly message_stats: { readonly complete: number; readonly error: number };
}

/**
 * What was answered a second, between its first and last account with all connections open. `what`: `event`, or `req` and
 * its flags.
 */
export async function runNostrBench(
  path: string,
  what: readonly string[],
  url: string,
  clients: number,
): Promise<number> {
  // It accounts for itself every two seconds, and leaves its connections after `-k`.
  const args = [...what, "-c", String(clients), "-r", String(clients), "-k", "8", "--json", url];
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "ignore"] });
  const accounts: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => {
    if (!text.startsWith("{")) return;
    const line = JSON.parse(text) as Line;
    if (line.connect_stats.alive === clients) accounts.push(line);
  });
  await once(child, "close");
  const [first, last] = [accounts[0], accounts.at(-1)];
  if (!first || !last || last.elapsed === first.elapsed) return Number.NaN;
  const answered = ({ message_stats: { complete, error } }: Line) => complete - error;
  return ((answered(last) - answered(first)) * 1_000) / (last.elapsed - first.elapsed);
}
