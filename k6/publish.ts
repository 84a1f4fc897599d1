/**
 * The scenario `publish`: EVENT → OK at a set arrival rate.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/publish.js
 */
import exec from "k6/execution";
import { rowTypes } from "../src/report/build.ts";
import { createFrameSource, openFrames } from "./lib/frames.ts";
import { createMetricFeed } from "./lib/metrics.ts";
import { findFaults, readScript, scriptOptions } from "./lib/script.ts";
import { summarizeRun } from "./lib/summary.ts";
import { runVu } from "./lib/vu.ts";

const script = readScript("publish");
const openAt = await openFrames(script.poolDir, script.run.poolUrl);

export const options = scriptOptions(script);

export default async function publish(): Promise<void> {
  const faults = findFaults(script, exec.test.options);
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
    openAhead: null,
    feedMetrics: createMetricFeed(plan, rowTypes(pool)),
    live: run.live,
    auditEvery: run.auditEvery,
  });
}

export function handleSummary(data: unknown): Record<string, string> {
  return summarizeRun(script, data);
}
