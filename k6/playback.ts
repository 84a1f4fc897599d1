/**
 * The scenario `playback`: `publish`, and before each view event what its viewer's client asks: the feed
 * and the chosen video (REQ → EOSE), at times drawn from the seed.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/playback.js
 */
import { openFrames } from "./lib/frames/frames.ts";
import { type Origin, openProcess, publishShare, watchCompanion } from "./lib/scenario.ts";
import { readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";

const script = readScript("playback");
const openAt = await openFrames(script);
// An open file has one place where it is read: who reads ahead opens it again.
const openAheadAt = await openFrames(script);

export const options = scriptOptions(script);
export default (origin: Origin | null) => publishShare(script, openAt, openAheadAt, origin);
export const setup = () => openProcess(script);
export const watchResources = () => watchCompanion(script);
export const handleSummary = (data: unknown) => summarizeRun(script, data);
