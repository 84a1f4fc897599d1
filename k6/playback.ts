/**
 * The scenario `playback`: `publish`, and before each view event what its viewer's client asks: the feed
 * and the chosen video (REQ → EOSE), at times drawn from the seed.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/playback.js
 */
import exec from "k6/execution";
import { rowTypes } from "../src/report/build.ts";
import { createFrameSource, openFrames } from "./lib/frames.ts";
import { createMetricFeed } from "./lib/metrics.ts";
import { findFaults, readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";
import { runVu } from "./lib/vu.ts";

const script = readScript("playback");
const openAt = await openFrames(script.poolDir, script.run.poolUrl);
// A file that is open has one place where it is read: who reads ahead opens it again.
const openAheadAt = await openFrames(script.poolDir, script.run.poolUrl);

export const options = scriptOptions(script);

export default async function playback(): Promise<void> {
  const faults = [...findFaults(script, exec.test.options)];
  if (!script.pool.types.includes("view")) faults.push("playback needs `view` in the mix");
  if (faults.length > 0) {
    exec.test.abort(`refused: ${faults.join("; ")}`);
    return;
  }
  const { plan, pool, run } = script;
  const share = exec.scenario.iterationInTest;
  await runVu({
    plan,
    pool,
    share,
    openFrames: () => createFrameSource(openAt, pool, share, plan.vus),
    openAhead: () => createFrameSource(openAheadAt, pool, share, plan.vus),
    feedMetrics: createMetricFeed(plan, rowTypes(pool)),
    live: run.live,
    auditEvery: run.auditEvery,
  });
}

export function handleSummary(data: unknown): Record<string, string> {
  return summarizeRun(script, data);
}
