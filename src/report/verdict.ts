/** From a report to an exit code: one rule for the CLI and the texts. */
import type { Report } from "./types.ts";

export const EXIT = {
  ok: 0,
  other: 1,
  config: 2,
  invalid: 3,
  threshold: 99,
  interrupted: 130,
} as const;

/** Every threshold was met on data, the totals balance, and nothing acknowledged was missing. */
export function passed(report: Report): boolean {
  const lost = report.audit !== null && report.audit.missingCount > 0;
  return report.thresholds.every(({ ok }) => ok === true) && !lost;
}

/** The exit code of a run that ended by itself. */
export function exitCode(report: Report): number {
  if (report.generator.verdict === "invalid") return EXIT.invalid;
  // Cut off by something other than the user: its figures may be good, but it is no valid run.
  if (!report.run.complete) return EXIT.other;
  return passed(report) ? EXIT.ok : EXIT.threshold;
}
