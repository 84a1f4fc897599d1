/** One run from a checked plan to its report: gate → preflight → calibration → pool → k6 → report. */
import { resolve } from "node:path";
import { Interrupted } from "../../errors.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { timesOfRun } from "../../pool/times.ts";
import type { KnownEvents, Report } from "../../report/types.ts";
import { findKnown, judgeKnown } from "../audit/known.ts";
import { Readers } from "../audit/readers.ts";
import { type Counts, countKinds } from "../audit/stored.ts";
import { judgeRate } from "../calibrate/obtain.ts";
import type { K6Outcome } from "../k6/supervise.ts";
import type { Pool } from "../pool/read.ts";
import { mostFrameBytes } from "../preflight/limits.ts";
import { judgePool } from "../preflight/pool-judge.ts";
import { type Preflight, refuseStops } from "../preflight/preflight.ts";
import type { RelayAnswer } from "../preflight/relay.ts";
import { areOfRun } from "../preflight/times.ts";
import { makeRunDir, type Written, writeReport } from "../report-files.ts";
import { drive } from "./drive.ts";
import { kindsOf, type RunRequest } from "./driven.ts";
import { finish } from "./finish.ts";
import { type Prepared, prepareRun } from "./prepare.ts";
import { holdReading } from "./reading.ts";
import { makeRunId } from "./run-id.ts";
import { chooseSupply, publishes } from "./supply.ts";

export interface RunResult {
  readonly report: Report;
  readonly written: Written;
  readonly outcome: K6Outcome;
}

export interface Carried {
  readonly report: Report;
  readonly outcome: K6Outcome;
  /** The folder of this run, where its report belongs. */
  readonly runDir: string;
}

/** Carries out a plan. Throws `ConfigError` for what is refused, before anything is sent. */
export async function carryOut(asked: RunRequest): Promise<RunResult> {
  const prepared = await prepareRun(asked);
  const { plan, force, terminal } = prepared.request;
  const warning = judgeRate(plan.rateEps, prepared.calibration, force === true);
  if (warning !== null) terminal.note(`warning     ${warning}`);
  const { report, outcome, runDir } = await runPrepared(prepared);
  const written = await writeReport(report, plan.reportDir, runDir);
  return { report, written, outcome };
}

/** Pool → bundles → k6 → report, which the caller writes. */
export async function runPrepared(prepared: Prepared): Promise<Carried> {
  const { request, admissions, checked, calibration } = prepared;
  const { plan, terminal, signal } = request;
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
  const pool = await chooseSupply(
    plan,
    { ...choice, admissions, corpusSeed: request.trial?.corpusSeed },
    request.trial?.takePool,
  );
  const readers = new Readers();
  try {
    await holdReading(pool.dir, calibration, request);
    const { dir, manifest } = pool;
    const isPublished = publishes(plan) && dir !== null;
    if (isPublished) refuseStops(judgePool(plan, { ...checked, times }, manifest));
    const known = isPublished ? await lookForKnown(checked, { dir, manifest }, request) : null;
    if (request.audit) await readers.hold(admissions);
    const before = request.audit
      ? await countBefore(checked.answers, pool.manifest, readers, signal)
      : { why: "counted with --audit alone" };
    await request.trial?.onReady();
    if (signal.aborted) throw new Interrupted("interrupted before anything was sent");
    const run = await drive({
      ...request,
      known,
      readers,
      before,
      k6: prepared.k6,
      calibration,
      admissions,
      metricsAt: prepared.metricsAt,
      preflight: checked,
      poolDir: pool.dir,
      pool: pool.manifest,
      corpus: pool.corpus,
      runId,
      runDir,
      metricsUrl: prepared.metricsUrl,
    });
    return { report: await finish(run), outcome: run.outcome, runDir };
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
