/** Slices and plan → the report's JSON. Pure: what only Node can know is completed later. */

import {
  bucketMiddleMs,
  type HistogramData,
  meanOf,
  mergeHistograms,
  quantile,
} from "../measure/histogram.ts";
import { QUERY_COLUMNS, type QueryColumn } from "../measure/queries.ts";
import { type Slice, sliceLengthMs } from "../measure/slice.ts";
import type { Plan } from "../plan/plan.ts";
import type { PoolManifest } from "../pool/format.ts";
import { endsOf } from "./ends.ts";
import { withFindings } from "./findings/engine.ts";
import { judgeGenerator } from "./generator.ts";
import { type Merged, mergeSlices } from "./merge-slices.ts";
import { noiseOf } from "./noise.ts";
import { judgeThresholds } from "./thresholds.ts";
import {
  type LagSummary,
  type LatencySummary,
  REPORT_SCHEMA,
  type Report,
  type SetFigures,
  type Totals,
} from "./types.ts";

export const TOOL = "k6-nostr 0.1.0";

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
}

/** The event types of a pool as rows: behind them one for events that never got a type. */
export function rowTypes(pool: PoolManifest): readonly string[] {
  return [...pool.types, ""];
}

export function buildReport(input: BuildInput): Report {
  const { plan, pool } = input;
  const sliceMs = sliceLengthMs(plan.durationSec);
  const merged = mergeSlices(input.slices, rowTypes(pool), sliceMs, plan.durationSec * 1_000);
  const totals = totalsOf(merged);
  const latency = latencyOf(merged, plan, pool);
  const sets = setsOf(merged, pool);
  const queries = queriesOf(merged);
  const durationSec = merged.measuredMs / 1_000;
  const complete = merged.vusDone === plan.vus;
  const run: Report["run"] = {
    id: input.runId,
    scenario: plan.scenario,
    startedAt: new Date(input.startedAtMs).toISOString(),
    endedAt: new Date(input.endedAtMs).toISOString(),
    durationSec,
    complete,
    stopReason: complete ? null : (input.stopReason ?? "not all VUs handed in their last figures"),
    sameHost: plan.relays.some((relay) => isLoopback(relay.host)),
    tool: TOOL,
    k6: input.k6,
    planHash: input.planHash,
    relayNote: null,
    proofs: [],
    host: { cpus: null, memoryBytes: null, platform: null },
  };
  const perSecond = (n: number) => (durationSec > 0 ? n / durationSec : 0);
  const inWindow = merged.series.filter((point) => point.t < plan.durationSec);
  const report: Omit<Report, "generator"> = {
    schema: REPORT_SCHEMA,
    run,
    config: configOf(plan, pool),
    totals,
    warmup: {
      scheduled: merged.warmup.scheduled,
      attempted: merged.warmup.attempted,
      accepted: merged.warmup.accepted,
    },
    latency,
    sets,
    queries,
    throughput: {
      targetEps: plan.rateEps,
      attemptedEps: perSecond(totals.attempted),
      acceptedEps: perSecond(inWindow.reduce((sum, point) => sum + point.accepted, 0)),
      sliceSec: sliceMs / 1_000,
      series: merged.series,
    },
    noise: noiseOf(input.slices, rowTypes(pool).length, sliceMs, plan.durationSec * 1_000),
    errors: merged.errors.map((error) => ({ ...error, share: shareOf(error, totals) })),
    ends: endsOf(merged.ends, merged.link, summarize),
    handshakes: null,
    resources: null,
    profile: null,
    findings: [],
    thresholds: judgeThresholds(plan.thresholds, { totals, latency, sets, queries, run }),
    audit: null,
  };
  const judged = judgeGenerator(report, {
    scheduleLag: lagOf(merged.scheduleLag),
    loopLag: lagOf(merged.loopLag),
    inFlight: {
      mean: merged.meanInFlight,
      littlesLaw: littlesLaw(merged, latency.service),
    },
    sendBacklog:
      merged.link.writeLooks > 0 ? merged.link.writesBehind / merged.link.writeLooks : null,
    clockDriftMs: merged.clockDriftMs,
    startSkewMs: merged.startSkewMs,
    cpuPercent: { generator: null, host: null },
    ceilingEps: null,
    floorMs: null,
  });
  return withFindings(judged);
}

