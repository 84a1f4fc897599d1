/**
 * One run from a checked plan to its report: gate → preflight → calibration → pool → bundles →
 * k6 under supervision → report. Nothing is sent before the gate admitted every relay.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism, platform, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { buildBundles } from "../../../build/bundle.ts";
import { ConfigError } from "../../errors.ts";
import { blacklistFor, hostsFor } from "../../guard/dialer.ts";
import type { GuardPolicy } from "../../guard/guard.ts";
import { judgeByText } from "../../guard/guard.ts";
import { parseDedicatedHost, toDialUrl } from "../../guard/relay-url.ts";
import { noteEvery } from "../../measure/acknowledged.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { type Plan, planText } from "../../plan/plan.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { buildReport, rowTypes } from "../../report/build.ts";
import { completeReport } from "../../report/complete.ts";
import { formatCount } from "../../report/format.ts";
import { type Audit, REPORT_SCHEMA, type Report } from "../../report/types.ts";
import { auditRun } from "../audit/audit.ts";
import { type Counts, compareStored, countKinds } from "../audit/stored.ts";
import type { Calibration } from "../calibrate/figures.ts";
import { judgeRate, obtainCalibration } from "../calibrate/obtain.ts";
import { type Admission, admitRelays } from "../guard/gate.ts";
import { k6Arguments, k6Environment } from "../k6/environment.ts";
import { type K6Outcome, superviseK6 } from "../k6/supervise.ts";
import { LiveRun } from "../live.ts";
import type { Builders } from "../pool/builders.ts";
import { servePoolTo } from "../pool/serve.ts";
import { judgePool, preflight, refuseStops } from "../preflight/preflight.ts";
import type { RelayAnswer } from "../preflight/relay.ts";
import { makeRunDir, type ReportFiles, writeReport } from "../report-files.ts";
import { relateSamples, startSampler, type TimedSample } from "../sampler.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { ensureK6 } from "../setup/ensure.ts";
import type { Terminal } from "../terminal.ts";
import { choosePool } from "./pool.ts";

export interface RunRequest {
  readonly plan: Plan;
  readonly poolDir: string | undefined;
  /** The user's own builders, where the mix names them. */
  readonly builders?: Builders | undefined;
  readonly relayPid: number | undefined;
  /**
   * Asks no relay beforehand, and starts on a machine that seems too small or at a rate that is near
   * its ceiling; the guard stays.
   */
  readonly force?: boolean;
  /** Measure this generator first when there are no figures of it; those kept are used anyway. */
  readonly mayCalibrate?: boolean;
  /** Read back what the relay acknowledged, after the run. */
  readonly audit?: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface RunResult {
  readonly report: Report;
  readonly files: ReportFiles;
  readonly outcome: K6Outcome;
}

/** Carries out a plan. Throws `ConfigError` for what is refused, before anything is sent. */
export async function carryOut(request: RunRequest): Promise<RunResult> {
  const { plan, terminal, signal } = request;
  refuseByText(plan);
  const admissions = await admitRelays(plan.relays, {
    policy: policyOf(plan),
    nowMs: Date.now(),
    rateEps: plan.rateEps,
    clients: plan.clients,
  });
  for (const { url, reason } of admissions) terminal.note(`relay       ${url.label}: ${reason}`);
  const checked = await preflight({
    plan,
    admissions,
    poolDir: request.poolDir,
    force: request.force === true,
    extra: request.builders?.extra ?? [],
  });
  refuseStops(checked.findings);
  for (const { level, what, remedy } of checked.findings) {
    if (level === "advice") terminal.note(`advice      ${what}; ${remedy}`);
  }
  if (checked.epochNote !== null) terminal.note(`pool        ${checked.epochNote}`);
  const k6 = await ensureK6({ env: process.env, onNote: (line) => terminal.note(line) });
  const calibration = await obtainCalibration({
    k6,
    env: process.env,
    mayMeasure: request.mayCalibrate === true,
    terminal,
    signal,
  });
  const warning = judgeRate(plan.rateEps, calibration, request.force === true);
  if (warning !== null) terminal.note(`warning     ${warning}`);
  const runId = makeRunId();
  const runDir = resolve(await makeRunDir(plan.reportDir, runId));
  const pool = await choosePool(plan, {
    dir: request.poolDir,
    epoch: checked.epoch,
    builders: request.builders,
    mostFrameBytes: mostFrameBytes(checked.answers),
    terminal,
    signal,
  });
  refuseStops(judgePool(plan, checked, pool.manifest));
  const before = request.audit
    ? await countBefore(checked.answers, pool.manifest, signal)
    : { why: "there was no audit" };
  if (signal.aborted) throw new ConfigError("interrupted before anything was sent");
  const run = await drive({
    ...request,
    before,
    k6,
    calibration,
    admissions,
    poolDir: pool.dir,
    pool: pool.manifest,
    runId,
    runDir,
  });
  const report = await finish(run);
  const files = await writeReport(report, plan.reportDir, runDir);
  return { report, files, outcome: run.outcome };
}

