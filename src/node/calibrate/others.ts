/** What other processes took of the processor meanwhile: figures from a busy machine are too low. */
import type { TimedSample } from "../sampler.ts";

/** Above this share of all cores a calibration says that it was made on a busy machine. */
const BUSY_PERCENT = 20;

/**
 * Percent of all cores that were neither idle nor ours. `samples` hold the host's and, as the relay's, those
 * of this process with all below it: the sink and k6 too. `null` where they can't be read.
 */
export function othersPercent(samples: readonly TimedSample[], cores: number): number | null {
  const mean = (process: TimedSample["process"]) => {
    const cpu = samples.flatMap((s) => (s.process === process ? (s.cpuPercent ?? []) : []));
    return cpu.length === 0 ? null : cpu.reduce((sum, n) => sum + n, 0) / cpu.length;
  };
  const [host, own] = [mean("host"), mean("relay")];
  return host === null || own === null ? null : Math.max(0, Math.round(host - own / cores));
}

/** A warning; `null` for a machine that was quiet, or of which nothing is known. */
export function describeOthers(percent: number | null | undefined): string | null {
  if (percent === null || percent === undefined || percent <= BUSY_PERCENT) return null;
  return `other processes took ${percent} % of the processor meanwhile: the ceiling is too low for a quiet machine, measure again on one`;
}
