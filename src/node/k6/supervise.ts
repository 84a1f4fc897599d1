/**
 * Runs the k6 process and makes sure that it ends. k6 waits for ever for a relay that never answers a
 * Close frame, so what it does is watched by wall clock: SIGINT, which makes it write its summary;
 * again, which makes it leave without one; SIGKILL. Each slice that a VU logs is handed on.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Interrupted } from "../../errors.ts";
import { decodeSlice, type Slice } from "../../measure/slice.ts";
import { LineJoiner, TEXT_MARK } from "../../merge/lines.ts";

/** How long k6 is waited for before the next step. */
export interface Patience {
  /** After the last VU is done, to end by itself. */
  readonly endMs: number;
  readonly secondSignalMs: number;
  /** When all figures are there, k6's summary is not worth a longer wait. */
  readonly hungSecondSignalMs: number;
  readonly killMs: number;
}

const PATIENCE: Patience = {
  endMs: 5_000,
  secondSignalMs: 10_000,
  hungSecondSignalMs: 1_000,
  killMs: 5_000,
};
const MOST_LOG_LINES = 50;

export interface SuperviseOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly vus: number;
  /** Wall-clock bound of the whole run. */
  readonly mostMs: number;
  readonly onStart: (pid: number) => void;
  readonly onSlice: (slice: Slice) => void;
  /** Each line that k6 wrote of what it measured, as it wrote it; of several processes this is what is put together. */
  readonly onFigures?: (line: string) => void;
  /** Aborting it once stops k6 with its summary, see `stop`. */
  readonly signal: AbortSignal;
  readonly patience?: Patience;
}

export interface K6Outcome {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** Why k6 was stopped, if it was: by the user, by the clock, or as it hung. */
  readonly stopped: "interrupted" | "overtime" | "hung" | null;
  /** What k6 and the script logged besides slices: the last lines. */
  readonly log: readonly string[];
}

/** The last thing that k6 said, but for the frames of a stack below it. */
export function lastWords({ log }: Pick<K6Outcome, "log">): string {
  return log.findLast((line) => !/^\s*at /.test(line))?.slice(0, 500) ?? "it logged nothing";
}

/** Throws `Interrupted` when the user stopped before k6 was started. */
export function superviseK6(options: SuperviseOptions): Promise<K6Outcome> {
  const { patience = PATIENCE, signal } = options;
  if (signal.aborted) {
    return Promise.reject(new Interrupted("interrupted before anything was sent"));
  }
  return new Promise((resolve, reject) => {
    const child = spawn(options.binary, options.args, {
      cwd: options.cwd,
      env: options.environment,
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: Ctrl-C reaches this process alone, which stops k6 in order.
      detached: true,
    });
    const log: string[] = [];
    const done = new Set<number>();
    let stopped: K6Outcome["stopped"] = null;
    const timers: NodeJS.Timeout[] = [];
    const later = (ms: number, action: () => void) => timers.push(setTimeout(action, ms));

    const stop = (why: NonNullable<K6Outcome["stopped"]>) => {
      if (stopped !== null) {
        if (why === "interrupted") child.kill("SIGINT");
        return;
      }
      stopped = why;
      child.kill("SIGINT");
      const secondMs = why === "hung" ? patience.hungSecondSignalMs : patience.secondSignalMs;
      later(secondMs, () => child.kill("SIGINT"));
      later(secondMs + patience.killMs, () => child.kill("SIGKILL"));
    };
    const joiner = new LineJoiner();
    const onLine = (line: string) => {
      if (line.startsWith(TEXT_MARK)) options.onFigures?.(line);
      const slice = decodeSlice(joiner.take(line) ?? "");
      if (slice === null) {
        if (line.startsWith(TEXT_MARK)) return;
        if (line.trim() !== "") log.push(line);
        if (log.length > MOST_LOG_LINES) log.shift();
        return;
      }
      if (slice.phase === "done") done.add(slice.vu);
      if (done.size === options.vus) later(patience.endMs, () => stop("hung"));
      options.onSlice(slice);
    };
    later(options.mostMs, () => stop("overtime"));
    const onAbort = () => stop("interrupted");
    signal.addEventListener("abort", onAbort);
    createInterface({ input: child.stdout }).on("line", onLine);
    createInterface({ input: child.stderr }).on("line", onLine);
    child.on("spawn", () => options.onStart(child.pid ?? 0));
    child.on("error", reject);
    child.on("close", (code, killedBy) => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve({ code, killedBy, stopped, log });
    });
  });
}
