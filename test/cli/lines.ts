/** Command lines, each in a process of its own or all in one: starting the CLI takes most of a line's time. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../bin/k6-nostr.mjs", import.meta.url));
const HOST = fileURLToPath(new URL("./host.ts", import.meta.url));

/** Where the process of all lines answers. */
export const ANSWERS_FD = 3;

export interface Line {
  readonly words: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that takes one line after the other, by the function that the CLI's script calls. */
export class Lines {
  readonly #host: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #before: Promise<unknown> = Promise.resolve();

  constructor() {
    const flags = ["--import", import.meta.resolve("tsx"), HOST];
    // No IPC: what the CLI does with a parent that talks to it is not to be met here.
    this.#host = spawn(process.execPath, flags, { stdio: ["pipe", "inherit", "inherit", "pipe"] });
    const answers = this.#host.stdio[ANSWERS_FD] as Readable;
    this.#answers = createInterface(answers)[Symbol.asyncIterator]();
  }

  run(line: Line): Promise<Ended> {
    const ended = this.#before.then(async () => {
      this.#host.stdin?.write(`${JSON.stringify(line)}\n`);
      const { value, done } = await this.#answers.next();
      if (done) throw new Error("the process of all lines ended");
      return JSON.parse(value) as Ended;
    });
    this.#before = ended.catch(() => {});
    return ended;
  }

  async close(): Promise<void> {
    const ended = once(this.#host, "exit");
    this.#host.stdin?.end();
    await ended;
  }
}

/** A program of its own, to its end. */
export function runProgram(
  [program = "", ...args]: readonly string[],
  { cwd, environment }: Omit<Line, "words">,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
