/** Answers that are no failure and still say something: known events, older versions, stray OKs. */
import { publishOf } from "../class-report.ts";
import { KNOWN_SHARE } from "../share-signals.ts";
import { leadOf } from "./lead.ts";
import { countErrors, errorEvidence, evidence, type Rule, shareOf } from "./rule.ts";

export const duplicates: Rule = {
  id: "duplicates",
  explains: [],
  find({ report }) {
    const { duplicate, scheduled, accepted } = publishOf(report).totals;
    if (shareOf(duplicate, report) < 0.005) return null;
    return {
      severity: shareOf(duplicate, report) > KNOWN_SHARE.suspect ? "major" : "info",
      confidence: "medium",
      title: `The relay had ${(shareOf(duplicate, report) * 100).toFixed(1)} % of the events already`,
      evidence: [evidence("publish.totals.duplicate", duplicate, 0)],
      counterEvidence: [
        evidence("publish.totals.accepted", accepted, scheduled),
        evidence("connection.totals.reconnected", report.classes.connection.totals.reconnected, 0),
      ],
      remediation:
        "A known event costs less than a new one, so these figures flatter the relay: take a new --seed, or an empty relay. If it was empty, look for events that are handled twice.",
      labels: ["workload"],
      cost: 0,
    };
  },
};

export const addressableContention: Rule = {
  id: "addressable-contention",
  explains: [],
  find({ report }) {
    const { superseded, attempted } = publishOf(report).totals;
    if (shareOf(superseded, report) < 0.01) return null;
    return {
      severity: "info",
      confidence: "medium",
      title: `${(shareOf(superseded, report) * 100).toFixed(1)} % of the events were older versions of an address`,
      evidence: [evidence("publish.totals.superseded", superseded, attempted)],
      counterEvidence: [
        evidence(
          "publish.times.service.p99",
          publishOf(report).times.service.p99,
          publishOf(report).times.service.p50,
        ),
      ],
      remediation:
        "Several connections write the same replaceable events and overtake each other. Check that the relay compares and replaces in one transaction, with an index over author, kind and `d`.",
      labels: ["workload", "storage"],
      cost: 0,
    };
  },
};

/** A challenge that stands in the way of nothing: worth a line, and no fault. */
export const authChallenge: Rule = {
  id: "auth-challenge",
  of: ["connection"],
  explains: [],
  find({ report }) {
    const asked = countErrors(report, (name) => name === "auth");
    const { name, words, due, done, refused } = leadOf(report);
    const { usable = 0, refused: unserved = 0 } = report.classes.connection.totals;
    if (asked === 0 || done === 0 || refused >= done) return null;
    if (unserved > usable) return null;
    return {
      severity: "info",
      confidence: "high",
      title: `The relay offers authentication (NIP-42), and ${name === "publish" ? "takes events" : "answers"} without`,
      evidence: [evidence("errors.auth/challenge", asked)],
      counterEvidence: [
        evidence(`${name}.totals.${name === "publish" ? "accepted" : "eose"}`, done, due),
        evidence(
          name === "publish" ? "publish.totals.rejected" : `${words.many} refused`,
          refused,
          0,
        ),
      ],
      remediation:
        "Nothing is to be done: a challenge is no fault. Clients that answer it cost the relay a signature's check for each connection, which this run does not have.",
      labels: ["workload"],
      cost: 0,
    };
  },
};

export const protocolFaults: Rule = {
  id: "protocol-faults",
  of: ["publish", "query"],
  explains: [],
  find({ report }) {
    const { name, sent, timedOut } = leadOf(report);
    const { unknownOk, malformed: malformedFrames } = report.frames;
    if (unknownOk + malformedFrames === 0) return null;
    const isMeant = (name: string) => name === "unknownOk" || name === "malformed";
    return {
      severity: (unknownOk + malformedFrames) / sent >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: "The relay sent answers that nobody waits for, or that are no messages",
      evidence: [
        evidence("frames.unknownOk", unknownOk, 0),
        evidence("frames.malformed", malformedFrames, 0),
        ...errorEvidence(report, isMeant),
      ],
      counterEvidence: [
        evidence("frames.lateOk", report.frames.lateOk, "counted apart"),
        evidence(`${name}.totals.timedOut`, timedOut, 0),
      ],
      remediation:
        "Send one OK for an EVENT, on the connection it came by and with its id, and nothing but JSON arrays of NIP-01. Look for an answer that is sent before and behind the write.",
      labels: ["protocol"],
      cost: 0,
    };
  },
};
