/**
 * The scenario `query`: REQ → EOSE and COUNT at a set arrival rate, every answer checked.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/query.js
 */
import { openFrames } from "./lib/frames/frames.ts";
import { type Origin, openProcess, queryShare, watchCompanion } from "./lib/scenario.ts";
import { readCorpus, readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";

const script = readScript("query");
const openAt = await openFrames(script);
const corpus = readCorpus(script);

export const options = scriptOptions(script);
export default (origin: Origin | null) => queryShare(script, openAt, corpus, origin);
export const setup = () => openProcess(script);
export const watchResources = () => watchCompanion(script);
export const handleSummary = (data: unknown) => summarizeRun(script, data);
