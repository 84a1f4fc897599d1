/** The relay's own counter of EVENTs against what was sent to it. */
import { publishOf } from "../class-report.ts";
import { formatCount } from "../format.ts";
import { countedEvents } from "../relay-counts.ts";
import { evidence, type Rule } from "./rule.ts";

export const relayCounts: Rule = {
  id: "relay-counts",
  explains: [],
  find({ report }) {
    const events = countedEvents(report);
    if (events === null || events.agree) return null;
    const { counted, sent } = events;
    const { resources } = report;
    const { totals } = publishOf(report);
    const isMore = counted > sent;
    return {
      severity: "minor",
      // It may have been read a moment too early or too late.
      confidence: "medium",
      title: `The relay counts ${formatCount(counted)} EVENTs, ${formatCount(sent)} were sent`,
      evidence: [evidence("resources.relayMetrics: EVENTs", counted, sent)],
      counterEvidence: [
        evidence("publish.totals.lost", totals.lost, "under way when a connection ended"),
        evidence("publish.totals.accepted", totals.accepted, sent),
        evidence("resources.relayProcess", resources?.relayProcess ?? null),
      ],
      remediation: isMore
        ? "Somebody else publishes to this relay, or it counts an event more than once: load a relay that nobody else uses, and hold its counter against its store."
        : counted < 0
          ? "Its counters began anew: the relay was started again during the run. See what ended it."
          : "Events that were sent are in none of its counters: it drops them before it counts, counts accepted ones only, or its metrics lag. Hold its counter against its store.",
      labels: ["observability"],
      cost: 0,
    };
  },
};
