import { resolve } from "node:path";
import { Interrupted } from "../../errors.ts";
import { optionLabel } from "../../plan/options.ts";
import { leadingRate } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { timesOfRun } from "../../pool/times.ts";
import type { KnownEvents, Report } from "../../report/types.ts";
import { findKnown, judgeKnown } from "../audit/known.ts";
import { Readers } from "../audit/readers.ts";
import { type Counts, countKinds } from "../audit/stored.ts";
import { judgeRate, obtainCalibration, refuseByKept } from "../calibrate/obtain.ts";
import { admitSideUrl } from "../companion/relay-metrics.ts";
import { admitRelays } from "../guard/gate.ts";
import { admitSink, ownHeaders, policyOf } from "../guard/policy.ts";
import { refuseByText } from "../guard/refuse.ts";
import type { K6Outcome } from "../k6/supervise.ts";
import type { Pool } from "../pool/read.ts";
import { judgeHere } from "../preflight/here.ts";
import { mostFrameBytes } from "../preflight/limits.ts";
import {
  describeLeft,
  judgePool,
  type Preflight,
  preflight,
  refuseStops,
} from "../preflight/preflight.ts";
import type { RelayAnswer } from "../preflight/relay.ts";
import { areOfRun } from "../preflight/times.ts";
import { makeRunDir, type ReportFiles, writeReport } from "../report-files.ts";
import { ensureK6 } from "../setup/ensure.ts";
import { drive } from "./drive.ts";
import { kindsOf, type RunRequest } from "./driven.ts";
import { fitToReplay } from "./events.ts";
import { finish } from "./finish.ts";
import { choosePool, POOLS_DIR } from "./pool.ts";
import { chooseQuestions } from "./questions.ts";
import { holdReading } from "./reading.ts";
import { makeRunId } from "./run-id.ts";

export interface RunResult {
  readonly report: Report;
  readonly files: ReportFiles;
  readonly outcome: K6Outcome;
}

/** Carries out a plan. Throws `ConfigError` for what is refused, before anything is sent. */
export async function carryOut(asked: RunRequest): Promise<RunResult> {
  const { terminal, signal, poolDir: given, relayPid, replay, force = false } = asked;
  const planned = await fitToReplay(asked, given);
  refuseByText(planned);
  const extra = asked.builders?.extra ?? [];
  const here = { plan: planned, poolDir: given, poolsDir: POOLS_DIR, relayPid, extra, force };
  const known = await judgeHere(here);
  refuseStops(known);
  if (!force) await refuseByKept(planned.rateEps, process.env);
  const admissions = await admitRelays(planned.relays, {
    policy: policyOf(planned),
    nowMs: Date.now(),
    rateEps: leadingRate(planned),
    clients: planned.clients,
    headers: ownHeaders(planned),
    ca: asked.ca,
  });
  for (const { url, reason } of admissions) terminal.note(`relay       ${url.label}: ${reason}`);
  const metricsAt =
    asked.relayMetrics === undefined
      ? null
      : await admitSideUrl(asked.relayMetrics, optionLabel("relayMetrics"), admissions);
  const metricsUrl = await admitSink(asked.metricsSink ?? null, planned);
  const checked = await preflight({
    plan: planned,
    admissions,
    poolDir: given,
    replay:
      replay &&
      (async (times) => {
        const poolDir = await replay(times);
        return { poolDir, plan: await fitToReplay(asked, poolDir) };
      }),
    epoch: asked.epoch,
    force,
    extra,
  });
  const { plan } = checked;
  const request = { ...asked, plan };
  if (checked.left.length > 0) terminal.note(`probe       ${describeLeft(checked.left)}`);
  refuseStops(checked.findings);
  for (const { level, what, remedy } of [...known, ...checked.findings]) {
    if (level === "advice") terminal.note(`advice      ${what}; ${remedy}`);
  }
  if (checked.timesNote !== null) terminal.note(`pool        ${checked.timesNote}`);
  const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
  const calibration = await obtainCalibration({
    k6,
    env: process.env,
    mayMeasure: request.mayCalibrate === true,
    part: plan.query === null ? "publish" : "receive",
    terminal,
    signal,
  });
  const warning = judgeRate(plan.rateEps, calibration, request.force === true);
  if (warning !== null) terminal.note(`warning     ${warning}`);
  const runId = makeRunId();
  const runDir = resolve(await makeRunDir(plan.reportDir, runId));
  // What came in between made those of the run older.
  const times = areOfRun(checked.times) ? timesOfRun(plan, Date.now() / 1_000) : checked.times;
  const choice = {
    dir: checked.poolDir,
    times,
    builders: request.builders,
    mostPoolBytes: request.mostPoolBytes,
    mostFrameBytes: mostFrameBytes(checked.answers.map(({ information }) => information)),
    terminal,
    signal,
  };
  const pool =
    plan.query === null
      ? { ...(await choosePool(plan, choice)), corpus: null }
      : await chooseQuestions(plan, plan.query, { ...choice, admissions });
  const readers = new Readers();
  try {
    await holdReading(pool.dir, calibration, request);
    const isPublished = pool.corpus === null;
    if (isPublished) refuseStops(judgePool(plan, { ...checked, times }, pool.manifest));
    const known = isPublished ? await lookForKnown(checked, pool, request) : null;
    if (request.audit) await readers.hold(admissions);
    const before = request.audit
      ? await countBefore(checked.answers, pool.manifest, readers, signal)
      : { why: "counted with --audit alone" };
    if (signal.aborted) throw new Interrupted("interrupted before anything was sent");
    const run = await drive({
      ...request,
      known,
      readers,
      before,
      k6,
      calibration,
      admissions,
      metricsAt,
      preflight: checked,
      poolDir: pool.dir,
      pool: pool.manifest,
      corpus: pool.corpus,
      runId,
      runDir,
      metricsUrl,
    });
    const report = await finish(run);
    const files = await writeReport(report, plan.reportDir, runDir);
    return { report, files, outcome: run.outcome };
  } finally {
    readers.close();
    await pool.release();
  }
}

/** Asks for some of the pool's events; throws where most of them were sent before. */
async function lookForKnown(
  { answers }: Preflight,
  { dir, manifest }: Pick<Pool, "dir" | "manifest">,
  { terminal, signal }: RunRequest,
): Promise<KnownEvents | null> {
  if (answers.length === 0) return null;
  const admissions = answers.map(({ admission }) => admission);
  const known = await findKnown(admissions, dir, manifest, signal);
  const found = judgeKnown(known);
  refuseStops(found);
  for (const { what, remedy } of found) terminal.note(`advice      ${what}; ${remedy}`);
  if (known.why !== null) terminal.note(`pool        not looked for in the relay: ${known.why}`);
  return known;
}

/** Only relays that announce COUNT are asked: others may leave it unanswered. */
async function countBefore(
  answers: readonly RelayAnswer[],
  pool: PoolManifest,
  readers: Readers,
  signal: AbortSignal,
): Promise<Counts> {
  if (answers.length === 0) return { why: "no relay was asked beforehand (--force)" };
  const silent = answers.find(({ information }) => !information.counts);
  if (silent !== undefined) {
    return { why: `\`${silent.admission.url.label}\` does not announce COUNT (NIP-45)` };
  }
  const admissions = answers.map(({ admission }) => admission);
  return await countKinds(admissions, kindsOf(pool), signal, readers);
}
