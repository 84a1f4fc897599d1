/** The thread that checks lines of signed events; it answers with their frames or their faults. */
import { parentPort, workerData } from "node:worker_threads";
import { loadVerifier } from "../relay/signatures.ts";
import type { ReplayTimes } from "./replay-event.ts";
import { checkLines } from "./replay-lines.ts";

/** `null`: the lines are a pool's own, and only their faults are asked for. */
const { times }: { times: ReplayTimes | null } = workerData;
const verify = await loadVerifier();

parentPort?.on("message", (lines: readonly Uint8Array[]) => {
  const checked = checkLines(lines, verify, times);
  parentPort?.postMessage(
    times === null ? checked.map((line) => line && ("fault" in line ? line : null)) : checked,
  );
});
parentPort?.postMessage("ready");