interface Drive extends RunRequest {
  readonly k6: K6Binary;
  readonly calibration: Calibration | null;
  readonly admissions: readonly Admission[];
  readonly poolDir: string;
  readonly pool: PoolManifest;
  readonly runId: string;
  readonly runDir: string;
  /** What the relays held of the pool's kinds before the run. */
  readonly before: Counts;
}

interface Driven extends Drive {
  readonly live: LiveRun;
  readonly outcome: K6Outcome;
  readonly samples: readonly TimedSample[];
  readonly startedAtMs: number;
}

async function drive(request: Drive & { readonly poolDir: string }): Promise<Driven> {
  const { plan, k6, admissions, terminal, runDir } = request;
  const hosts = Object.assign({}, ...admissions.map((a) => hostsFor(a.url.host, a.addresses)));
  // Of a pinned name nothing else can be dialled, so nothing else is allowed.
  const allowed = [
    ...new Set(admissions.flatMap(({ url, addresses }) => hosts[url.host] ?? addresses)),
  ];
  const bundles = await buildBundles();
  const served = await servePoolTo(allowed, request.poolDir);
  const k6Request = {
    plan,
    dialUrls: plan.relays.map(toDialUrl),
    poolDir: resolve(request.poolDir),
    poolUrl: served?.url ?? null,
    runId: request.runId,
    runDir,
    script: join(bundles, `${plan.scenario}.js`),
    allowed,
    hosts,
    blacklist: blacklistFor(allowed),
    auditEvery: request.audit ? noteEvery(plan.rateEps * (plan.warmupSec + plan.durationSec)) : 0,
  };
  const live = new LiveRun(plan, rowTypes(request.pool).length);
  const sampler = startSampler();
  if (request.relayPid !== undefined) sampler.watch("relay", request.relayPid);
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
      onStart: (pid) => sampler.watch("generator", pid),
      onSlice: (slice) => live.add(slice, Date.now()),
      signal: request.signal,
    });
    return { ...request, live, outcome, samples: sampler.stop(), startedAtMs };
  } finally {
    clearInterval(ticker);
    await served?.close();
    sampler.stop();
    terminal.clear();
  }
}

