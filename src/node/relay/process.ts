/** The embedded relay or the sink in a process of its own, so that its CPU and memory are its own. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { profileChild } from "../profile/node-process.ts";
import type { Profiler } from "../profile/profiler.ts";

export interface RelayProcess {
  readonly url: string;
  readonly pid: number;
  readonly profiler: Profiler;
  stop(): Promise<void>;
}

/** Starts `k6-nostr relay` on any free port with these further flags; resolves when it listens. */
export function startRelayProcess(flags: readonly string[]): Promise<RelayProcess> {
  const main = fileURLToPath(new URL("../../../bin/k6-nostr.mjs", import.meta.url));
  const child = spawn(process.execPath, [main, "relay", "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    // A group of its own: Ctrl-C reaches this process alone, which stops the relay in order.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`the embedded relay ended with code ${code}`)));
    if (child.stdout === null) throw new Error("the embedded relay has no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const url = /listening on (\S+)/.exec(line)?.[1];
      if (url === undefined || child.pid === undefined) return;
      resolve({
        url,
        pid: child.pid,
        profiler: profileChild(child, "the embedded relay"),
        stop: async () => {
          child.kill("SIGTERM");
          await ended;
        },
      });
    });
  });
}
