/**
 * May the run be believed? Each signal is a figure of the same report, held against two bounds, each
 * with its reason. One signal beyond `invalidAbove` makes the run invalid: then the generator was the
 * limit, and no finding blames the relay.
 *
 * Where the bounds come from:
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
 *   read at all is held against the receive ceiling, and what was sent late meanwhile is schedule lag.
 * - own delay, the two together: a process without a processor sends late, and takes the receive stamps as
 *   late as it looks at answers. So a starved run has long service times too, which hide its lag: k6 on one
 *   core with two busy processes, 4,000/s against the sink, had lags of 37 and 31 ms in a response p99 of
 *   86 ms, where with room the median is 0.6. Invalid above a half, as the lag alone; below 40 ms, twice the
 *   lag's, never.
 * - few samples: p99 of 600 looks is the sixth of them from the top, and the next run has it elsewhere. What is held
 *   against the bounds of lag is the quantile that lies below p99 in 19 of 20 such runs.
 * - CPU: Artillery warns at 80 %, Locust at 90 %, k6's own guide wants 20 % kept idle. At 95 % of all
 *   cores there is none left to be on time with. A relay on the same host has its share taken off first; what
 *   is left may be other processes', which is said, and makes no run invalid: what they did to it, lag shows.
 * - other processes: where they had the host (host-use.ts), lateness is theirs, and the text says so.
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
 * - share of the ceiling: where one server works off a queue (M/M/1), a response takes twice the service
 *   time at half of what it can do, and ten times at nine tenths: by then the queue is the generator's. A
 *   rate above the ceiling that was held, with no other doubt, says that the ceiling was measured too low.
 * - share of what can be read: a reader does not wait for answers in a queue of its own making until it is full,
 *   as rows come in bursts that it works off between two due times; from four fifths on it hardly does.
 * - identities: each class of work says what must come out equal; one that does not is a mistake of counting, and
 *   nothing of the run can be used.
 * - clock violations: a time below zero is kept (as zero) and counted; the figures of the others stand.
 * - several k6 processes: each is held against these bounds by itself, see several.ts.
 * - known events: a duplicate costs a look at an index and no write. From one in a hundred on the figures are
 *   flattered; when it is most of them, another thing was measured than what was asked for.
 */

import { quantile } from "../measure/histogram.ts";
import { leadingOf, publishOf, queryOf, wrongIdentities } from "./class-report.ts";
import { pageOf } from "./findings/page.ts";
import { hostCpuSignal, sharedHostSignal } from "./host-signals.ts";
import { describeOthers, hostUseOf } from "./host-use.ts";
import { partOf, severalSignals, worse, worstOfInstances } from "./several.ts";
import { ms, signal } from "./signal.ts";
import type { LagSummary } from "./times.ts";
import type { Figures, Finding, Measured, Report, Signal, VerdictState } from "./types.ts";

const MOST_ERRORS = 4;

/** Shares of the calibrated ceiling: a run is held against the same before it starts. */
export const CEILING_SHARE = { suspect: 0.5, invalid: 0.9 } as const;
/** Shares of what this generator was measured to read: rows or bytes, whichever is more. */
export const RECEIVE_SHARE = { suspect: 0.8, invalid: 0.95 } as const;
/** Shares of events that the relay had already; a pool is held against the same before it is sent. */
export const KNOWN_SHARE = { suspect: 0.01, invalid: 0.5 } as const;

/** Adds the verdict on the generator to a report; an invalid run's only finding is the generator. */
export function judgeGenerator(report: Measured, figures: Figures): Report {
  const signals = withDisprovedCeiling(allSignalsOf(report, figures), report);
  const verdict: VerdictState = signals.some((s) => s.state === "invalid")
    ? "invalid"
    : signals.some((s) => s.state === "suspect")
      ? "suspect"
      : "valid";
  const reasons = signals
    .filter((s) => s.state === "invalid" || s.state === "suspect")
    .sort((a, b) => Number(b.state === "invalid") - Number(a.state === "invalid"))
    .map((s) => s.text);
  const findings = verdict === "invalid" ? [generatorFinding(signals, report)] : report.findings;
  return { ...report, findings, generator: { verdict, reasons, signals, ...figures } };
}

/** Of several processes the worst one counts: one of a hundred that is late does not show in the p99 of all. */
function allSignalsOf(report: Measured, figures: Figures): readonly Signal[] {
  const { several } = figures;
  const signals = signalsOf(report, figures);
  if (several === undefined) return signals;
  const worst = worstOfInstances(several, (part) =>
    signalsOf(...partOf(report, figures, part, several)),
  );
  return [...signals.map((one) => worse(one, worst.get(one.id))), ...severalSignals(several)];
}

