/**
 * Was every arrival due, and at its time; was every answer its own? Where the bounds come from:
 * - not scheduled, pool exhausted: an open model owes every arrival, so that one is worth a word. A rate
 *   counts as achieved from 99 % on (sei-load, vegeta and oha print both rates and leave that to the
 *   reader). What the pool lacks is a mistake in the plan.
 * - Little's law holds for any stable system: counted and computed publishes in flight that differ by
 *   more than a fifth mean that an answer or a time was matched wrongly, and by more than a half that no
 *   time of the run can be right. In virtual time they come within a twentieth of each other.
 * - send backlog: a connection holds more than one frame of the largest size that k6 has not yet written.
 *   Seen at no look at 10,000/s, at a quarter where lag was 100 ms, at two thirds when saturated. A relay
 *   that stops reading shows it too, behind the buffers of TCP, so that it makes no run invalid.
 * - clock drift: 0.2 ms, a fifth of the smallest response time that is quoted alone; from 5 ms on it is as
 *   much as the lag that is held against a run.
 * - start skew: VUs begin at full seconds; one that missed the others' lacks its share of the rate for
 *   that long at either end of the window, and makes no time wrong.
 */
import { leadingOf, publishOf, queryOf } from "./class-report.ts";
import { ms, signal } from "./signal.ts";
import type { Figures, Measured, Signal } from "./types.ts";

export function scheduleSignals(report: Measured, f: Figures): readonly Signal[] {
  const { run, config } = report;
  const { name, totals, row, rate } = leadingOf(report);
  const exhausted = publishOf(report).totals.poolExhausted + queryOf(report).totals.exhausted;
  // Each client's first connection is due once; those that come back are due when their policy has it.
  const planned =
    name === "connection" ? config.clients : Math.floor((rate.target ?? 0) * config.durationSec);
  const isDue = run.complete && config.arrival === "constant";
  const short = isDue ? planned - (totals[row.due] ?? 0) : 0;
  const littleOff = littlesLawOff(report, f.inFlight);
  return [
    signal(
      "poolExhausted",
      exhausted,
      "events",
      null,
      0,
      (v) => `${v} arrivals found nothing left in the pool`,
    ),
    signal(
      "notScheduled",
      Math.max(0, short),
      "events",
      0,
      planned / 100,
      (v) => `${v} of ${planned} planned arrivals were never due: the schedule was not kept`,
    ),
    signal(
      "littlesLaw",
      littleOff,
      "share",
      0.2,
      0.5,
      (v) =>
        `publishes in flight as counted and by Little's law differ by ${(v * 100).toFixed(0)} %`,
    ),
    signal(
      "sendBacklog",
      f.sendBacklog,
      "share",
      0.1,
      null,
      (v) =>
        `${(v * 100).toFixed(0)} % of the looks found frames that k6 had not written: its writers, or the relay's reading, fell behind`,
    ),
    signal(
      "clockDrift",
      f.clockDriftMs === null ? null : Math.abs(f.clockDriftMs),
      "ms",
      0.2,
      5,
      (v) => `the clock drifted by ${ms(v)} during the run`,
    ),
    signal("startSkew", f.startSkewMs, "ms", 1_000, null, (v) => `VUs began up to ${ms(v)} apart`),
  ];
}

/**
 * How far counted and computed publishes in flight are apart. `null` where the law can't be held against
 * them: with few in flight the looks, which come with the sends, are no fair sample; what was never
 * answered has no service time, though it may have been in flight until the timeout, which may come to
 * half of what makes a run suspect; and of a queue that takes long much lies behind the window.
 */
function littlesLawOff(report: Measured, { mean, littlesLaw }: Figures["inFlight"]): number | null {
  const { run, config } = report;
  const { totals, times } = publishOf(report);
  if (mean === null || littlesLaw === null || littlesLaw < 20) return null;
  const unansweredMs = (totals.timedOut + totals.lost) * config.ackTimeoutMs;
  if (unansweredMs / (run.durationSec * 1_000) > littlesLaw / 10) return null;
  if ((times.service.p99 ?? 0) > run.durationSec * 100) return null;
  return Math.abs(mean - littlesLaw) / littlesLaw;
}
