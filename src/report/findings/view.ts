/** A report as the rules look at it: the measured window alone, and figures that several rules need. */

import { type HostUse, hostUseOf } from "../host-use.ts";
import type { SeriesPoint } from "../points.ts";
import { pointsOf } from "../points.ts";
import type { Report, ResourceSample } from "../types.ts";

export interface RunView {
  readonly report: Report;
  /** The points of the measured window; what came in the drain behind it is left out. */
  readonly window: readonly SeriesPoint[];
  /** All samples within the window, and those of the relay. */
  readonly samples: readonly ResourceSample[];
  readonly relay: readonly ResourceSample[];
  /** Means from the first answers on: of one core, of all cores. */
  readonly relayCpu: number | null;
  /** Of the relay's busiest thread; of one after another, where the work moves. */
  readonly relayThread: number | null;
  /** Percent of the time in which a thread of the relay was ready to run and had no processor. */
  readonly relayWaited: number | null;
  /** Of the busiest thread: the time that it ran, and that it waited to run. */
  readonly relayWanted: number | null;
  readonly hostCpu: number | null;
  readonly cpus: number | null;
  /** Cores that neither relay nor generator used; `null` where one of them is not known. */
  readonly others: number | null;
  readonly use: HostUse;
}

/** What a relay does before it answers is no part of what an answer costs. */
const FIRST_ANSWERS = 0.05;
/** A sample is about the second before it: so much of that must lie behind the first answers. */
const HALF_A_SAMPLE_SEC = 0.5;

export function viewOf(report: Report): RunView {
  const { durationSec, host } = report.run;
  const samples = (report.resources?.samples ?? []).filter((s) => s.t > 0 && s.t <= durationSec);
  const window = pointsOf(report).filter((point) => point.t < durationSec);
  const fromSec = answersFrom(window, samples);
  const of = (process: ResourceSample["process"]) => samples.filter((s) => s.process === process);
  const ofRelay = (figure: (sample: ResourceSample) => number | null | undefined) =>
    mean(of("relay").flatMap((s) => (s.t > fromSec ? (figure(s) ?? []) : [])));
  const use = hostUseOf(report, fromSec);
  return {
    report,
    window,
    samples,
    relay: of("relay"),
    relayCpu: ofRelay((s) => s.cpuPercent),
    relayThread: ofRelay((s) => s.busiestThreadPercent),
    relayWaited: ofRelay((s) => s.waitedForCpuPercent),
    relayWanted: ofRelay(({ busiestThreadPercent: ran, waitedForCpuPercent: waited }) =>
      typeof ran === "number" && typeof waited === "number" ? ran + waited : null,
    ),
    hostCpu: mean(of("host").flatMap((s) => (s.t > fromSec ? (s.cpuPercent ?? []) : []))),
    cpus: host.cpus,
    others: use.othersCores,
    use,
  };
}

/** Seconds from which on the samples are about a relay that answers; 0 where none would be left. */
function answersFrom(window: readonly SeriesPoint[], samples: readonly ResourceSample[]): number {
  const all = window.reduce((sum, p) => sum + p.accepted, 0);
  let known = 0;
  const first = window.find((point) => {
    known += point.accepted;
    return known > 0 && known >= all * FIRST_ANSWERS;
  });
  const fromSec = first === undefined ? 0 : first.t + HALF_A_SAMPLE_SEC;
  return samples.some((s) => s.process === "relay" && s.t > fromSec) ? fromSec : 0;
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** Equal parts of the window, by place. */
export function partsOf<T>(values: readonly T[], parts: number): readonly (readonly T[])[] {
  return Array.from({ length: parts }, (_, i) =>
    values.slice(
      Math.floor((i * values.length) / parts),
      Math.floor(((i + 1) * values.length) / parts),
    ),
  );
}

/** The medians of a figure over equal parts of the window; `null` where a part has none. */
export function partMedians(
  window: readonly SeriesPoint[],
  parts: number,
  figure: "p50" | "serviceP50",
): readonly (number | null)[] {
  return partsOf(window, parts).map((part) => median(part.flatMap((point) => point[figure] ?? [])));
}
