/** Slices and plan → the report's JSON. Pure: what only Node can know is completed later. */

import type { ClassOfWork } from "../measure/class-of-work.ts";
import {
  CLASS_NAMES,
  type ClassName,
  classOf,
  type RowNames,
  type TimeOf,
} from "../measure/classes.ts";
import { type HistogramData, meanOf, mergeHistograms } from "../measure/histogram.ts";
import { type Slice, sliceLengthMs } from "../measure/slice.ts";
import type { Plan } from "../plan/plan.ts";
import { isScheduled } from "../plan/scenarios.ts";
import { keptOf } from "../plan/variables.ts";
import type { PoolManifest } from "../pool/format.ts";
import { identitiesOf, publishOf } from "./class-report.ts";
import type { ClassReport, ClassReports, LackingPart } from "./class-types.ts";
import { cutOffOf } from "./cut-off.ts";
import { endsOf } from "./ends.ts";
import { withFindings } from "./findings/engine.ts";
import { judgeGenerator } from "./generator.ts";
import { addAll, type Merged, type MergedClass, mergeSlices } from "./merge-slices.ts";
import { noiseOf } from "./noise.ts";
import { rowNames, setSeconds, targetOf } from "./rows.ts";
import { lagOf, summarize } from "./summary.ts";
import { judgeThresholds } from "./thresholds.ts";
import type { LatencySummary } from "./times.ts";
import { TOOL } from "./tool.ts";
import { REPORT_SCHEMA, type Report, type Several } from "./types.ts";

export interface BuildInput {
  readonly slices: readonly Slice[];
  readonly plan: Plan;
  readonly pool: PoolManifest;
  readonly runId: string;
  readonly planHash: string;
  /** Unix ms. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly stopReason: string | null;
  readonly k6: string | null;
  /** The k6 processes that shared the load, where they were several. */
  readonly several?: Several;
}

export function buildReport(input: BuildInput): Report {
  const { plan, pool } = input;
  const sliceMs = sliceLengthMs(plan.durationSec);
  const names = rowNames(plan.scenario, pool);
  const merged = mergeSlices(input.slices, names, sliceMs, plan.durationSec * 1_000);
  const classes = classesOf(merged, plan, pool);
  const { several } = input;
  const isWhole =
    several === undefined ||
    (several.missing.length === 0 && several.each.every(({ complete }) => complete));
  const complete = merged.vusDone === plan.vus && isWhole;
  const cutOff = cutOffOf(merged);
  const run: Report["run"] = {
    id: input.runId,
    scenario: plan.scenario,
    startedAt: new Date(input.startedAtMs).toISOString(),
    endedAt: new Date(input.endedAtMs).toISOString(),
    durationSec: merged.measuredMs / 1_000,
    sliceSec: sliceMs / 1_000,
    complete,
    stopReason: complete ? null : (input.stopReason ?? "not all VUs handed in their last figures"),
    ...(cutOff === undefined ? {} : { cutOff }),
    sameHost: plan.relays.some((relay) => isLoopback(relay.host)),
    tool: TOOL,
    k6: input.k6,
    planHash: input.planHash,
    relayNote: null,
    proofs: [],
    host: { cpus: null, memoryBytes: null, platform: null },
  };
  const { notices, malformedFrames, unknownOk, lateOk } = merged.link;
  const report: Omit<Report, "generator"> = {
    schema: REPORT_SCHEMA,
    run,
    config: configOf(plan, pool),
    classes,
    frames: { notices, malformed: malformedFrames, unknownOk, lateOk },
    noise: noiseOf(input.slices, scheduledOf(names, plan), sliceMs, setSeconds(plan) * 1_000),
    errors: merged.errors.map((error) => ({ ...error, share: shareOf(error, classes) })),
    ends: endsOf(merged.ends, merged.link, summarize),
    handshakes: null,
    resources: null,
    profile: null,
    findings: [],
    thresholds: judgeThresholds(plan.thresholds, { classes, run }, isWhole),
    audit: null,
  };
  const lags = Object.values(merged.classes).map(({ lag }) => lag);
  const judged = judgeGenerator(report, {
    scheduleLag: lagOf(mergeHistograms(lags)),
    loopLag: lagOf(merged.loopLag),
    series: merged.loopSeries,
    inFlight: {
      mean: merged.meanInFlight,
      littlesLaw: littlesLaw(merged, publishOf({ classes }).times.service),
    },
    sendBacklog:
      merged.link.writeLooks > 0 ? merged.link.writesBehind / merged.link.writeLooks : null,
    clockDriftMs: merged.clockDriftMs,
    clockViolations: merged.link.clockViolations,
    startSkewMs: merged.startSkewMs,
    cpuPercent: { generator: null, host: null },
    ceilingEps: null,
    floorMs: null,
    ...(input.several === undefined ? {} : { several: input.several }),
  });
  return withFindings(judged);
}

