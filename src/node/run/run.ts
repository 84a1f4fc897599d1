/**
 * One run from a checked plan to its report: gate → preflight → calibration → pool → bundles →
 * k6 under supervision → report. Nothing is sent before the gate admitted every relay.
 */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { buildBundles } from "../../../build/bundle.ts";
import { Interrupted } from "../../errors.ts";
import { blacklistFor, hostsFor } from "../../guard/dialer.ts";
import { toDialUrl } from "../../guard/relay-url.ts";
import { noteEvery } from "../../measure/acknowledged.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { optionLabel } from "../../plan/options.ts";
import { leadingRate } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { timesOfRun } from "../../pool/times.ts";
import type { KnownEvents, Report } from "../../report/types.ts";
import { findKnown, judgeKnown } from "../audit/known.ts";
import { Readers } from "../audit/readers.ts";
import { type Counts, countKinds } from "../audit/stored.ts";
import { judgeRate, obtainCalibration, refuseByKept } from "../calibrate/obtain.ts";
import { startCompanion } from "../companion/companion.ts";
import { admitSideUrl } from "../companion/relay-metrics.ts";
import { writeBundle } from "../guard/authorities.ts";
import { admitRelays } from "../guard/gate.ts";
import { admitSink, ownHeaders, policyOf } from "../guard/policy.ts";
import { refuseByText } from "../guard/refuse.ts";
import { k6Arguments, k6Environment } from "../k6/environment.ts";
import { type K6Outcome, superviseK6 } from "../k6/supervise.ts";
import { LiveRun } from "../live.ts";
import type { Pool } from "../pool/read.ts";
import { servePoolTo } from "../pool/serve.ts";
import { judgeHere } from "../preflight/here.ts";
import { mostFrameBytes } from "../preflight/limits.ts";
import {
  describeLeft,
  judgePool,
  type Preflight,
  preflight,
  refuseStops,
} from "../preflight/preflight.ts";
import { rowCapsOf } from "../preflight/query-judge.ts";
import type { RelayAnswer } from "../preflight/relay.ts";
import { areOfRun } from "../preflight/times.ts";
import { startProfile } from "../profile/profiler.ts";
import { makeRunDir, type ReportFiles, writeReport } from "../report-files.ts";
import { ensureK6 } from "../setup/ensure.ts";
import { dialledBy } from "./dialled.ts";
import { type Drive, type Driven, kindsOf, type RunRequest, whyNoSpots } from "./driven.ts";
import { fitToReplay } from "./events.ts";
import { finish } from "./finish.ts";
import { openHandshakeDesk } from "./handshakes.ts";
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

async function drive(request: Drive & { readonly poolDir: string }): Promise<Driven> {
  const { plan, k6, admissions, terminal, runDir } = request;
  const hosts = Object.assign({}, ...admissions.map((a) => hostsFor(a.url.host, a.addresses)));
  const { isolation } = policyOf(plan);
  const allowed = dialledBy(admissions, hosts, isolation);
  const bundles = await buildBundles();
  const served = await servePoolTo(allowed, request.poolDir);
  const live = new LiveRun(plan, request.pool);
  const companion = await startCompanion({
    plan,
    admissions,
    relayPid: request.relayPid,
    relayMetrics: request.metricsAt,
    live,
  });
  terminal.note(`companion   ${companion.url}/metrics`);
  const authorities =
    request.ca && (await writeBundle(runDir, request.ca, process.env.SSL_CERT_FILE));
  const k6Request = {
    plan,
    dialUrls: plan.relays.map(toDialUrl),
    poolDir: resolve(request.poolDir),
    poolUrl: served?.url ?? null,
    // k6 may dial the companion where it may dial the pool.
    companionUrl: served === null ? null : companion.url,
    runId: request.runId,
    runDir,
    script: join(bundles, `${SCENARIOS[plan.scenario].script}.js`),
    allowed,
    hosts,
    blacklist: blacklistFor(allowed),
    metricsUrl: request.metricsUrl,
    authorities,
    ...(isolation?.status === "isolated" ? { isolatedNetworks: isolation.networks } : {}),
    auditEvery: auditEveryOf(request),
    rowCaps: rowCapsOf(request.preflight.answers.map(({ information }) => information)),
  };
  const handshakes = openHandshakeDesk(admissions, ({ status, text }) =>
    terminal.note(`handshake   ${status ?? "no answer"}${text === "" ? "" : ` ${text}`}`),
  );
  const profile = startProfile(request.profiler, plan.durationSec);
  const ticker = setInterval(() => terminal.status(live.describe(Date.now())), 1_000);
  const startedAtMs = Date.now();
  try {
    const outcome = await superviseK6({
      binary: k6.path,
      args: k6Arguments(k6Request),
      environment: k6Environment(k6Request, process.env),
      cwd: process.cwd(),
      vus: plan.vus,
      mostMs: mostSeconds(plan) * 1_000,
      onStart: (pid) => companion.watchGenerator(pid),
      onSlice: (slice) => {
        live.add(slice, Date.now());
        companion.observe(slice);
        handshakes.observe(slice);
        profile.observe(slice);
      },
      signal: request.signal,
    });
    const profiled = await profile.end();
    return {
      ...request,
      live,
      outcome,
      companion: await companion.close(),
      handshakes: await handshakes.close(),
      profiled,
      startedAtMs,
    };
  } finally {
    clearInterval(ticker);
    if (authorities) await rm(authorities, { force: true });
    await served?.close();
    await companion.close();
    terminal.clear();
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

/** Without an audit a few are noted all the same, where a relay may be asked. */
function auditEveryOf(drive: Drive): number {
  const { plan, audit = false } = drive;
  if (!audit && whyNoSpots(drive) !== null) return 0;
  return noteEvery(plan.rateEps * (plan.warmupSec + plan.durationSec), audit);
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
