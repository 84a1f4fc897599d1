/** Connections that the relay, or what stands before it, ends by a rule: the same silence, life or count each. */

import { quantile } from "../../measure/histogram.ts";
import { publishOf } from "../class-report.ts";
import { counted } from "../format.ts";
import type { LatencySummary } from "../times.ts";
import type { Ends, Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { type Draft, errorEvidence, evidence, failureCost, type Rule, shareOf } from "./rule.ts";

/** So many ends, and so much of all, before they are a rule and no chance. */
const LEAST_ENDS = 5;
const NEARLY_ALL = 0.8;
/** Times are alike when four of five lie so close together: who ends connections looks now and then only. */
const ALIKE = { share: 0.25, ms: 250 };
/** From here on a range says more than a middle. */
const AS_ONE = 0.1;
/** Below it an end is no answer to silence. */
const LEAST_SILENCE_MS = 1_000;
/** Ends at one moment are a restart; a rule for each connection ends them as they come to it. */
const LEAST_SPREAD = { share: 0.05, sec: 0.5 };
/** A small number of answers may come up several times by chance. */
const CHANCE_BELOW = 10;
const LEAST_EXACT = 3;

export const idleTimeout: Rule = {
  id: "idle-timeout",
  of: ["connection"],
  explains: ["dropped-connections", "connection-limit", "closed-at-once", "relay-gone"],
  find({ report }) {
    const { ends, config } = report;
    if (!ends || !isSpread(ends, ends.quiet)) return null;
    const silence = [ends.quiet, ends.unused].find((times) => isRule(times, ends));
    if (silence === undefined || (silence.p50 ?? 0) < LEAST_SILENCE_MS) return null;
    const seconds = shortest(silence);
    const isPinged = (config.pingSec ?? 0) > 0;
    return draft(report, {
      title: `Connections end after ${rangeOf(silence)} s without traffic: an idle timeout`,
      evidence: [
        evidence(`ends.${silence === ends.quiet ? "quiet" : "unused"}.p50`, silence.p50),
        evidence("of ends", silence.count, ends.life.count),
        evidence("within, ms", spanOf(silence), ALIKE.ms),
      ],
      counterEvidence: [
        evidence("ends.life.p50", ends.life.p50, `above ${silence.p50} if it is the silence`),
        evidence("config.pingSec", config.pingSec ?? 0, "pings that did not hold it off"),
      ],
      remediation: `${
        isPinged
          ? `Pings every ${config.pingSec} s did not hold it off: ping more often than every ${seconds} s, or what ends them looks at messages only. `
          : `\`--ping SEC\` pings as real clients do, more often than every ${seconds} s. `
      }Without a Close frame it is mostly a proxy (nginx \`proxy_read_timeout\`, 60 s; Cloudflare 100 s; load balancers): raise it there, or let the relay ping its clients.`,
      labels: ["configuration", "connections", "proxy"],
    });
  },
};

export const lifetimeLimit: Rule = {
  id: "lifetime-limit",
  of: ["connection"],
  explains: ["dropped-connections", "connection-limit", "relay-gone"],
  find({ report }) {
    const { ends } = report;
    if (!ends || !isSpread(ends, ends.life) || !isRule(ends.life, ends)) return null;
    if ((ends.life.p50 ?? 0) < LEAST_SILENCE_MS || isRule(ends.quiet, ends)) return null;
    const seconds = shortest(ends.life);
    return draft(report, {
      title: `Connections end after ${rangeOf(ends.life)} s of life, used or not`,
      evidence: [
        evidence("ends.life.p50", ends.life.p50),
        evidence("ends", ends.life.count, report.classes.connection.totals.dropped),
        evidence("within, ms", spanOf(ends.life), ALIKE.ms),
      ],
      counterEvidence: [
        evidence("ends.quiet.p50", ends.quiet.p50, "as long if it is an idle timeout"),
      ],
      remediation: `A limit on how long a connection may live: a load balancer's backend timeout (30 s in some) counts for WebSockets too, and workers are recycled after a time. Raise it well above ${seconds} s; pings do not help.`,
      labels: ["configuration", "connections", "proxy"],
    });
  },
};

export const cutAfterAnswers: Rule = {
  id: "cut-after-answers",
  of: ["connection"],
  explains: ["dropped-connections", "connection-limit", "relay-gone"],
  find({ report }) {
    const { ends } = report;
    const most = ends?.answers[0];
    if (!ends || most === undefined || most.answers === 0) return null;
    const least = most.answers < CHANCE_BELOW ? LEAST_ENDS : LEAST_EXACT;
    if (most.count < least || most.count < ends.life.count * NEARLY_ALL) return null;
    // A crash ends all at once, and they have had their turns alike.
    if (!isSpread(ends)) return null;
    // One that was silent for long before its end is not ended by its last answer.
    if (isRule(ends.quiet, ends) && (ends.quiet.p50 ?? 0) >= LEAST_SILENCE_MS) return null;
    return draft(report, {
      title: `Connections end after ${counted(most.answers, "answer")} each`,
      evidence: [
        evidence("ends.answers[0]", most.count, `connections with ${most.answers} answers`),
        evidence("ends", ends.life.count, most.count),
        ...errorEvidence(report, (name) => name === "close"),
      ],
      counterEvidence: [
        evidence("ends.life.p50", ends.life.p50, "the same for all if it is a matter of time"),
        evidence("ends.answers", ends.answers.length, "one, if it is always the same count"),
      ],
      remediation: `The same number each time is a limit or a full channel: look in the relay for a buffer or quota of about ${most.answers} messages a connection, and what happens when it is used up.`,
      labels: ["reliability", "connections"],
    });
  },
};

export const endedOnPublish: Rule = {
  id: "ended-on-publish",
  explains: ["dropped-connections", "connection-limit", "relay-gone", "closed-at-once"],
  find({ report }) {
    const { ends } = report;
    const { totals } = publishOf(report);
    // All at one moment are a crash.
    if (!ends || ends.onPublish < LEAST_ENDS || !isSpread(ends)) return null;
    if (ends.onPublish < ends.life.count * NEARLY_ALL) return null;
    return {
      ...draft(report, {
        title: "The connection ends when an event is published",
        evidence: [
          evidence("ends.onPublish", ends.onPublish, ends.life.count),
          evidence("publish.totals.lost", totals.lost, 0),
          ...errorEvidence(report, (name) => name === "close"),
        ],
        counterEvidence: [
          evidence(
            "publish.totals.accepted",
            totals.accepted,
            "0 if every event ends its connection",
          ),
        ],
        remediation:
          "See the relay's log at the first of these ends: a crash while an event is handled, a proxy that ends connections at a frame of this size, or a policy that says no by hanging up. NIP-01 wants an OK, false with the reason.",
        labels: ["reliability", "crash", "protocol"],
      }),
      severity: "critical",
    };
  },
};

export const closedAtOnce: Rule = {
  id: "closed-at-once",
  of: ["connection"],
  explains: ["dropped-connections", "connection-limit", "relay-gone"],
  ofNoData: true,
  find({ report, window }) {
    const { ends } = report;
    if (!ends || ends.unproven < LEAST_ENDS) return null;
    if (ends.unproven < ends.life.count * NEARLY_ALL) return null;
    if (window.some((point) => (point.connectionsProven ?? point.connectionsOpen) > 0)) return null;
    return {
      ...draft(report, {
        title: `The relay keeps no connection of ${report.config.clients}: it accepts and ends them`,
        evidence: [
          evidence("ends.unproven", ends.unproven, ends.life.count),
          evidence("ends.life.p50", ends.life.p50),
          ...errorEvidence(report, (name) => name === "close"),
        ],
        counterEvidence: [
          evidence("ends.onPublish", ends.onPublish, `${ends.unproven} if events end them`),
        ],
        remediation:
          "The close code says why: 1008 and 4000 and above are a policy, 1013 a limit, no Close frame a relay that gives up on new connections (open files, `ulimit -n`). A handshake that is refused with 429 or 503 tells clients more than a connection that ends at once.",
        labels: ["configuration", "connections"],
      }),
      severity: "critical",
    };
  },
};

/** The times of nearly all ends, and alike. */
function isRule(times: LatencySummary, { life }: Ends): boolean {
  const isMost = times.count >= LEAST_ENDS && times.count >= life.count * NEARLY_ALL;
  return isMost && spanOf(times) <= Math.max(ALIKE.ms, (times.p50 ?? 0) * ALIKE.share);
}

/** Between the tenth lowest and the tenth highest of a hundred. */
function spanOf({ histogram }: LatencySummary): number {
  return (quantile(histogram, 0.9) ?? 0) - (quantile(histogram, 0.1) ?? 0);
}

function isSpread({ firstAtSec, lastAtSec }: Ends, times?: LatencySummary): boolean {
  const ofTimesSec = ((times?.p50 ?? 0) / 1_000) * LEAST_SPREAD.share;
  const leastSec = Math.max(LEAST_SPREAD.sec, ofTimesSec);
  return lastAtSec - firstAtSec >= leastSec;
}

function shortest({ histogram }: LatencySummary): string {
  return toSeconds(quantile(histogram, 0.1));
}

function rangeOf(times: LatencySummary): string {
  if (spanOf(times) <= (times.p50 ?? 0) * AS_ONE) return toSeconds(times.p50);
  return `${shortest(times)} to ${toSeconds(quantile(times.histogram, 0.9))}`;
}

function toSeconds(ms: number | null): string {
  return ((ms ?? 0) / 1_000).toFixed(1);
}

function draft(
  report: Report,
  own: Pick<Draft, "title" | "evidence" | "counterEvidence" | "remediation" | "labels">,
): Draft {
  const { lost, noConnection } = leadOf(report);
  const affected = lost + noConnection;
  return {
    ...own,
    severity: shareOf(affected, report) >= 0.01 ? "major" : "minor",
    confidence: "high",
    cost: failureCost(affected, report),
  };
}
