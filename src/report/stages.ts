/**
 * Parts of a window in which one thing was added to what went on before: decoys, then slow readers. Of each part the
 * second half counts, in which what was added is there and the relay has settled.
 */
import { joinsOf } from "../plan/fanout.ts";
import { deliveryOf, publishOf } from "./class-report.ts";
import type { Report, ResourceSample } from "./types.ts";

export interface Stage {
  readonly fromSec: number;
  readonly toSec: number;
  /** A second, over the stage. */
  readonly accepted: number;
  readonly delivered: number;
  /** Medians of its slices, ms: from when an event was published, and when it was due. */
  readonly okP50: number | null;
  readonly okP99: number | null;
  readonly deliveryP50: number | null;
  readonly deliveryP99: number | null;
  /** Of the relay: percent of one core, and bytes in the middle. */
  readonly cpuPercent: number | null;
  readonly bytes: number | null;
}

/** A stage and the one before it. */
export interface Added {
  readonly before: Stage;
  readonly beside: Stage;
}

/** `null` where decoys were open from the start, or there were none. */
export function decoysAdded(report: Report): Added | null {
  const { fanout } = report.config;
  if (!fanout) return null;
  const joins = joinsOf(fanout);
  if (joins.decoys === null) return null;
  const { durationSec } = report.config;
  const until = joins.slowReaders ?? 1;
  return {
    before: stageOf(report, fanout.baseline * durationSec, joins.decoys * durationSec),
    beside: stageOf(report, joins.decoys * durationSec, until * durationSec),
  };
}

/** `null` where no slow reader came to read slowly. */
export function slowReadersAdded(report: Report): Added | null {
  const { fanout, durationSec } = report.config;
  const fromSec = report.slowReaders?.fromSec ?? null;
  if (!fanout || fromSec === null) return null;
  const joins = joinsOf(fanout);
  const before = (joins.decoys ?? fanout.baseline) * durationSec;
  return {
    before: stageOf(report, before, (joins.slowReaders ?? 0) * durationSec),
    beside: stageOf(report, fromSec, durationSec),
  };
}

/** Most bytes of the relay from a second on; `null` where nobody looked. */
export function mostBytesFrom(report: Report, fromSec: number): number | null {
  const samples = relaySamples(report).filter(({ t }) => t >= fromSec);
  const bytes = bytesOf(samples);
  return bytes.length === 0 ? null : Math.max(...bytes);
}

function stageOf(report: Report, startSec: number, toSec: number): Stage {
  const fromSec = (startSec + toSec) / 2;
  const { sliceSec } = report.run;
  const isWithin = ({ t }: { readonly t: number }) => t >= fromSec && t + sliceSec <= toSec + 0.001;
  const published = publishOf(report).series.filter(isWithin);
  const delivered = deliveryOf(report).series.filter(isWithin);
  const samples = relaySamples(report).filter(({ t }) => t > fromSec + 0.5 && t <= toSec);
  const perSec = (n: number) => n / Math.max(sliceSec, published.length * sliceSec);
  return {
    fromSec,
    toSec,
    accepted: perSec(sum(published.map(({ counts }) => counts.accepted))),
    delivered: perSec(sum(delivered.map(({ counts }) => counts.delivered))),
    okP50: middle(published.flatMap(({ times }) => times.service.p50 ?? [])),
    okP99: middle(published.flatMap(({ times }) => times.service.p99 ?? [])),
    deliveryP50: middle(delivered.flatMap(({ times }) => times.response.p50 ?? [])),
    deliveryP99: middle(delivered.flatMap(({ times }) => times.response.p99 ?? [])),
    cpuPercent: mean(samples.flatMap(({ cpuPercent }) => cpuPercent ?? [])),
    bytes: middle(bytesOf(samples)),
  };
}

function relaySamples({ resources }: Report): readonly ResourceSample[] {
  return (resources?.samples ?? []).filter(({ process }) => process === "relay");
}

/** Pages of a mapped store are the system's to take back. */
function bytesOf(samples: readonly ResourceSample[]): readonly number[] {
  return samples.flatMap(({ anonBytes, rssBytes }) => anonBytes ?? rssBytes ?? []);
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : sum(values) / values.length;
}

function middle(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
