/** Answers that are no failure and still say something: known events, older versions, stray OKs. */
import { errorEvidence, evidence, type Rule, shareOf } from "./rule.ts";

export const duplicates: Rule = {
  id: "duplicates",
  explains: [],
  find({ report }) {
    const { duplicate, scheduled, accepted } = report.totals;
    if (shareOf(duplicate, report) < 0.005) return null;
    return {
      severity: shareOf(duplicate, report) >= 0.05 ? "minor" : "info",
      confidence: "medium",
      title: `The relay had ${(shareOf(duplicate, report) * 100).toFixed(1)} % of the events already`,
      evidence: [evidence("totals.duplicate", duplicate, 0)],
      counterEvidence: [
        evidence("totals.accepted", accepted, scheduled),
        evidence("totals.connections.reconnected", report.totals.connections.reconnected, 0),
      ],
      remediation:
        "A known event costs less than a new one, so these figures flatter the relay: load an empty relay, or take another seed. If it was empty, look for events that are handled twice.",
      labels: ["workload"],
      cost: 0,
    };
  },
};

export const addressableContention: Rule = {
  id: "addressable-contention",
  explains: [],
  find({ report }) {
    const { superseded, attempted } = report.totals;
    if (shareOf(superseded, report) < 0.01) return null;
    return {
      severity: "info",
      confidence: "medium",
      title: `${(shareOf(superseded, report) * 100).toFixed(1)} % of the events were older versions of an address`,
      evidence: [evidence("totals.superseded", superseded, attempted)],
      counterEvidence: [
        evidence("latency.service.p99", report.latency.service.p99, report.latency.service.p50),
      ],
      remediation:
        "Several connections write the same replaceable events and overtake each other. Check that the relay compares and replaces in one transaction, with an index over author, kind and `d`.",
      labels: ["workload", "storage"],
      cost: 0,
    };
  },
};

export const protocolFaults: Rule = {
  id: "protocol-faults",
  explains: [],
  find({ report }) {
    const { unknownOk, malformedFrames, attempted } = report.totals;
    if (unknownOk + malformedFrames === 0) return null;
    const isMeant = (name: string) => name === "unknownOk" || name === "malformed";
    return {
      severity: (unknownOk + malformedFrames) / attempted >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: "The relay sent answers that nobody waits for, or that are no messages",
      evidence: [
        evidence("totals.unknownOk", unknownOk, 0),
        evidence("totals.malformedFrames", malformedFrames, 0),
        ...errorEvidence(report, isMeant),
      ],
      counterEvidence: [evidence("totals.lateOk", report.totals.lateOk, "counted apart")],
      remediation:
        "Send one OK for an EVENT, on the connection it came by and with its id, and nothing but JSON arrays of NIP-01. Look for an answer that is sent before and behind the write.",
      labels: ["protocol"],
      cost: 0,
    };
  },
};
