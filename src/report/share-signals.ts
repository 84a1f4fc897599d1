/**
 * How much of something there is: of what this generator can do, of what the relay knew. Where the bounds come from:
 * - share of the ceiling: where one server works off a queue (M/M/1), a response takes twice the service
 *   time at half of what it can do, and ten times at nine tenths: by then the queue is the generator's. A
 *   rate above the ceiling that was held, with no other doubt, says that the ceiling was measured too low.
 * - share of what can be read: a reader does not wait for answers in a queue of its own making until it is full,
 *   as rows come in bursts that it works off between two due times; from four fifths on it hardly does.
 * - known events: a duplicate costs a look at an index and no write. From one in a hundred on the figures are
 *   flattered; when it is most of them, another thing was measured than what was asked for.
 */
import { leadingOf, publishOf, queryOf } from "./class-report.ts";
import { signal } from "./signal.ts";
import type { Figures, Measured, Signal } from "./types.ts";

/** Shares of the calibrated ceiling: a run is held against the same before it starts. */
export const CEILING_SHARE = { suspect: 0.5, invalid: 0.9 } as const;
/** Shares of what this generator was measured to read: rows or bytes, whichever is more. */
export const RECEIVE_SHARE = { suspect: 0.8, invalid: 0.95 } as const;
/** Shares of events that the relay had already; a pool is held against the same before it is sent. */
export const KNOWN_SHARE = { suspect: 0.01, invalid: 0.5 } as const;

export function shareSignals(report: Measured, f: Figures): readonly Signal[] {
  const { config } = report;
  const { row } = leadingOf(report);
  const { attempted, duplicate } = publishOf(report).totals;
  const ownConnects = report.errors
    .filter((e) => e.class === "connect" && (e.code === "files" || e.code === "ports"))
    .reduce((sum, error) => sum + error.count, 0);
  const connects = Math.max(1, report.classes.connection.totals.due);
  return [
    signal(
      "ceilingShare",
      f.ceilingEps === null || row.many !== "events" ? null : config.rateEps / f.ceilingEps,
      "share",
      CEILING_SHARE.suspect,
      CEILING_SHARE.invalid,
      (v) =>
        `the rate is ${(v * 100).toFixed(0)} % of what this generator reaches against the sink`,
    ),
    signal(
      "ownConnectionLimit",
      ownConnects / connects,
      "share",
      0,
      0.01,
      (v) =>
        `${(v * 100).toFixed(1)} % of the connections failed for want of open files or ports of this host`,
    ),
    signal(
      "receiveShare",
      receiveShareOf(report, f),
      "share",
      RECEIVE_SHARE.suspect,
      RECEIVE_SHARE.invalid,
      (v) =>
        `what came is ${(v * 100).toFixed(0)} % of what this generator reads from the sink; lower the rate of queries, or use more cores`,
    ),
    signal(
      "knownEvents",
      attempted === 0 ? null : duplicate / attempted,
      "share",
      KNOWN_SHARE.suspect,
      KNOWN_SHARE.invalid,
      (v) =>
        `the relay had ${(v * 100).toFixed(0)} % of the events already (duplicate): what it costs to take them was not measured; take a new seed, or an empty relay`,
    ),
  ];
}

/**
 * A rate above the ceiling that was held without any other doubt disproves the ceiling: it was measured too
 * low, on a busy machine for instance. That makes the run suspect, not invalid.
 */
export function withDisprovedCeiling(
  signals: readonly Signal[],
  report: Measured,
): readonly Signal[] {
  const { config } = report;
  const isElseValid = signals.every(
    ({ id, state }) => id === "ceilingShare" || (state !== "invalid" && state !== "suspect"),
  );
  const isHeld = publishOf(report).rate.sent >= config.rateEps * 0.99;
  return signals.map((s) =>
    s.id === "ceilingShare" && (s.value ?? 0) > 1 && isElseValid && isHeld
      ? {
          ...s,
          state: "suspect",
          text: `the rate is ${((s.value ?? 0) * 100).toFixed(0)} % of the ceiling kept for this generator and was held all the same: the ceiling is too low, measure it again with \`k6-nostr calibrate\``,
        }
      : s,
  );
}

/** Of rows a second, or of bytes, whichever is more; `null` where no query was asked or nothing is known. */
function receiveShareOf(report: Measured, { receive = null }: Figures): number | null {
  const { sent, rows, bytes } = queryOf(report).totals;
  const { durationSec } = report.run;
  if (receive === null || sent === 0 || durationSec <= 0) return null;
  const shares = [rows / receive.rowsPerSec, bytes / receive.bytesPerSec];
  return Math.max(...shares) / durationSec;
}