/** What was done, by class; of one that nothing set a schedule for only where there was something to do. */
function classesOf(merged: Merged, plan: Plan, pool: PoolManifest): ClassReports {
  const own: Partial<Record<ClassName, object>> = {
    publish: {
      byRelay: merged.byRelay.map((service, i) => ({
        relay: plan.relays[i]?.label ?? "",
        service: summarize(service),
      })),
    },
    set: { lacking: lackingOf(merged, pool) },
  };
  const reports = CLASS_NAMES.flatMap((name) => {
    const of = merged.classes[name] as MergedClass | undefined;
    if (of === undefined) return [];
    const report = classReport(name, of, merged, plan);
    const isIdle = (report.totals as Readonly<Record<string, number>>)[classOf(name).due] === 0;
    if (isIdle && !isScheduled(name, plan.scenario) && name !== "connection") return [];
    return [[name, { ...report, ...own[name] }] as const];
  });
  return Object.fromEntries(reports) as unknown as ClassReports;
}

function classReport<C extends ClassName>(
  name: C,
  of: MergedClass<C>,
  merged: Merged,
  plan: Plan,
): ClassReport<C> {
  const row: ClassOfWork = classOf(name);
  const totals = addAll(
    name,
    of.rows.map(({ counts }) => counts),
  );
  const counts = totals as Readonly<Record<string, number>>;
  const setSec = setSeconds(plan);
  const overSec = Math.min(merged.measuredMs / 1_000, setSec);
  const perSecond = (n: number) => (overSec > 0 ? n / overSec : 0);
  const inWindow = (column: string) =>
    of.series
      .filter((point) => point.t < setSec)
      .reduce((n, point) => n + ((point.counts as Record<string, number>)[column] ?? 0), 0);
  return {
    totals,
    warmup: row.hasWarmup ? of.warmup : null,
    identities: identitiesOf(name, totals),
    times: timesOf(row, (time) =>
      mergeHistograms(of.rows.map(({ times }) => times[time] ?? NO_TIMES)),
    ) as Record<TimeOf<C>, LatencySummary>,
    lag: isScheduled(name, plan.scenario) ? lagOf(of.lag) : null,
    rate: {
      target: targetOf(name, plan),
      sent: perSecond(plan.connect === null ? (counts[row.sent] ?? 0) : inWindow(row.sent)),
      done: perSecond(inWindow(row.done)),
    },
    rows: Object.fromEntries(
      of.rows
        // What could have been done and was not has no row: of a mix each type has something.
        .filter(
          ({ counts, times }) => isUsed(counts) || Object.values(times).some((t) => t.count > 0),
        )
        .map(({ name: of, counts, times }) => [
          of === "" ? NO_ROW : of,
          {
            totals: counts,
            times: timesOf(row, (time) => times[time] ?? NO_TIMES) as Record<
              TimeOf<C>,
              LatencySummary
            >,
          },
        ]),
    ),
    series: of.series,
  };
}

