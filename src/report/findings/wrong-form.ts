/** Refusals that are said otherwise than NIP-01 has it: in a NOTICE, or in an OK that names no event. */

import type { Reason } from "../../nostr/reason.ts";
import { publishOf } from "../class-report.ts";
import { counted } from "../format.ts";
import type { Report, ReportError } from "../types.ts";
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import { countOf, errorsOf, meaningOf, quoted, textEvidence } from "./words.ts";

/** So many of the unanswered events must have such words beside them. */
const TOLD = 0.3;
/** Meanings that are about queries, or no refusal. */
const NOT_EVENTS = new Set<Reason | null>(["subscriptions", "duplicate", "replaced"]);

export const refusedByNotice: Rule = {
  id: "refused-by-notice",
  explains: [
    "unanswered-kinds",
    "silent-drops",
    "timeouts",
    "stopped-answering",
    "throttled",
    "overload",
    "dropped-connections",
    "ended-on-publish",
    "cut-after-answers",
    "queueing",
    "tail",
    "latency-drift",
  ],
  find({ report }) {
    const { timedOut, lost } = publishOf(report).totals;
    const { notices, lateOk } = report.frames;
    // Some relays end the connection behind such a NOTICE.
    const open = timedOut + lost;
    const words = refusing(report, "notice");
    const [first] = words;
    if (first === undefined || open === 0 || countOf(words) < open * TOLD) return null;
    return {
      severity: shareOf(open, report) >= 0.01 ? "critical" : "major",
      confidence: "high",
      title: `The relay refuses events in a NOTICE and sends no OK: ${quoted(first.example)}, ${counted(countOf(words), "NOTICE")} for ${counted(open, "event")} without an answer`,
      evidence: [
        ...textEvidence(words),
        evidence("frames.notices", notices, open),
        evidence("publish.totals.timedOut", timedOut, 0),
        evidence("publish.totals.lost", lost, 0),
      ],
      counterEvidence: [
        evidence("frames.lateOk", lateOk, `${timedOut} if the relay were slow only`),
        evidence(
          "publish.times.service.p99",
          publishOf(report).times.service.p99,
          report.config.ackTimeoutMs,
        ),
      ],
      remediation: `A NOTICE names no event, so a client waits for an OK until its timeout. Answer each refused EVENT with \`["OK",<id>,false,"${prefixFor(meaningOf(first))}: …"]\`. ${whatItMeans(first)}`,
      labels: ["protocol", "reliability"],
      cost: failureCost(open, report),
    };
  },
};

export const refusedWithoutId: Rule = {
  id: "refused-without-id",
  explains: [
    "protocol-faults",
    "unanswered-kinds",
    "silent-drops",
    "timeouts",
    "stopped-answering",
    "throttled",
    "overload",
    "queueing",
    "tail",
    "latency-drift",
  ],
  find({ report }) {
    const { timedOut, lost, backpressure } = publishOf(report).totals;
    const { unknownOk, lateOk } = report.frames;
    const words = errorsOf(report, "unknownOk", (reason) => reason !== null);
    const [first] = words;
    const open = timedOut + lost + backpressure;
    if (first === undefined || open === 0) return null;
    // Double answers are refusals of what has its outcome: with them nothing stays open.
    const isEmpty = words.some(({ code }) => code === "empty id");
    if (!isEmpty && countOf(words) < timedOut * TOLD) return null;
    return {
      severity: shareOf(open, report) >= 0.01 ? "critical" : "major",
      confidence: isEmpty ? "high" : "medium",
      title: `The relay refuses events without saying which: ${counted(countOf(words), "time")} ${quoted(first.example)}`,
      evidence: [
        ...textEvidence(words),
        evidence("frames.unknownOk", unknownOk, 0),
        evidence("publish.totals.timedOut", timedOut, 0),
      ],
      counterEvidence: [
        evidence("frames.lateOk", lateOk, `${timedOut} if the relay were slow only`),
        evidence("frames.malformed", report.frames.malformed, 0),
      ],
      remediation: `An OK must name the event that it answers (NIP-01), else the client waits until its timeout; a relay that holds a connection back behind a refusal makes the others wait too. ${whatItMeans(first)}`,
      labels: ["protocol", "reliability"],
      cost: failureCost(open, report),
    };
  },
};

function refusing(report: Report, errorClass: string): readonly ReportError[] {
  const words = errorsOf(report, errorClass, (reason) => !NOT_EVENTS.has(reason));
  const known = words.filter((e) => meaningOf(e) !== "other");
  if (known.length > 0) return known;
  // Words that are not understood: as many as events without an answer, or they are about something else.
  return countOf(words) <= (publishOf(report).totals.timedOut + publishOf(report).totals.lost) * 2
    ? words
    : [];
}

function prefixFor(reason: Reason | null): string {
  switch (reason) {
    case "rate-limit":
      return "rate-limited";
    case "auth":
      return "auth-required";
    case "pow":
      return "pow";
    case "policy":
    case "kind":
      return "blocked";
    case "payment":
      return "restricted";
    case "storage":
    case "overload":
    case "shutdown":
      return "error";
    default:
      return "invalid";
  }
}

/** What to do about the refusal itself, apart from its form. */
function whatItMeans(error: ReportError): string {
  switch (meaningOf(error)) {
    case "rate-limit":
      return "The refusal itself is a rate limit: load below it, or raise it for the test.";
    case "age-past":
      return "The refusal itself is about age: events of a pool carry times of the past, so raise the relay's limit or make a younger pool (`k6-nostr pool --epoch`).";
    case "size":
      return "The refusal itself is about size: raise the limit, announce it in NIP-11, or send smaller events.";
    case "kind":
    case "policy":
      return "The refusal itself is a policy: allow the kinds and keys of the pool.";
    case "auth":
      return "It wants NIP-42, and this tool can't authenticate: let the relay under test take events without.";
    case "storage":
      return "The refusal itself is about the store: look at its log, space and locks.";
    default:
      return "Its words say the rest.";
  }
}
