/** What the scripts of all scenarios do in VU code: the gate, then one VU's life, or the look at resources. */
import exec from "k6/execution";
import { rowTypes } from "../../src/report/build.ts";
import { pollCompanion } from "./companion.ts";
import { createFrameSource, type OpenAt } from "./frame-source.ts";
import { createMetricFeed } from "./metrics.ts";
import { findFaults, findSegmentFaults, type Script } from "./script.ts";
import { runVu } from "./vu.ts";

/** Runs the publishing VU that this is; `openAheadAt` opens the frames once more, for sessions. */
export async function publishShare(
  script: Script,
  openAt: OpenAt,
  openAheadAt: OpenAt | null,
): Promise<void> {
  const { plan, pool, run } = script;
  const faults = [...findFaults(script, exec.test.options)];
  if (openAheadAt !== null && !pool.types.includes("view")) {
    faults.push("the pool holds no `view`, and sessions end with one");
  }
  if (faults.length > 0) {
    exec.test.abort(`refused: ${faults.join("; ")}`);
    return;
  }
  const share = exec.scenario.iterationInTest;
  const open = (at: OpenAt) => () => createFrameSource(at, pool, share, plan.vus);
  await runVu({
    plan,
    pool,
    share,
    openFrames: open(openAt),
    openAhead: openAheadAt === null ? null : open(openAheadAt),
    feedMetrics: createMetricFeed(plan, rowTypes(pool)),
    live: run.live,
    auditEvery: run.auditEvery,
  });
}

/** Before any VU starts, also where a segment has none. */
export function refuseSegments(): void {
  const faults = findSegmentFaults(exec.test.options);
  if (faults.length > 0) exec.test.abort(`refused: ${faults.join("; ")}`);
}

/** The VU of the scenario `resources`, beside the one that loads. */
export function watchCompanion(script: Script): void {
  const { companionUrl } = script.run;
  if (companionUrl !== null && findFaults(script, exec.test.options).length === 0) {
    pollCompanion(companionUrl);
  }
}