/** The row of work that never got a type, as the pool had no event for it: no type can be called so (`TYPE_NAME`). */
const NO_ROW = "(none)";
const NO_TIMES: HistogramData = mergeHistograms([]);

function isUsed(counts: Readonly<Record<string, number>>): boolean {
  return Object.values<number>(counts).some((n) => n > 0);
}

function timesOf(row: ClassOfWork, histogramOf: (time: string) => HistogramData) {
  return Object.fromEntries(
    Object.keys(row.times).map((time) => [time, summarize(histogramOf(time))]),
  );
}

function lackingOf(
  merged: Merged,
  pool: PoolManifest,
): Readonly<Record<string, readonly LackingPart[]>> {
  return Object.fromEntries(
    Object.entries(merged.lacking).map(([type, parts]) => [
      type,
      [...parts]
        .map(([part, count]) => ({ part, kinds: pool.kinds[type]?.[part] ?? [], count }))
        .sort((a, b) => b.count - a.count || a.part - b.part),
    ]),
  );
}

/** Of the classes that have a schedule in this scenario. */
function scheduledOf(names: RowNames, { scenario }: Plan): RowNames {
  return Object.fromEntries(
    CLASS_NAMES.filter((name) => isScheduled(name, scenario)).map((name) => [name, names[name]]),
  );
}

function meanBytesOf(pool: PoolManifest, type: string): number | null {
  const of = pool.perType[type];
  return of === undefined || of.events === 0 ? null : Math.round(of.bytes / of.events);
}

function configOf(plan: Plan, pool: PoolManifest): Report["config"] {
  return {
    ...keptOf(plan),
    query: plan.query,
    fanout: plan.fanout,
    ...(plan.connect === null ? {} : { connect: plan.connect }),
    relays: plan.relays.map((relay) => relay.label),
    clients: plan.clients,
    durationSec: plan.durationSec,
    warmupSec: plan.warmupSec,
    rateEps: plan.rateEps,
    mix: pool.mix,
    seed: plan.seed,
    arrival: plan.arrival,
    maxInFlight: plan.maxInFlight,
    connectConcurrency: plan.connectConcurrency,
    ackTimeoutMs: plan.ackTimeoutMs,
    pingSec: plan.pingSec,
    headers: plan.headers.map(({ name }) => name),
    clientIpHeader: plan.clientIpHeader,
    localIps: plan.localIps?.addresses.length ?? 0,
    compression: plan.compression,
    vus: plan.vus,
    pacing: plan.pacing,
    pool: {
      id: pool.id,
      events: pool.events,
      bytes: pool.bytes,
      source: pool.source ?? null,
      leftOut: pool.leftOut ?? [],
      types: Object.fromEntries(
        pool.types.map((type) => [
          type,
          {
            kinds: [...new Set(pool.kinds[type]?.flat() ?? [])].sort((a, b) => a - b),
            meanBytes: meanBytesOf(pool, type),
          },
        ]),
      ),
    },
  };
}

/**
 * Little's law: publishes in flight = answers a second × mean time in flight, which is the service
 * time and the time an answer waited in k6's queue before it was counted.
 */
function littlesLaw(merged: Merged, service: LatencySummary): number | null {
  if (merged.measuredMs <= 0 || service.mean === null) return null;
  const queuedMs = meanOf(merged.loopLag) ?? 0;
  return (service.count * (service.mean + queuedMs)) / merged.measuredMs;
}

function shareOf(
  error: { class: string; count: number },
  { connection, publish, query }: ClassReports,
): number | null {
  const isOfConnections = error.class === "connect" || error.class === "close";
  const whole = isOfConnections
    ? connection.totals.due
    : ((publish ?? query)?.totals.scheduled ?? 0);
  return whole > 0 ? error.count / whole : null;
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host.startsWith("127.") || host === "::1" || host.endsWith(".localhost")
  );
}
