/** The relay's own counter of EVENTs against what was sent to it. */
import { publishOf, queryOf } from "../class-report.ts";
import { formatCount } from "../format.ts";
import { countedDeliveries, countedFrames } from "../relay-counts.ts";
import type { Report } from "../types.ts";
import { type Draft, evidence, type Rule } from "./rule.ts";

export const relayCounts: Rule = {
  id: "relay-counts",
  of: ["publish", "query", "delivery"],
  explains: [],
  find({ report }) {
    const wrong = countedFrames(report).find(({ agree }) => !agree);
    if (wrong === undefined) return ofDeliveries(report);
    const { what, counted, sent } = wrong;
    const { resources } = report;
    const { totals } = what === "REQs" ? queryOf(report) : publishOf(report);
    const name = what === "REQs" ? "query" : "publish";
    const isMore = counted > sent;
    return {
      severity: "minor",
      // It may have been read a moment too early or too late.
      confidence: "medium",
      title: `The relay counts ${formatCount(counted)} ${what}, ${formatCount(sent)} were sent`,
      evidence: [evidence(`resources.relayMetrics: ${what}`, counted, sent)],
      counterEvidence: [
        evidence(`${name}.totals.lost`, totals.lost, "under way when a connection ended"),
        evidence(`${name}.rate.done`, report.classes[name]?.rate.done ?? null),
        evidence("resources.relayProcess", resources?.relayProcess ?? null),
      ],
      remediation: isMore
        ? "Somebody else uses this relay, or it counts a frame more than once: load a relay that nobody else uses, and hold its counter against its store."
        : counted < 0
          ? "Its counters began anew: the relay was started again during the run. See what ended it."
          : "Frames that were sent are in none of its counters: it drops them before it counts, counts accepted ones only, or its metrics lag. Hold its counter against its store.",
      labels: ["observability"],
      cost: 0,
    };
  },
};

/** Frames that left the relay by its own count, and did not come here, though no connection ended; or that it did not count. */
function ofDeliveries(report: Report): Draft | null {
  const of = countedDeliveries(report);
  if (of === null || (of.byUs === 0 && of.counted >= of.came)) return null;
  const { counted, came, byUs, byRelay, inSystem } = of;
  return {
    severity: "minor",
    confidence: "medium",
    title: `The relay counts ${formatCount(counted)} EVENTs to subscriptions, ${formatCount(came)} came`,
    evidence: [evidence("resources.relayMetrics: EVENTs to subscriptions", counted, came)],
    counterEvidence: [
      evidence("lost in the system, with connections that ended", inSystem),
      evidence("missing, and never sent", byRelay),
      evidence("generator.loopLag.p99", report.generator.loopLag.p99, "ms"),
    ],
    remediation:
      byUs > 0
        ? "Load a relay that nobody else subscribes to; if nobody does, frames reached this machine and were counted by nobody: lower the load of the generator and run again."
        : "Its counter lacks frames that came: it was started again, is read late, or counts only some of what it sends.",
    labels: ["observability"],
    cost: 0,
  };
}
