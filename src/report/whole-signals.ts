/**
 * Is the report one of a whole run, and does it add up? Where the bounds come from:
 * - identities: each class of work says what must come out equal; one that does not is a mistake of counting, and
 *   nothing of the run can be used.
 * - clock violations: a time below zero is kept (as zero) and counted; the figures of the others stand.
 */
import { leadingOf, wrongIdentities } from "./class-report.ts";
import { signal } from "./signal.ts";
import type { Figures, Measured, Signal } from "./types.ts";

export function wholeSignals(report: Measured, f: Figures): readonly Signal[] {
  const { run } = report;
  const { totals, row } = leadingOf(report);
  const sent = totals[row.sent] ?? 0;
  const wrong = wrongIdentities(report);
  return [
    signal(
      "noData",
      sent === 0 ? 1 : 0,
      "",
      null,
      0,
      () =>
        `${row.many === "connections" ? "no handshake was tried" : `no ${row.many === "events" ? "event" : "query"} was sent`}: there is nothing to judge`,
    ),
    signal(
      "incomplete",
      run.complete ? 0 : 1,
      "",
      0,
      null,
      () => `the run did not end as planned: ${run.stopReason ?? "unknown"}`,
    ),
    signal(
      "identities",
      wrong.length,
      "identities",
      null,
      0,
      () =>
        `the totals do not balance (${wrong.join("; ")}): something was counted twice or not at all`,
    ),
    signal(
      "clockViolations",
      f.clockViolations,
      "times",
      0,
      null,
      (v) =>
        `${v} times were below zero: the clock of this machine was set meanwhile, or ours is wrong`,
    ),
  ];
}

export function scriptErrorSignal({ errors }: Measured): Signal {
  const scriptErrors = errors
    .filter(
      (error) => error.class === "script" || (error.class === "connect" && error.code === "guard"),
    )
    .reduce((sum, error) => sum + error.count, 0);
  return signal(
    "scriptErrors",
    scriptErrors,
    "errors",
    null,
    0,
    (v) => `${v} errors of the generator itself`,
  );
}
