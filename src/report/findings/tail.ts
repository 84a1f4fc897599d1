/** Times of which a few are far above the most. */
import { publishOf } from "../class-report.ts";
import { evidence, type Rule } from "./rule.ts";

const TAIL = { factor: 10, leastMs: 50 };

export const tail: Rule = {
  id: "tail",
  explains: [],
  find({ report }) {
    const { service } = publishOf(report).times;
    const { p50, p99 } = service;
    if (p50 === null || p99 === null || service.count < 100) return null;
    if (p99 < p50 * TAIL.factor || p99 < TAIL.leastMs) return null;
    return {
      severity: "minor",
      confidence: "medium",
      title: `One answer in a hundred takes ${(p99 / p50).toFixed(0)} times as long as the median`,
      evidence: [
        evidence("publish.times.service.p99", p99, p50),
        evidence("publish.times.service.p999", service.p999),
      ],
      counterEvidence: [
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, p99),
        evidence("generator.scheduleLag.p99", report.generator.scheduleLag.p99, p99),
      ],
      remediation:
        "A client that publishes to several relays or in several parts waits for the slowest. Log in the relay what took longer than ten times the median, with the reason it waited for.",
      labels: ["performance", "tail"],
      cost: (p99 - p50) / 100,
    };
  },
};
