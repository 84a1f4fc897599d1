/**
 * Relays that promise different things can't be called faster or slower by times alone: one that answers before
 * its disk has the event saves most of the time. What is written to disk for an event tells such pairs apart.
 */
import { publishOf } from "../class-report.ts";
import { diskOf } from "../disk.ts";
import { formatBytes } from "../format.ts";
import type { Report } from "../types.ts";

/** Times by which the sides may differ in what they write for an event. */
const LIKE = 2;

/** What a reader should know of the two sides' storage; empty where one relay is compared with itself. */
export function durabilityNotes(
  base: readonly Report[],
  next: readonly Report[],
): readonly string[] {
  const [a, b] = [bytesPerEvent(base), bytesPerEvent(next)];
  if (a !== null && b !== null) {
    if (Math.max(a, b) <= LIKE * Math.min(a, b)) return [];
    return [
      `the sides write ${formatBytes(a)} and ${formatBytes(b)} to disk for an event: look whether both have it on disk when they say OK (sync at commit, tmpfs), or the times compare promises and not relays`,
    ];
  }
  if (relaysOf(base) === relaysOf(next)) return [];
  return [
    "what the relays write to disk for an event was not measured on both sides: say with --relay-note which of them has an event on disk when it says OK",
  ];
}

/** Mean over the runs' windows; `null` where no run knows it. Never more than the host's disks wrote. */
function bytesPerEvent(reports: readonly Report[]): number | null {
  let [bytes, events] = [0, 0];
  for (const report of reports) {
    const disk = diskOf(report);
    if (disk === null) continue;
    bytes += disk.bytesPerSec;
    events += publishOf(report).rate.done;
  }
  return events === 0 ? null : bytes / events;
}

function relaysOf(reports: readonly Report[]): string {
  return [...new Set(reports.flatMap(({ config }) => config.relays))].sort().join();
}
