/**
 * The scenario `fanout`: some publish, others subscribe, and each delivery is held against what is owed.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/fanout.js
 */
import { fanoutShare } from "./lib/fanout-share.ts";
import { openFrames } from "./lib/frames/frames.ts";
import { type Origin, openProcess, watchCompanion } from "./lib/scenario.ts";
import { readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";

const script = readScript("fanout");
const openAt = await openFrames(script);

export const options = scriptOptions(script);
export default (origin: Origin | null) => fanoutShare(script, openAt, origin);
export const setup = () => openProcess(script);
export const watchResources = () => watchCompanion(script);
export const handleSummary = (data: unknown) => summarizeRun(script, data);
