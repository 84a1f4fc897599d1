/** What the scripts of all scenarios do in VU code: the gate, then one VU's life, or the look at resources. */
import crypto from "k6/crypto";
import exec from "k6/execution";
import { QUERIES } from "../../src/load/sessions.ts";
import { beginLines } from "../../src/merge/protocol.ts";
import { findSegmentFaults, instanceOf } from "../../src/plan/instances.ts";
import { openingMs } from "../../src/plan/start.ts";
import { mayBeEphemeral } from "../../src/pool/format.ts";
import { rowNames, rowTypes } from "../../src/report/rows.ts";
import { pollCompanion } from "./companion.ts";
import { createConnector } from "./connection/connector.ts";
import { Signer } from "./connection/signer.ts";
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
  origin: Origin | null | undefined,
): Promise<void> {
  const { plan, pool, run } = script;
  const isWithoutViews = openAheadAt !== null && !pool.types.includes("view");
  const more = isWithoutViews ? ["the pool holds no `view`, and sessions end with one"] : [];
  const share = admitShare(script, origin, more);
  if (share === null) return;
  const open = (at: OpenAt) => createFrameSource(at, pool, share, plan.vus);
  const ahead = openAheadAt === null ? null : await open(openAheadAt);
  const frames = await open(openAt);
  await runVu(script, share, origin, (ground) => {
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
      ...{ verify: "off", corpus: null, rowCaps: [], ownCounts: [], holders: [], keepLive: false },
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
  origin: Origin | null | undefined,
): Promise<void> {
  const { plan, pool, run } = script;
  const { query } = plan;
  const share = admitShare(script, origin, query === null ? ["the plan has no queries"] : []);
  if (share === null || query === null) return;
  const frames = await createFrameSource(openAt, pool, share, plan.vus);
  const { rate, verify, pages, keepLive } = query;
  const source = { ratePerSecond: rate, pages, shapes: pool.types, frames };
  await runVu(script, share, origin, (ground) => [
    createQuerier(ground, {
      createSource: () => createOpenSource(ground, source),
      rowCount: rowTypes(pool).length,
      mostQueries: rate * plan.durationSec,
      ...{ verify, corpus, rowCaps: run.rowCaps, ownCounts: run.ownCounts, keepLive },
      holders: pool.holders ?? [],
      isAlone: () => true,
      largestFrame: pool.largestFrame,
    }),
  ]);
}

/** Runs the VU that this is, of those that only connect. */
export async function connectShare(
  script: Script,
  origin: Origin | null | undefined,
): Promise<void> {
  const { connect } = script.plan;
  const { companionUrl } = script.run;
  const isUnsigned = connect?.onOpen === "auth" && companionUrl === null;
  const share = admitShare(script, origin, [
    ...(connect === null ? ["the plan connects nobody"] : []),
    ...(isUnsigned ? ["AUTH is signed by the command line's companion, and there is none"] : []),
  ]);
  if (share === null || connect === null) return;
  await runVu(script, share, origin, (ground) => {
    const signer =
      connect.onOpen === "auth" && companionUrl !== null
        ? new Signer(companionUrl, ground.onFault)
        : null;
    const sign = signer?.sign.bind(signer) ?? null;
    return [createConnector(ground, connect, sign)];
  });
}

/** The part of the load that is this VU's; `null`: the run was refused. */
export function admitShare(
  script: Script,
  origin: Origin | null | undefined,
  more: readonly string[],
): number | null {
  const faults = [...findFaults(script, exec.test.options), ...more];
  if (script.plan.instances > 1 && !origin?.of) {
    faults.push(
      "k6 did not set up, so that nobody would know whose figures these are; remove `--no-setup`",
    );
  }
  if (faults.length === 0) return exec.scenario.iterationInTest;
  exec.test.abort(`refused: ${faults.join("; ")}`);
  return null;
}

export async function runVu(
  { plan, pool, run }: Script,
  share: number,
  origin: Origin | null | undefined,
  createDrivers: VuOptions["createDrivers"],
): Promise<void> {
  const rows = rowNames(plan.scenario, pool);
  const feedMetrics = createMetricFeed(plan, rows);
  const { live, startAtMs } = run;
  if (startAtMs !== null) await waitUntil(startAtMs - openingMs(plan));
  const of = origin ? { of: origin.of } : {};
  const vu = new Vu({ plan, share, rows, createDrivers, feedMetrics, live, startAtMs, ...of });
  if (await vu.run()) return;
  exec.test.abort(
    "late: this instance was not ready at START_AT, and sends nothing; start earlier, or set it later (--lead)",
  );
}

async function waitUntil(unixMs: number): Promise<void> {
  const leftMs = unixMs - Date.now();
  if (leftMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, leftMs));
}

/** What all VUs of one of several k6 processes know of it; with `--no-setup` they get nothing. */
export interface Origin {
  readonly of: string;
}

/** Before any VU starts, also where a segment has none: refuses it, or says which part of the load begins. */
export function openProcess({ plan, pool, run }: Script): Origin | null {
  const faults = findSegmentFaults(exec.test.options, plan.instances, run.instance);
  if (faults.length > 0) exec.test.abort(`refused: ${faults.join("; ")}`);
  const index = instanceOf(exec.test.options, plan.instances);
  if (plan.instances === 1 || index === null) return null;
  const of = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
  const { startAtMs, runId } = run;
  const sha256 = (text: string) => crypto.sha256(text, "hex");
  const own = { of, index, startAtMs, runId, unixMs: Date.now() };
  for (const line of beginLines({ ...own, plan, pool, sha256 })) console.log(line);
  return { of };
}

/** The VU of the scenario `resources`, beside the one that loads. */
export function watchCompanion(script: Script): void {
  const { companionUrl } = script.run;
  if (companionUrl !== null && findFaults(script, exec.test.options).length === 0) {
    pollCompanion(companionUrl);
  }
}