/** Durations with their percentiles. */
export function summarize(histogram: HistogramData): LatencySummary {
  const { count, max, buckets } = histogram;
  const [lowest = 0] = buckets;
  const at = (q: number) => rounded(quantile(histogram, q));
  return {
    unit: "ms",
    count,
    min: count === 0 ? null : rounded(Math.min(max, bucketMiddleMs(lowest))),
    mean: rounded(meanOf(histogram)),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: count === 0 ? null : rounded(max),
    histogram,
  };
}

function lagOf(histogram: HistogramData): LagSummary {
  const { count, p50, p99, max } = summarize(histogram);
  return { unit: "ms", count, p50, p99, max, histogram };
}

function totalsOf({ counts, link }: Merged): Totals {
  const { backpressure, noConnection, poolExhausted, ...outcomes } = counts;
  return {
    ...outcomes,
    lateOk: link.lateOk,
    unsent: { backpressure, noConnection, poolExhausted },
    connections: {
      attempted: link.connectAttempted,
      opened: link.connectOpened,
      failed: link.connectFailed,
      dropped: link.dropped,
      reconnected: link.reconnected,
    },
    notices: link.notices,
    malformedFrames: link.malformedFrames,
    unknownOk: link.unknownOk,
  };
}

function latencyOf(merged: Merged, plan: Plan, pool: PoolManifest): Report["latency"] {
  const typed = merged.byType.filter(({ type }) => type !== "");
  return {
    response: summarize(mergeHistograms(typed.map((t) => t.response))),
    service: summarize(mergeHistograms(typed.map((t) => t.service))),
    connect: summarize(merged.connect),
    byEvent: Object.fromEntries(
      typed.map(({ type, counts, response, service }) => [
        type,
        {
          accepted: counts.accepted,
          ofKinds: [...new Set(pool.kinds[type]?.flat() ?? [])].sort((a, b) => a - b),
          meanBytes: meanBytesOf(pool, type),
          response: summarize(response),
          service: summarize(service),
        },
      ]),
    ),
    byRelay: merged.byRelay.map((service, i) => ({
      relay: plan.relays[i]?.label ?? "",
      service: summarize(service),
    })),
  };
}

function setsOf(merged: Merged, pool: PoolManifest): Report["sets"] {
  const begun = merged.byType.flatMap(({ type, sets }): [string, SetFigures][] => {
    const [started = 0, complete = 0, partial = 0, failed = 0] = sets.columns;
    if (started === 0) return [];
    const lacking = [...sets.lacking]
      .map(([part, count]) => ({ part, kinds: pool.kinds[type]?.[part] ?? [], count }))
      .sort((a, b) => b.count - a.count || a.part - b.part);
    const cutOff = started - complete - partial - failed;
    const completion = summarize(sets.completion);
    return [[type, { started, complete, partial, failed, cutOff, completion, lacking }]];
  });
  return begun.length === 0 ? null : Object.fromEntries(begun);
}

function queriesOf({ queries }: Merged): Report["queries"] {
  const asked = queries.filter(({ columns }) => columns.some((n) => n > 0));
  if (asked.length === 0) return null;
  return Object.fromEntries(
    asked.map(({ name, columns, response, service }) => {
      const counts = Object.fromEntries(
        QUERY_COLUMNS.map((column, i) => [column, columns[i] ?? 0]),
      );
      const { sent = 0, eose = 0, closed = 0, timedOut = 0, lost = 0 } = counts;
      // A run that was cut off has queries without an end: their connection ended first.
      const figures = { ...counts, lost: lost + sent - eose - closed - timedOut - lost };
      return [
        name,
        {
          ...(figures as Record<QueryColumn, number>),
          response: summarize(response),
          service: summarize(service),
        },
      ];
    }),
  );
}

function meanBytesOf(pool: PoolManifest, type: string): number | null {
  const of = pool.perType[type];
  return of === undefined || of.events === 0 ? null : Math.round(of.bytes / of.events);
}

function configOf(plan: Plan, pool: PoolManifest): Report["config"] {
  return {
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
    vus: plan.vus,
    pool: {
      id: pool.id,
      events: pool.events,
      bytes: pool.bytes,
      source: pool.source ?? null,
      leftOut: pool.leftOut ?? [],
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

function shareOf(error: { class: string; count: number }, totals: Totals): number | null {
  const whole =
    error.class === "connect" || error.class === "close"
      ? totals.connections.attempted
      : totals.scheduled;
  return whole > 0 ? error.count / whole : null;
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host.startsWith("127.") || host === "::1" || host.endsWith(".localhost")
  );
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10_000) / 10_000;
}
