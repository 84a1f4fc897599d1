/**
 * Was it on time, and did it look at answers in time? Where the bounds come from:
 * - schedule lag adds to every response time, so it is held against the response times themselves:
 *   suspect when its p99 is above a tenth of theirs, invalid above a half, since then most of what is
 *   reported is our own. (sei-load voids a run at a tenth of the gap between sends, which at 10,000/s no
 *   timer of k6 keeps.) Below 5 ms (20 ms) it is not held against anything: two turns of k6's timers,
 *   which wake about 1.1 ms late, and a collection of garbage are no overload. Where nothing was
 *   answered, what was waited for each event stands for its response time.
 * - tail of the lag: one pause of two seconds in ten minutes is no event in a hundred, and all of p99.9. Held
 *   against p99.9 of response times as p99 is, but never invalid: the other figures stand. Shorter than
 *   150 ms it is noise of a shared machine, for a stall of the relay too (findings/stalls.ts).
 * - loop lag delays sending and counting but not the receive stamps: twice as much is allowed.
 *   The rows of an answer come together and wait for each other: of 500 the last one waits for what 499 take,
 *   some 10 ms, with no processor lacking. Where rows are read five times as much is allowed; what rows can be
 *   read at all is held against the receive ceiling, and what was sent late meanwhile is schedule lag. So it is with
 *   the deliveries of an event: of a thousand the last one waits some 40 ms in k6, and its receive stamp does not.
 * - own delay, the two together: a process without a processor sends late, and takes the receive stamps as
 *   late as it looks at answers. So a starved run has long service times too, which hide its lag: k6 on one
 *   core with two busy processes, 4,000/s against the sink, had lags of 37 and 31 ms in a response p99 of
 *   86 ms, where with room the median is 0.6. Invalid above a half, as the lag alone; below 40 ms, twice the
 *   lag's, never.
 * - few samples: p99 of 600 looks is the sixth of them from the top, and the next run has it elsewhere. What is held
 *   against the bounds of lag is the quantile that lies below p99 in 19 of 20 such runs.
 */
import { quantile } from "../measure/histogram.ts";
import { leadingOf } from "./class-report.ts";
import { describeOthers, hostUseOf } from "./host-use.ts";
import { ms, signal } from "./signal.ts";
import type { LagSummary } from "./times.ts";
import type { Figures, Measured, Signal } from "./types.ts";

export function lagSignals(report: Measured, f: Figures): readonly Signal[] {
  const { config } = report;
  const { times, name } = leadingOf(report);
  const responseP99 = times.response.p99 ?? config.ackTimeoutMs;
  // An event comes at a thousand subscriptions at once, as the rows of an answer do.
  const isReading = name === "query" || report.classes.delivery !== undefined;
  const use = hostUseOf(report);
  const others = use.isTaken ? describeOthers(use) : null;
  const why = (own: string) => others ?? own;
  const isDialling = name === "connection";
  return [
    signal(
      "scheduleLag",
      sureP99(f.scheduleLag),
      "ms",
      Math.max(5, responseP99 / 10),
      Math.max(20, responseP99 / 2),
      (v, bound) =>
        `p99 of schedule lag ${ms(v)} is above ${ms(bound)}: ${why(isDialling ? "this generator dialled late, which is in the times from when a connection was due, and in no other figure" : "events were sent late by this generator")}`,
    ),
    signal(
      "lagTail",
      lagTail(f),
      "ms",
      Math.max(150, (times.response.p999 ?? config.ackTimeoutMs) / 2),
      null,
      (v, bound) =>
        `p99.9 of schedule lag ${ms(v)} is above ${ms(bound)}: ${why("the slowest response times are this generator's own")}`,
    ),
    signal(
      "loopLag",
      sureP99(f.loopLag),
      "ms",
      Math.max(isReading ? 50 : 10, responseP99 / 5),
      Math.max(isReading ? 200 : 40, responseP99),
      (v, bound) =>
        `p99 of loop lag ${ms(v)} is above ${ms(bound)}: ${why("answers waited in k6's own queue")}`,
    ),
    signal(
      "ownDelay",
      f.scheduleLag.p99 === null || f.loopLag.p99 === null
        ? null
        : f.scheduleLag.p99 + f.loopLag.p99,
      "ms",
      null,
      Math.max(isReading ? 200 : 40, responseP99 / 2),
      (v, bound) =>
        `p99 of schedule lag and of loop lag come to ${ms(v)}, above ${ms(bound)}: ${why("this generator had too little processor, and read answers as late as it sent events")}`,
    ),
  ];
}

/** What p99 is above of, as sure as so many samples make it: one-sided, 19 in 20. */
function sureP99({ p99, histogram }: LagSummary): number | null {
  if (p99 === null || histogram.count === 0) return p99;
  const below = 1.645 * Math.sqrt((0.99 * 0.01) / histogram.count);
  return Math.min(p99, quantile(histogram, 0.99 - below) ?? p99);
}

/** p99.9 of schedule lag, with ten samples beyond it at least. */
function lagTail({ scheduleLag }: Figures): number | null {
  return scheduleLag.count < 10_000 ? null : quantile(scheduleLag.histogram, 0.999);
}