function signalsOf(report: Measured, f: Figures): readonly Signal[] {
  const { run, config } = report;
  const lead = leadingOf(report);
  const { times, row } = lead;
  const [due, sent] = [lead.totals[row.due] ?? 0, lead.totals[row.sent] ?? 0];
  const { attempted, duplicate, poolExhausted } = publishOf(report).totals;
  const exhausted = poolExhausted + queryOf(report).totals.exhausted;
  const wrong = wrongIdentities(report);
  const responseP99 = times.response.p99 ?? config.ackTimeoutMs;
  const isReading = lead.name === "query";
  const planned = Math.floor((lead.rate.target ?? 0) * config.durationSec);
  const short = run.complete && config.arrival === "constant" ? planned - due : 0;
  const cpus = run.host.cpus ?? 1;
  const use = hostUseOf(report);
  const others = use.isTaken ? describeOthers(use) : null;
  const why = (own: string) => others ?? own;
  const generatorShare = f.cpuPercent.generator === null ? null : f.cpuPercent.generator / cpus;
  const littleOff = littlesLawOff(report, f.inFlight);
  const scriptErrors = report.errors
    .filter(
      (error) => error.class === "script" || (error.class === "connect" && error.code === "guard"),
    )
    .reduce((sum, error) => sum + error.count, 0);
  const ownConnects = report.errors
    .filter((e) => e.class === "connect" && (e.code === "files" || e.code === "ports"))
    .reduce((sum, error) => sum + error.count, 0);
  const connects = Math.max(1, report.classes.connection.totals.due);
  return [
    signal(
      "noData",
      sent === 0 ? 1 : 0,
      "",
      null,
      0,
      () =>
        `${row.many === "events" ? "no event" : "no query"} was sent: there is nothing to judge`,
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
    signal(
      "scheduleLag",
      sureP99(f.scheduleLag),
      "ms",
      Math.max(5, responseP99 / 10),
      Math.max(20, responseP99 / 2),
      (v, bound) =>
        `p99 of schedule lag ${ms(v)} is above ${ms(bound)}: ${why("events were sent late by this generator")}`,
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
    signal(
      "generatorCpu",
      generatorShare,
      "% of all cores",
      80,
      95,
      (v) => `k6 used ${v.toFixed(0)} % of all cores`,
    ),
    hostCpuSignal(f.cpuPercent.host, run.sameHost === true, use),
    sharedHostSignal(use),
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
    signal(
      "scriptErrors",
      scriptErrors,
      "errors",
      null,
      0,
      (v) => `${v} errors of the generator itself`,
    ),
  ];
}

/**
 * A rate above the ceiling that was held without any other doubt disproves the ceiling: it was measured too
 * low, on a busy machine for instance. That makes the run suspect, not invalid.
 */
function withDisprovedCeiling(signals: readonly Signal[], report: Measured): readonly Signal[] {
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

function generatorFinding(signals: readonly Signal[], report: Measured): Finding {
  const { errors } = report;
  const use = hostUseOf(report);
  const bad = signals.filter((s) => s.state === "invalid");
  if (bad.every((s) => s.id === "knownEvents")) return knownEventsFinding(bad);
  const noData = bad.some((s) => s.id === "noData");
  return {
    rank: 1,
    id: noData ? "no-data" : "generator-limit",
    severity: "critical",
    title: noData
      ? "Nothing was measured"
      : use.isTaken
        ? `The generator had too little processor, and not the relay was the limit: ${describeOthers(use)}`
        : "The generator was the limit, not the relay",
    confidence: "high",
    evidence: [
      ...bad.map((s) => ({
        metric: `generator.${s.id}`,
        value: s.value,
        reference: s.invalidAbove,
      })),
      // Why nothing was sent: refused, turned down, no such name.
      ...(noData ? errors.slice(0, MOST_ERRORS) : []).map((e) => ({
        metric: `errors.${e.class}/${e.code}`,
        value: e.count,
        reference: e.example,
      })),
    ],
    counterEvidence: [],
    remediation: noData
      ? "See the errors: the relay could not be reached or took no connection. Start it, or correct its address."
      : use.isTaken
        ? "Stop what else runs on this host, or move the test; then measure again. Neither generator nor relay is to blame."
        : "Lower the rate, give the generator more cores, or run it on another machine than the relay; then measure again.",
    labels: ["generator"],
    cost: 0,
    page: pageOf(noData ? "no-data" : "generator-limit"),
  };
}

function knownEventsFinding(bad: readonly Signal[]): Finding {
  return {
    rank: 1,
    id: "duplicates",
    severity: "critical",
    title: "Most events were in the relay already: taking them was not measured",
    confidence: "high",
    evidence: bad.map((s) => ({
      metric: `generator.${s.id}`,
      value: s.value,
      reference: s.invalidAbove,
    })),
    counterEvidence: [],
    remediation:
      "Take a new --seed (without one each run draws its own), or an empty relay. If it was empty, look for events that it handles twice.",
    labels: ["workload"],
    cost: 0,
    page: pageOf("duplicates"),
  };
}

/** Of rows a second, or of bytes, whichever is more; `null` where no query was asked or nothing is known. */
function receiveShareOf(report: Measured, { receive = null }: Figures): number | null {
  const { sent, rows, bytes } = queryOf(report).totals;
  const { durationSec } = report.run;
  if (receive === null || sent === 0 || durationSec <= 0) return null;
  const shares = [rows / receive.rowsPerSec, bytes / receive.bytesPerSec];
  return Math.max(...shares) / durationSec;
}
