/**
 * The scenario `publish`: EVENT → OK at a set arrival rate.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/publish.js
 */
import { openFrames } from "./lib/frames/frames.ts";
import { type Origin, openProcess, publishShare, watchCompanion } from "./lib/scenario.ts";
import { readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";

const script = readScript("publish");
const openAt = await openFrames(script);

export const options = scriptOptions(script);
export default (origin: Origin | null) => publishShare(script, openAt, null, origin);
export const setup = () => openProcess(script);
export const watchResources = () => watchCompanion(script);
export const handleSummary = (data: unknown) => summarizeRun(script, data);
