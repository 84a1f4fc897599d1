/** What the scripts of all scenarios do in VU code: the gate, then one VU's life, or the look at resources. */
import exec from "k6/execution";
import { QUERIES } from "../../src/load/sessions.ts";
import { findSegmentFaults } from "../../src/plan/instances.ts";
import { mayBeEphemeral } from "../../src/pool/format.ts";
import { rowNames, rowTypes } from "../../src/report/rows.ts";
import { pollCompanion } from "./companion.ts";
import { createFrameSource, type OpenAt } from "./frames/frame-source.ts";
import { createMetricFeed } from "./metrics.ts";
import { createPublisher } from "./publish/publisher.ts";
import type { CorpusRows } from "./query/corpus-rows.ts";
import { createOpenSource } from "./query/open-source.ts";
import { createQuerier } from "./query/querier.ts";
import { createSessions } from "./query/sessions.ts";
import { findFaults, type Script } from "./script.ts";
import { Vu, type VuOptions } from "./vu.ts";

/** Runs the publishing VU that this is; `openAheadAt` opens the frames once more, for sessions. */
export async function publishShare(
  script: Script,
  openAt: OpenAt,
  openAheadAt: OpenAt | null,
): Promise<void> {
  const { plan, pool, run } = script;
  const isWithoutViews = openAheadAt !== null && !pool.types.includes("view");
  const more = isWithoutViews ? ["the pool holds no `view`, and sessions end with one"] : [];
  const share = admitShare(script, more);
  if (share === null) return;
  const open = (at: OpenAt) => createFrameSource(at, pool, share, plan.vus);
  const ahead = openAheadAt === null ? null : await open(openAheadAt);
  const frames = await open(openAt);
  await runVu(script, share, (ground) => {
    const publisher = createPublisher(ground, {
      types: rowTypes(pool).length,
      mayBeEphemeral: pool.types.map((type) => mayBeEphemeral(pool, type)),
      largestFrame: pool.largestFrame,
      hasSets: pool.events > pool.sets,
      frames,
      auditEvery: run.auditEvery,
    });
    if (openAheadAt === null || ahead === null) return [publisher];
    const viewType = pool.types.indexOf("view");
    const openFrames = () => open(openAheadAt);
    const asker = createQuerier(ground, {
      createSource: () => createSessions(ground, { viewType, frames: ahead, openFrames }),
      rowCount: QUERIES.length,
      // At most two a view.
      mostQueries: 2 * plan.rateEps * plan.durationSec,
      ...{ verify: "off", corpus: null, rowCaps: [], keepLive: false },
      isAlone: (client) => publisher.useOf(client).open === 0,
      largestFrame: pool.largestFrame,
    });
    return [publisher, asker];
  });
}

/** Runs the asking VU that this is. */
export async function queryShare(
  script: Script,
  openAt: OpenAt,
  corpus: CorpusRows | null,
): Promise<void> {
  const { plan, pool, run } = script;
  const { query } = plan;
  const share = admitShare(script, query === null ? ["the plan has no queries"] : []);
  if (share === null || query === null) return;
  const frames = await createFrameSource(openAt, pool, share, plan.vus);
  const { rate, verify, pages, keepLive } = query;
  const source = { ratePerSecond: rate, pages, shapes: pool.types, frames };
  await runVu(script, share, (ground) => [
    createQuerier(ground, {
      createSource: () => createOpenSource(ground, source),
      rowCount: rowTypes(pool).length,
      mostQueries: rate * plan.durationSec,
      ...{ verify, corpus, rowCaps: run.rowCaps, keepLive },
      isAlone: () => true,
      largestFrame: pool.largestFrame,
    }),
  ]);
}

/** The part of the load that is this VU's; `null`: the run was refused. */
function admitShare(script: Script, more: readonly string[]): number | null {
  const faults = [...findFaults(script, exec.test.options), ...more];
  if (faults.length === 0) return exec.scenario.iterationInTest;
  exec.test.abort(`refused: ${faults.join("; ")}`);
  return null;
}

async function runVu(
  { plan, pool, run }: Script,
  share: number,
  createDrivers: VuOptions["createDrivers"],
): Promise<void> {
  const rows = rowNames(plan.scenario, pool);
  const feedMetrics = createMetricFeed(plan, rows);
  await new Vu({ plan, share, rows, createDrivers, feedMetrics, live: run.live }).run();
}

/** Before any VU starts, also where a segment has none. */
export function refuseSegments({ plan, run }: Script): void {
  const faults = findSegmentFaults(exec.test.options, plan.instances, run.instance);
  if (faults.length > 0) exec.test.abort(`refused: ${faults.join("; ")}`);
}

/** The VU of the scenario `resources`, beside the one that loads. */
export function watchCompanion(script: Script): void {
  const { companionUrl } = script.run;
  if (companionUrl !== null && findFaults(script, exec.test.options).length === 0) {
    pollCompanion(companionUrl);
  }
}