/** k6's own report when it bears this run's id; else one made from the slices seen while it ran. */
async function finish(driven: Driven): Promise<Report> {
  const { plan, pool, runId, live, outcome, k6, startedAtMs } = driven;
  const stopReason = explainStop(outcome);
  const written = await readReport(join(driven.runDir, "report.json"), runId);
  if (written === null && live.slices.length === 0) throw failedRun(outcome);
  const report =
    written ??
    buildReport({
      slices: live.slices,
      plan,
      pool,
      runId,
      planHash: createHash("sha256").update(planText(plan, pool.id)).digest("hex"),
      startedAtMs,
      endedAtMs: Date.now(),
      stopReason,
      k6: null,
    });
  const audit = driven.audit ? await readBackRun(driven, report) : null;
  return completeReport(report, {
    k6: `k6 v${k6.version}`,
    host: {
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${platform()} ${release()} ${process.arch}`,
    },
    resources: relateSamples(driven.samples, live.windowStartUnixMs),
    ceilingEps: driven.calibration?.ceiling?.heldEps ?? null,
    floorMs: driven.calibration?.floorMs ?? null,
    audit,
    proofs: driven.admissions.flatMap(({ proof }) => {
      if (proof === undefined) return [];
      const { host, until, source, digest } = proof;
      return [{ host, until, source, digest }];
    }),
    stopReason,
  });
}

async function readBackRun(driven: Driven, report: Report): Promise<Audit | null> {
  const { live, poolDir, admissions, before, signal, terminal } = driven;
  const acknowledged = report.totals.accepted + report.warmup.accepted;
  terminal.status(`read-back   asking for ${formatCount(acknowledged)} acknowledged events`);
  const { slices } = live;
  const result = await auditRun({ slices, poolDir, admissions, acknowledged, signal });
  const after =
    "why" in before ? before : await countKinds(admissions, kindsOf(driven.pool), signal);
  terminal.clear();
  for (const note of result.notes) terminal.note(`read-back   ${note}`);
  if (result.audit === null) return null;
  const { accepted } = result;
  return { ...result.audit, stored: compareStored({ before, after, accepted, acknowledged }) };
}

/** Only relays that announce COUNT are asked: others may leave it unanswered. */
async function countBefore(
  answers: readonly RelayAnswer[],
  pool: PoolManifest,
  signal: AbortSignal,
): Promise<Counts> {
  if (answers.length === 0) return { why: "no relay was asked beforehand (--force)" };
  const silent = answers.find(({ information }) => !information.counts);
  if (silent !== undefined) {
    return { why: `\`${silent.admission.url.label}\` does not announce COUNT (NIP-45)` };
  }
  const admissions = answers.map(({ admission }) => admission);
  return await countKinds(admissions, kindsOf(pool), signal);
}

function kindsOf({ expected = {} }: PoolManifest): readonly number[] {
  return Object.keys(expected).map(Number);
}

function explainStop({ stopped, killedBy, code }: K6Outcome): string | null {
  switch (stopped) {
    case "interrupted":
      return "interrupted by the user; figures reach to the last slice";
    case "overtime":
      return "k6 did not end in the time planned and was stopped";
    case "hung":
      return "the relay left handshakes or Close frames unanswered; k6 was stopped after its last figures";
    case null:
      if (killedBy !== null) return `k6 was killed by ${killedBy}`;
      return code === 0 || code === 99 ? null : `k6 ended with code ${code}`;
  }
}

function failedRun({ code, log }: K6Outcome): Error {
  const refusal = log.find((line) => line.includes("refused:"));
  const text = refusal ?? log.at(-1) ?? "it logged nothing";
  return new ConfigError(
    `k6 ended with code ${code} before anything was measured\n${text.slice(0, 500)}`,
  );
}

async function readReport(path: string, runId: string): Promise<Report | null> {
  try {
    const report = JSON.parse(await readFile(path, "utf8")) as Report;
    return report.schema === REPORT_SCHEMA && report.run.id === runId ? report : null;
  } catch {
    // k6 was killed before it wrote one.
    return null;
  }
}

/** Refuses by text alone, before a name is resolved or a folder is made. */
export function refuseByText(plan: Plan): void {
  const policy = policyOf(plan);
  for (const url of plan.relays) {
    const verdict = judgeByText(url, policy);
    if (verdict.status === "refused") {
      throw new ConfigError(`refused \`${url.label}\`: ${verdict.reason}\n${verdict.remedy}`);
    }
  }
}

export function policyOf(plan: Plan): GuardPolicy {
  return {
    allowPrivate: plan.allowPrivate,
    ...(plan.dedicatedHost === null
      ? {}
      : { dedicatedHost: parseDedicatedHost(plan.dedicatedHost) }),
  };
}

/** The smallest of the relays' announced limits. */
function mostFrameBytes(answers: readonly RelayAnswer[]): number | undefined {
  const limits = answers.flatMap(
    ({ information }) => information.limitation?.max_message_length ?? [],
  );
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function makeRunId(): string {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "");
  return `${stamp}Z-${randomBytes(3).toString("hex")}`;
}
