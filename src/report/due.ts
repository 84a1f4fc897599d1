/**
 * What was due in each slice. A VU that can't send looks at what is due later, and at the end gives up all that is
 * left: counted where it was looked at, a rate that was set would be no line, and what was never sent a needle at the
 * end of it.
 */
import { leadingOf } from "./class-report.ts";
import { pointsOf } from "./points.ts";
import type { Report } from "./types.ts";

export interface DueSlice {
  /** Events due by the plan; by a Poisson process, on average. */
  readonly set: number;
  /** Of them, what fell behind then and was never sent. All slices together: what was not sent. */
  readonly unsent: number;
}

export function dueBySlice(report: Report): readonly DueSlice[] {
  const { config, run } = report;
  const series = pointsOf(report);
  const { sliceSec } = report.run;
  const endSec = Math.min(config.durationSec, run.durationSec);
  const { name, rate } = leadingOf(report);
  // Connections come back when their policy has it: there is no rate that was set behind the ramp.
  if (name === "connection")
    return series.map(({ scheduled, unsent }) => ({ set: scheduled, unsent }));
  const target = rate.target ?? 0;
  const dueUntil = (sec: number) => target * Math.min(sec, endSec);
  const total = series.reduce((sum, { unsent }) => sum + unsent, 0);
  let sent = 0;
  // What stands out at a slice's end: due by then and not sent by then.
  const behind = series.map(({ t, attempted }) => {
    sent += attempted;
    return Math.min(total, Math.max(0, dueUntil(t + sliceSec) - sent));
  });
  // What is caught up with later was late and is not lost: the least from there on is.
  let least = total;
  const never = behind.map(() => 0);
  for (let i = series.length - 1; i >= 0; i--) {
    least = Math.min(least, i === series.length - 1 ? total : (behind[i] ?? 0));
    never[i] = least;
  }
  return series.map(({ t }, i) => ({
    set: dueUntil(t + sliceSec) - dueUntil(t),
    unsent: (never[i] ?? 0) - (i === 0 ? 0 : (never[i - 1] ?? 0)),
  }));
}
