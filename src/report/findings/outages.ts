/** The relay goes away, or stays and answers nothing more. */

import { queryOf } from "../class-report.ts";
import { describeOutage, outagesOf } from "../outages.ts";
import { pointsOf } from "../points.ts";
import type { Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { errorEvidence, evidence, failureCost, type Rule } from "./rule.ts";

/** So much of the connections ended by the relay is all of them. */
const ALL = 0.9;
/** A silence is one when it lasts for nearly as long as an answer is awaited. */
const OF_TIMEOUT = 0.8;
const LEAST_EVENTS = 10;
const MOST_LATE = 0.05;

export const relayGone: Rule = {
  id: "relay-gone",
  of: ["connection"],
  explains: [
    "overload",
    "dropped-connections",
    "connection-limit",
    "stopped-answering",
    "silent-drops",
    "timeouts",
    "queueing",
    "tail",
    "stalls",
    "slow-handshake",
    "latency-drift",
    "no-eose",
  ],
  find({ window, report, relay }) {
    const most = Math.max(0, ...window.map((point) => point.connectionsOpen));
    const outages = outagesOf(report);
    const [first] = outages;
    const { dropped } = report.classes.connection.totals;
    if (first === undefined || dropped < most * ALL) return null;
    const { lost, noConnection } = leadOf(report);
    const ended = report.resources?.notMeasured.find(({ what }) =>
      what.includes("relay's process"),
    );
    const { mode, dropShare } = report.config.connect ?? {};
    // Clients were to lose their connections by somebody else's doing.
    const isMeant = mode === "recover" && dropShare === 0 && first.firstOpenSec !== null;
    const again = outages.length > 1 ? `, the first of ${outages.length} times` : "";
    return {
      severity: isMeant ? "minor" : "critical",
      confidence: "high",
      title: `The relay ${describeOutage(first)}${again}${isMeant ? ", as it was meant to" : ""}`,
      evidence: [
        evidence("connections open at last, s", first.lastOpenSec, most),
        evidence("first refused, s", first.firstRefusedSec),
        evidence("last refused, s", first.lastRefusedSec, "its port, tried every 0.15 s"),
        evidence("first open again, s", first.firstOpenSec),
        evidence("connection.totals.dropped", dropped, 0),
        ...errorEvidence(report, (name) => name === "close" || name === "connect"),
        ...(ended === undefined ? [] : [evidence(ended.what, ended.why)]),
      ],
      counterEvidence: [
        evidence(
          "connection.totals.reconnected",
          report.classes.connection.totals.reconnected,
          dropped,
        ),
        evidence(
          "relay.rssBytes at last",
          relay.at(-1)?.rssBytes ?? null,
          relay[0]?.rssBytes ?? null,
        ),
      ],
      remediation: isMeant
        ? "What a restart costs clients is the time in which the port was refused, and how they come back: the recovery says when 50, 90 and 99 % of them could use the relay again. A listener that is handed over to the new process refuses nobody."
        : "See the relay's log and exit code at this time, and the kernel's (out of memory?), for what ended it. Meanwhile let a supervisor start it again, and measure how long clients have no relay.",
      labels: isMeant ? ["reliability"] : ["reliability", "crash"],
      cost: failureCost(lost + noConnection, report),
    };
  },
};

/** Nobody counts an EOSE behind the timeout, but the rows before it. */
function rowsSince(report: Report, point: number): number {
  return queryOf(report)
    .series.slice(point + 1)
    .reduce((sum, { counts }) => sum + counts.rowsBehind, 0);
}

export const stoppedAnswering: Rule = {
  id: "stopped-answering",
  of: ["publish", "query"],
  explains: [
    "silent-drops",
    "timeouts",
    "overload",
    "queueing",
    "tail",
    "stalls",
    "latency-drift",
    "no-eose",
    "late-answers",
  ],
  find({ report, relay }) {
    const { config } = report;
    const { name, words, timedOut, late, backpressure } = leadOf(report);
    const series = pointsOf(report);
    const last = series.findLastIndex((point) => point.p50 !== null);
    const answered = series[last];
    const end = series.at(-1);
    if (answered === undefined || end === undefined || timedOut === 0) return null;
    const sentSince = series.slice(last + 1).reduce((sum, p) => sum + p.attempted, 0);
    const silentMs = (end.t - answered.t) * 1_000;
    if (sentSince < LEAST_EVENTS || silentMs < config.ackTimeoutMs * OF_TIMEOUT) return null;
    // Late answers are in no time of a slice: a relay that gives them is slow and not silent.
    if ((late ?? rowsSince(report, last)) > timedOut * MOST_LATE) return null;
    const cpu = relay.filter((s) => s.t > answered.t).at(-1)?.cpuPercent ?? null;
    return {
      severity: "critical",
      confidence: report.classes.connection.totals.dropped === 0 ? "high" : "medium",
      title: `The relay answered nothing from ${(answered.t + report.run.sliceSec).toFixed(1)} s on`,
      evidence: [
        evidence(`${words.many} sent since`, sentSince, "none of them was answered"),
        evidence(`${name}.totals.timedOut`, timedOut, 0),
        evidence("silence until the end, ms", silentMs, config.ackTimeoutMs),
      ],
      counterEvidence: [
        evidence("connection.totals.dropped", report.classes.connection.totals.dropped, 0),
        evidence("frames.lateOk", report.frames.lateOk, "above 0 if it was slow only"),
        evidence("relay.cpuPercent since", cpu, "100 if it computes, 0 if it waits"),
      ],
      remediation:
        "Take a dump of the relay's stacks while it is silent: a deadlock, a writer that waits for ever, a full disk, or a loop without an end. A time limit on each write turns it into an error that can be answered.",
      labels: ["reliability", "hang"],
      cost: failureCost(timedOut + backpressure, report),
    };
  },
};
