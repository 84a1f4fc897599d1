/**
 * What was written to disk on the relay's account. The system counts a process's pages as they are dirtied: a mapped
 * store, whose pages are dirtied again and again before they are written once, gets many times of what its disk sees.
 */
import { publishOf } from "./class-report.ts";
import type { Report } from "./types.ts";

/** Above so many times the host's the process counts pages. Looks are not of one instant. */
const MORE_THAN_HOST = 1.1;
/** Below so much a second it makes no difference. */
const LEAST_BYTES_PER_SEC = 100_000;

export interface DiskWrites {
  /** Whose count is shown: the relay's own, or the host's where that is less. */
  readonly of: "relay" | "host";
  /** Mean over the window. */
  readonly bytesPerSec: number;
  /** For each event that was accepted; `null` when none was. */
  readonly bytesAnEvent: number | null;
  /** The relay's own count, where it is not shown. */
  readonly dirtiedBytesPerSec: number | null;
}

/** `null` where the relay's writes were not measured. */
export function diskOf(report: Report): DiskWrites | null {
  const { resources, run } = report;
  const meanOf = (process: "relay" | "host") => {
    const values = (resources?.samples ?? [])
      .filter((s) => s.process === process && s.t > 0 && s.t <= run.durationSec)
      .flatMap((s) => s.diskWriteBytesPerSec ?? []);
    return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
  };
  const [relay, host] = [meanOf("relay"), meanOf("host")];
  if (relay === null) return null;
  const countsPages = host !== null && relay > LEAST_BYTES_PER_SEC && relay > host * MORE_THAN_HOST;
  const bytesPerSec = countsPages ? host : relay;
  return {
    of: countsPages ? "host" : "relay",
    bytesPerSec,
    bytesAnEvent:
      publishOf(report).rate.done > 0 ? bytesPerSec / publishOf(report).rate.done : null,
    dirtiedBytesPerSec: countsPages ? relay : null,
  };
}
