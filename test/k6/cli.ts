/** Starts the CLI as a person would, in a folder of its own, with the real k6 on its PATH. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { startRelay } from "../../src/node/relay/relay.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import type { Report } from "../../src/report/types.ts";
import { PROGRAM } from "../cli/program.ts";

const LIMIT_MS = 90_000;

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface Place {
  readonly dir: string;
  /** Starts a program there; the CLI, unless another is named. */
  start(args: readonly string[], program?: string): Running;
  run(args: readonly string[], program?: string): Promise<Ended>;
  /** All reports that runs left there, the oldest first. */
  reports(): Promise<readonly Report[]>;
  readonly k6: string;
  /** The CLI's own script. */
  readonly cli: string;
}

/** A folder of its own for `use`, removed afterwards; a program that it starts is ended after so long. */
export async function inPlace<T>(
  use: (place: Place) => Promise<T>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const k6 = await ensureK6({ env: process.env, onNote: () => {} });
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-run-"));
  const start = (args: readonly string[], program?: string) =>
    startIn({ dir, k6: k6.path, limitMs }, args, program);
  try {
    return await use({
      dir,
      k6: k6.path,
      cli: PROGRAM,
      start,
      run: (args, program) => start(args, program).ended,
      reports: () => readReports(join(dir, "reports")),
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** An embedded relay in this process that keeps its events in memory, for `use`. */
export async function withEmbeddedRelay<T>(
  use: (relay: Awaited<ReturnType<typeof startRelay>>) => Promise<T>,
): Promise<T> {
  const relay = await startRelay({ port: 0, file: ":memory:" });
  try {
    return await use(relay);
  } finally {
    await relay.close();
  }
}

/** Events that preflight left in the relays of a run. */
export function probesOf(report: Report | undefined): number {
  return (report?.preflight?.probes ?? []).reduce((sum, { count }) => sum + count, 0);
}

/** As a terminal does it: to all processes of the group. */
export function pressCtrlC({ child }: Pick<Running, "child">): void {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
}

/** Resolves when `condition` holds; looked at every 20 ms. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function startIn(
  { dir, k6, limitMs }: { readonly dir: string; readonly k6: string; readonly limitMs: number },
  args: readonly string[],
  program?: string,
): Running {
  const { HOME, TMPDIR, PATH = "" } = process.env;
  const env = {
    ...(HOME ? { HOME } : {}),
    ...(TMPDIR ? { TMPDIR } : {}),
    PATH: `${dirname(k6)}${delimiter}${PATH}`,
    // No figures of this machine, and none left on it.
    K6_NOSTR_CACHE: join(dir, "cache"),
    K6_NO_USAGE_REPORT: "true",
    // As a shell sets it: k6 itself takes relative paths from the script on.
    PWD: dir,
  };
  const words = program === undefined ? [process.execPath, PROGRAM] : [program];
  return spawnIn(dir, [...words, ...args], env, limitMs);
}

/** Runs a program with this environment and nothing else of ours, but for k6 on its PATH. */
export function runWith(
  { dir, k6 }: Pick<Place, "dir" | "k6">,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const { HOME = "", PATH = "" } = process.env;
  const env = { HOME, PATH: `${dirname(k6)}${delimiter}${PATH}`, ...environment };
  return spawnIn(dir, words, env).ended;
}

/** How k6 is started without the CLI. */
export function k6ByHand(k6: string, ...more: readonly string[]): readonly string[] {
  return [k6, "run", "--quiet", "--no-usage-report", ...more];
}

function spawnIn(
  cwd: string,
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  limitMs = LIMIT_MS,
): Running {
  const child = spawn(program, args, { cwd, env, stdio: "pipe", detached: true });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const limit = setTimeout(() => child.kill("SIGTERM"), limitMs);
  const ended = once(child, "close").then(([exitCode]) => {
    clearTimeout(limit);
    return { exitCode: exitCode as number | null, stdout, stderr };
  });
  return { child, ended };
}

async function readReports(dir: string): Promise<readonly Report[]> {
  const ids = (await readdir(join(dir, "runs"))).sort();
  const texts = await Promise.all(
    ids.map((id) => readFile(join(dir, "runs", id, "report.json"), "utf8")),
  );
  return texts.map((text) => JSON.parse(text) as Report);
}
