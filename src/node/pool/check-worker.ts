/** The thread that checks lines of signed events; it answers with their frames or their faults. */
import { parentPort, workerData } from "node:worker_threads";
import { type CheckersRequest, type Lines, openCheck } from "./checkers.ts";

const { times }: Pick<CheckersRequest, "times"> = workerData;
const check = await openCheck(times);

parentPort?.on("message", (lines: Lines) => parentPort?.postMessage(check(lines)));
parentPort?.postMessage("ready");
