/** Programs as these tests start them: found by name, waited for, their output kept for the error. */
import { spawn } from "node:child_process";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly output: string;
}

export interface Start {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ended after so long. */
  readonly limitMs?: number;
  /** Interrupted, as by Ctrl-C, when its output first has this. */
  readonly interruptAt?: RegExp;
}

/** Runs a program to its end, whatever its code. */
export function run([program = "", ...args]: readonly string[], start: Start = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: start.cwd,
      env: { ...process.env, ...start.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let output = "";
    let isInterrupted = false;
    const note = (data: Buffer) => {
      output += data;
      if (isInterrupted || !start.interruptAt?.test(output)) return;
      isInterrupted = true;
      child.kill("SIGINT");
    };
    child.stdout.on("data", (data: Buffer) => {
      stdout += data;
      note(data);
    });
    child.stderr.on("data", note);
    const limit = setTimeout(() => child.kill("SIGTERM"), start.limitMs ?? 180_000);
    const end = (code: number | null, text = "") => {
      clearTimeout(limit);
      resolve({ code, stdout, output: output + text });
    };
    child.on("error", (error) => end(null, error.message));
    child.on("close", (code) => end(code));
  });
}

/** Runs a program that must end with 0; gives what it wrote to stdout. */
export async function must(words: readonly string[], start: Start = {}): Promise<string> {
  const { code, stdout, output } = await run(words, start);
  if (code === 0) return stdout;
  throw new Error(`\`${words.join(" ")}\` ended with ${code}\n${output.slice(-4_000)}`);
}

/** Whether a program can be started and answers `--version` or the like. */
export async function answers(...words: readonly string[]): Promise<boolean> {
  return (await run(words, { limitMs: 20_000 })).code === 0;
}
