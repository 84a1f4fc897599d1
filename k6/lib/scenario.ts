/** What the scripts of all scenarios do in VU code: the gate, then one VU's life, or the look at resources. */
import exec from "k6/execution";
import { mayBeEphemeral } from "../../src/pool/format.ts";
import { rowNames, rowTypes } from "../../src/report/rows.ts";
import { pollCompanion } from "./companion.ts";
import { createFrameSource, type OpenAt } from "./frames/frame-source.ts";
import { createMetricFeed } from "./metrics.ts";
import { createPublisher } from "./publish/publisher.ts";
import { createAsker } from "./query/asker.ts";
import { findFaults, findSegmentFaults, type Script } from "./script.ts";
import { Vu } from "./vu.ts";

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
  const open = (at: OpenAt) => createFrameSource(at, pool, share, plan.vus);
  const ahead = openAheadAt === null ? null : await open(openAheadAt);
  const frames = await open(openAt);
  const types = rowTypes(pool);
  const rows = rowNames(plan.scenario, pool);
  const vu = new Vu({
    plan,
    share,
    rows,
    createDrivers: (ground) => {
      const publisher = createPublisher(ground, {
        types: types.length,
        mayBeEphemeral: pool.types.map((type) => mayBeEphemeral(pool, type)),
        largestFrame: pool.largestFrame,
        hasSets: pool.events > pool.sets,
        frames,
        auditEvery: run.auditEvery,
      });
      if (openAheadAt === null || ahead === null) return [publisher];
      const viewType = pool.types.indexOf("view");
      const openFrames = () => open(openAheadAt);
      return [publisher, createAsker(ground, { viewType, frames: ahead, openFrames })];
    },
    feedMetrics: createMetricFeed(plan, rows),
    live: run.live,
  });
  await vu.run();
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
