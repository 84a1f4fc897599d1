/** The command line as a person has it who may ask a cluster, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "../../src/report/types.ts";
import { PROGRAM } from "../cli/program.ts";
import type { Cluster, User } from "./cluster.ts";

const LIMIT_MS = 240_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The newest that it left. */
  readonly report: Report | null;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when its output has this; rejects where it ends before. */
  says(pattern: RegExp): Promise<void>;
}

export class CommandLine {
  readonly #cluster: Cluster;
  readonly #dir: string;
  readonly #user: User;

  constructor(cluster: Cluster, dir: string, user: User = "loader") {
    this.#cluster = cluster;
    this.#dir = dir;
    this.#user = user;
  }

  async run(args: readonly string[]): Promise<Ended> {
    return await (await this.start(args)).ended;
  }

  async start(args: readonly string[]): Promise<Running> {
    const cwd = await mkdtemp(join(this.#dir, "run-"));
    const { HOME = "", TMPDIR } = process.env;
    const env = { HOME, ...(TMPDIR ? { TMPDIR } : {}), ...this.#cluster.envFor(this.#user) };
    const words = [PROGRAM, "kubernetes", ...args];
    const child = spawn(process.execPath, words, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    const watchers = new Set<() => void>();
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
      for (const watch of watchers) watch();
    });
    const limit = setTimeout(() => child.kill("SIGTERM"), LIMIT_MS);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(limit);
        for (const watch of watchers) watch();
        readNewest(cwd).then((report) => resolve({ code, stdout, stderr, report }), reject);
      });
    });
    const says = (pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const watch = () => {
          if (pattern.test(stderr)) resolve();
          else if (child.exitCode !== null)
            reject(new Error(`it never said ${pattern}:\n${stderr}`));
        };
        watchers.add(watch);
        watch();
      });
    return { child, ended, says };
  }
}

async function readNewest(cwd: string): Promise<Report | null> {
  const dir = join(cwd, "reports/load-test");
  const names = await readdir(dir).catch(() => []);
  const name = names.find((file) => /^load-report-.*\.json$/.test(file));
  return name === undefined
    ? null
    : (JSON.parse(await readFile(join(dir, name), "utf8")) as Report);
}
