/** Programs that get a relay: run gently, within a bound, with the reason where they fail. */
import { spawn } from "node:child_process";
import { ROOT } from "./root.ts";

/** A relay that is not to be had here, and why. */
export class NotHad extends Error {}

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** Runs a program with the lowest priority; gives what it printed. Throws `NotHad` with its last words. */
export function must(
  program: string,
  args: readonly string[],
  { cwd = ROOT, env = {}, limitMs = 60_000 }: Options = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("nice", ["-n", "19", program, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr = `${stderr}${data}`.slice(-4_000);
    });
    const called = [program, ...args.slice(0, 2)].join(" ");
    const limit = setTimeout(() => {
      child.kill("SIGTERM");
      reject(new NotHad(`\`${called}\` took longer than ${limitMs / 1_000} s`));
    }, limitMs);
    child.on("error", (cause) => {
      clearTimeout(limit);
      reject(new NotHad(`\`${called}\` can't be started`, { cause }));
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      if (code === 0) resolve(stdout);
      else reject(new NotHad(`\`${called}\` ended with ${code}: ${reasonIn(stderr)}`));
    });
  });
}

/** The line that says why, where one does; else the last. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const telling = lines.find((line) => /^(?:error|ERROR|fatal)\b/.test(line));
  return telling ?? lines.filter((line) => line !== "").at(-1) ?? "it said nothing";
}
