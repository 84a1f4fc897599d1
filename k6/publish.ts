/**
 * The scenario `publish`: EVENT → OK at a set arrival rate.
 *
 *     k6 run -e RELAY_URL=ws://127.0.0.1:7777 -e POOL=pools/<id> build/dist/publish.js
 */
import exec from "k6/execution";
import { rowTypes } from "../src/report/build.ts";
import { pollCompanion } from "./lib/companion.ts";
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
    types: rowTypes(pool),
    share,
    largestFrame: pool.largestFrame,
    openFrames: () => createFrameSource(openAt, pool, share, plan.vus),
    feedMetrics: createMetricFeed(plan, rowTypes(pool)),
    live: run.live,
    auditEvery: run.auditEvery,
  });
}

/** What the scenario beside this one runs. */
export function watchResources(): void {
  const { companionUrl } = script.run;
  if (companionUrl !== null && findFaults(script, exec.test.options).length === 0) {
    pollCompanion(companionUrl);
  }
}

export function handleSummary(data: unknown): Record<string, string> {
  return summarizeRun(script, data);
}
