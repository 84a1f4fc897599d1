/** A report as the rules look at it: the measured window alone, and figures that several rules need. */
import type { Report, ResourceSample, SeriesPoint } from "../types.ts";

export interface RunView {
  readonly report: Report;
  /** The points of the measured window; what came in the drain behind it is left out. */
  readonly window: readonly SeriesPoint[];
  /** All samples within the window, and those of the relay. */
  readonly samples: readonly ResourceSample[];
  readonly relay: readonly ResourceSample[];
  /** Means over the window: of one core, of all cores. */
  readonly relayCpu: number | null;
  /** Of the relay's busiest thread; of one after another, where the work moves. */
  readonly relayThread: number | null;
  /** Percent of the time in which a thread of the relay was ready to run and had no processor. */
  readonly relayWaited: number | null;
  readonly hostCpu: number | null;
  readonly cpus: number | null;
}

export function viewOf(report: Report): RunView {
  const { durationSec, host } = report.run;
  const samples = (report.resources?.samples ?? []).filter((s) => s.t > 0 && s.t <= durationSec);
  const of = (process: ResourceSample["process"]) => samples.filter((s) => s.process === process);
  return {
    report,
    window: report.throughput.series.filter((point) => point.t < durationSec),
    samples,
    relay: of("relay"),
    relayCpu: mean(of("relay").flatMap((s) => s.cpuPercent ?? [])),
    relayThread: mean(of("relay").flatMap((s) => s.busiestThreadPercent ?? [])),
    relayWaited: mean(of("relay").flatMap((s) => s.waitedForCpuPercent ?? [])),
    hostCpu: mean(of("host").flatMap((s) => s.cpuPercent ?? [])),
    cpus: host.cpus,
  };
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** The medians of a figure over equal parts of the window; `null` where a part has none. */
export function partMedians(
  window: readonly SeriesPoint[],
  parts: number,
  figure: "p50" | "serviceP50",
): readonly (number | null)[] {
  return Array.from({ length: parts }, (_, i) => {
    const from = Math.floor((i * window.length) / parts);
    const to = Math.floor(((i + 1) * window.length) / parts);
    return median(window.slice(from, to).flatMap((point) => point[figure] ?? []));
  });
}
