/** Times of which a few are far above the most. */
import { leadOf } from "./lead.ts";
import { evidence, type Rule } from "./rule.ts";

const TAIL = { factor: 10, leastMs: 50 };

export const tail: Rule = {
  id: "tail",
  of: ["publish", "query"],
  explains: [],
  find({ report }) {
    const { name, times } = leadOf(report);
    const { service } = times;
    const { p50, p99 } = service;
    if (p50 === null || p99 === null || service.count < 100) return null;
    if (p99 < p50 * TAIL.factor || p99 < TAIL.leastMs) return null;
    return {
      severity: "minor",
      confidence: "medium",
      title: `One answer in a hundred takes ${(p99 / p50).toFixed(0)} times as long as the median`,
      evidence: [
        evidence(`${name}.times.service.p99`, p99, p50),
        evidence(`${name}.times.service.p999`, service.p999),
      ],
      counterEvidence: [
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, p99),
        evidence("generator.scheduleLag.p99", report.generator.scheduleLag.p99, p99),
      ],
      remediation: `A client that ${name === "query" ? "asks several relays" : "publishes to several relays or in several parts"} waits for the slowest. Log in the relay what took longer than ten times the median, with the reason it waited for.`,
      labels: ["performance", "tail"],
      cost: (p99 - p50) / 100,
    };
  },
};
