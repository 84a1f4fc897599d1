/**
 * The scenario `connect`: connections that are opened, held, ended and opened again; nothing is published.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e CONNECT_MODE=hold build/dist/connect.js
 */
import { connectShare, type Origin, openProcess, watchCompanion } from "./lib/scenario.ts";
import { readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";

const script = readScript("connect");

export const options = scriptOptions(script);
export default (origin: Origin | null) => connectShare(script, origin);
export const setup = () => openProcess(script);
export const watchResources = () => watchCompanion(script);
export const handleSummary = (data: unknown) => summarizeRun(script, data);
