/** The thread that checks lines of signed events; it answers with their frames or their faults. */
import { parentPort, workerData } from "node:worker_threads";
import { loadVerifier } from "../relay/signatures.ts";
import { checkLines } from "./replay-lines.ts";

const { onlyFaults }: { onlyFaults: boolean } = workerData;
const verify = await loadVerifier();

parentPort?.on("message", (lines: readonly Uint8Array[]) => {
  const checked = checkLines(lines, verify);
  parentPort?.postMessage(
    onlyFaults ? checked.map((line) => line && ("fault" in line ? line : null)) : checked,
  );
});
parentPort?.postMessage("ready");
