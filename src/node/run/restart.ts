/**
 * Has a relay restarted by a person's command while a run goes on, at a second of its window: what the command does is
 * that person's business, and what it said is noted when it fails.
 */
import { spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";

/** A command that runs the relay itself does not end; the run does. */
const MOST_WAIT_MS = 5_000;

export interface Restart {
  /** Called with each slice: when the window began, Unix ms, once it is known. */
  observe(windowStartUnixMs: number | null): void;
  /** Ends what waits, and waits for what runs. */
  close(): Promise<void>;
}

export interface RestartOptions {
  /** A line for the shell; without one nothing is restarted. */
  readonly command: string | undefined;
  readonly atSec: number;
  readonly onNote: (text: string) => void;
}

export function planRestart({ command, atSec, onNote }: RestartOptions): Restart {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  return {
    observe(windowStartUnixMs) {
      if (command === undefined || windowStartUnixMs === null || timer !== undefined) return;
      const inMs = windowStartUnixMs + atSec * 1_000 - Date.now();
      timer = setTimeout(
        () => {
          running = runCommand(command, onNote);
        },
        Math.max(0, inMs),
      );
    },
    async close() {
      clearTimeout(timer);
      await Promise.race([running, wait(MOST_WAIT_MS, undefined, { ref: false })]);
    },
  };
}

/** Never rejects: a relay that did not come back is what the report says of it. */
function runCommand(command: string, onNote: (text: string) => void): Promise<void> {
  const startedMs = Date.now();
  onNote("the command of --restart-relay runs");
  return new Promise((resolve) => {
    const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data) => {
      said = `${said}${data}`.slice(-300);
    });
    child.on("error", (error) => {
      onNote(`the command of --restart-relay could not be run: ${error.message}`);
      resolve();
    });
    // Not `close`: a relay that it left running may hold the pipe open.
    child.on("exit", (code) => {
      const took = `${((Date.now() - startedMs) / 1_000).toFixed(1)} s`;
      onNote(
        code === 0
          ? `the command of --restart-relay took ${took}`
          : `the command of --restart-relay ended with ${code}: ${said.trim()}`,
      );
      child.stderr.destroy();
      child.unref();
      resolve();
    });
  });
}
