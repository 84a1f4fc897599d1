/** Programs that a cluster is made of: started with a log each, ended by their process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const PATIENCE_MS = 20_000;

export class Processes {
  readonly #logs: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children = new Map<string, ChildProcess>();

  constructor(logs: string, env: NodeJS.ProcessEnv) {
    this.#logs = logs;
    this.#env = env;
  }

  async start(name: string, [program = "", ...args]: readonly string[]): Promise<void> {
    await mkdir(this.#logs, { recursive: true });
    const log = openSync(join(this.#logs, `${name}.log`), "a");
    const child = spawn("nice", ["-n", "5", program, ...args], {
      env: this.#env,
      stdio: ["ignore", log, log],
      // Ctrl-C reaches the test alone, which ends them in order.
      detached: true,
    });
    child.on("error", () => {});
    this.#children.set(name, child);
  }

  /** What it said last, for who has to say why nothing works. */
  async lastWords(name: string): Promise<string> {
    const text = await readFile(join(this.#logs, `${name}.log`), "utf8").catch(() => "");
    return text.trimEnd().split("\n").slice(-5).join("\n");
  }

  has(name: string): boolean {
    const child = this.#children.get(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Ends it, by force where it does not go. */
  async stop(name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || !this.has(name)) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const limit = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    await ended;
    clearTimeout(limit);
  }
}

/** Processes with a text among their words, as shims have the socket of their containerd. */
export function processesWith(text: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text) ? [Number(name)] : [];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

/** All that came of a process, by its children's names. */
export function descendantsOf(
  id: number,
): readonly { readonly id: number; readonly name: string }[] {
  const all = readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // proc(5): id (name) state parent …; a name may hold anything.
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return [
        {
          id: Number(entry),
          name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
          parent,
        },
      ];
    } catch {
      return [];
    }
  });
  const below = (parent: number): typeof all =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.id)]);
  return below(id);
}

/** Ends what may have gone by itself. */
export function kill(id: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(id, signal);
  } catch {
    // It has ended.
  }
}
