/** From a report to an exit code: one rule for the CLI and the texts. */
import type { Audit, Report, StoredKind } from "./types.ts";

export const EXIT = {
  ok: 0,
  other: 1,
  config: 2,
  invalid: 3,
  threshold: 99,
  interrupted: 130,
} as const;

/** Every threshold was met on data, and what was acknowledged is there. */
export function passed(report: Report): boolean {
  return report.thresholds.every(({ ok }) => ok === true) && keptAll(report.audit);
}

/** No id that was asked for is missing, and no kind has fewer events than it should. */
export function keptAll(audit: Audit | null): boolean {
  return audit === null || (audit.missingCount === 0 && lackingKinds(audit).length === 0);
}

/** Kinds of which less came to be stored than was accepted and should be there. */
export function lackingKinds({ stored }: Audit): readonly StoredKind[] {
  return (stored?.kinds ?? []).filter(({ delta }) => delta < 0);
}

/** The exit code of a run that ended by itself. */
export function exitCode(report: Report): number {
  if (report.generator.verdict === "invalid") return EXIT.invalid;
  // Cut off by something other than the user: its figures may be good, but it is no valid run.
  if (!report.run.complete) return EXIT.other;
  return passed(report) ? EXIT.ok : EXIT.threshold;
}
