/** The end of a run: k6's report or one of the slices, completed by what only Node knows. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { ConfigError, Interrupted } from "../../errors.ts";
import { planText } from "../../plan/plan.ts";
import { buildReport } from "../../report/build.ts";
import { publishOf } from "../../report/class-report.ts";
import { completeReport } from "../../report/complete.ts";
import { formatCount } from "../../report/format.ts";
import { type Audit, REPORT_SCHEMA, type Report, type TestedRelay } from "../../report/types.ts";
import { auditRun, readAcknowledged } from "../audit/audit.ts";
import { SHORT_TIMES } from "../audit/known.ts";
import { acceptedKinds, compareStored, countKinds } from "../audit/stored.ts";
import { ceilingOf, receiveOf } from "../calibrate/obtain.ts";
import type { CompanionResult } from "../companion/companion.ts";
import { policyOf } from "../guard/policy.ts";
import { type K6Outcome, lastWords } from "../k6/supervise.ts";
import type { Information } from "../preflight/information.ts";
import { relateSamples } from "../sampler.ts";
import { type Driven, kindsOf, whyNoSpots } from "./driven.ts";
import { sharesHost } from "./same-host.ts";

/** k6's own report when it bears this run's id; else one made from the slices seen while it ran. */
export async function finish(driven: Driven): Promise<Report> {
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
  const readBack = await readBackRun(driven, report);
  return completeReport(report, {
    k6: `k6 v${k6.version}`,
    kept: driven.kept,
    host: {
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${platform()} ${release()} ${process.arch}`,
    },
    resources: relateSamples(driven.companion.samples, live.windowStartUnixMs),
    companion: notesOf(driven, readBack.notes),
    profile: driven.profiled.profile,
    handshakes: driven.handshakes,
    slowReaders: driven.slowReaders,
    ceilingEps: ceilingOf(driven.calibration),
    receive: receiveOf(driven.calibration),
    floorMs: driven.calibration?.floorMs ?? null,
    audit: readBack.audit,
    known: driven.known,
    corpus: driven.corpus,
    relayNote: driven.relayNote ?? null,
    relays: driven.admissions.map(({ url, addresses: [address] }, i) => {
      const information = driven.preflight.answers[i]?.information;
      const { software = null, version = null } = information ?? {};
      const limits = information === undefined ? {} : { limits: queryLimitsOf(information) };
      return { label: url.label, address, software, version, ...limits };
    }),
    preflight: driven.preflight.answers.length === 0 ? null : preflightOf(driven.preflight),
    proofs: driven.admissions.flatMap(({ proof }) => {
      if (proof === undefined) return [];
      const { host, until, source, digest } = proof;
      return [{ host, until, source, digest }];
    }),
    stopReason,
    sharesHost: sharesHost(driven.admissions, policyOf(plan).isolation),
  });
}

function notesOf(
  { companion: { notes }, profiled }: Driven,
  readBack: readonly string[],
): CompanionResult["notes"] {
  const { problem } = profiled;
  const missing = [
    ...(problem === null ? [] : [{ what: "hot functions", why: problem }]),
    ...readBack.map((why) => ({ what: "what the relay stored", why })),
  ];
  return { ...notes, notMeasured: [...notes.notMeasured, ...missing] };
}

interface ReadBackNotes {
  readonly audit: Audit | null;
  /** Why a relay was not asked, or not to the end. */
  readonly notes: readonly string[];
}

const SPOT_MOST_MS = 8_000;

/** All that was noted, with an audit; else a few ids, unless the relay makes it hard. */
async function readBackRun(driven: Driven, report: Report): Promise<ReadBackNotes> {
  const { live, poolDir, pool, admissions, before, signal, terminal, readers } = driven;
  if (poolDir === null) return { audit: null, notes: [] };
  const isAudit = driven.audit === true;
  const publish = publishOf(report);
  const acknowledged = publish.totals.accepted + (publish.warmup?.accepted ?? 0);
  const whyNot = isAudit ? null : whyNoSpots(driven);
  if (whyNot !== null) return { audit: null, notes: [whyNot] };
  if (!isAudit && (acknowledged === 0 || signal.aborted)) return { audit: null, notes: [] };
  if (isAudit) {
    const count = formatCount(acknowledged);
    terminal.status(`read-back   asking for ${count} acknowledged events`);
  }
  const { slices } = live;
  const accepted = await readAcknowledged(poolDir, slices, admissions.length);
  const request = { accepted, admissions, acknowledged, signal, readers };
  const bounds = isAudit ? {} : { mostMs: SPOT_MOST_MS, times: SHORT_TIMES };
  const { audit, notes } = await auditRun({ ...request, ...bounds });
  const after =
    "why" in before ? before : await countKinds(admissions, kindsOf(pool), signal, readers);
  terminal.clear();
  for (const note of notes) terminal.note(`read-back   ${note}`);
  if (audit === null) return { audit, notes };
  const byKind = acceptedKinds(slices, pool);
  const stored = compareStored({ before, after, accepted, acknowledged, byKind });
  return { audit: { ...audit, ...(isAudit ? {} : { spot: true }), stored }, notes };
}

/** Why a run did not end by itself; `null` where it did. */
export function explainStop({ stopped, killedBy, code }: K6Outcome): string | null {
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

function failedRun(outcome: K6Outcome): Error {
  const { code, log, stopped } = outcome;
  if (stopped === "interrupted") return new Interrupted("interrupted before anything was measured");
  const refusal = log.find((line) => line.includes("refused:"))?.slice(0, 500);
  return new ConfigError(
    `k6 ended with code ${code} before anything was measured\n${refusal ?? lastWords(outcome)}`,
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

/** Limits on questions, as the relay announces them. */
function queryLimitsOf({ limitation }: Information): NonNullable<TestedRelay["limits"]> {
  const { max_subscriptions = null, max_filters = null, max_limit = null } = limitation ?? {};
  return { max_subscriptions, max_filters, max_limit };
}

function preflightOf({ left, findings }: Driven["preflight"]): NonNullable<Report["preflight"]> {
  const advice = findings.filter(({ level }) => level === "advice");
  return {
    probes: left,
    advice: advice.map(({ id, what, why, remedy }) => ({ id, what, why, remedy })),
  };
}
