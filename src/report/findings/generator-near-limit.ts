/** The run may be believed with care: what of that is the generator's. */
import { evidence, type Rule } from "./rule.ts";

export const generatorNearLimit: Rule = {
  id: "generator-near-limit",
  explains: [],
  find({ report }) {
    const { verdict, signals } = report.generator;
    const suspects = signals.filter((s) => s.state === "suspect");
    if (verdict !== "suspect" || suspects.length === 0) return null;
    return {
      severity: "info",
      confidence: "high",
      title: "The generator was near its own limit, or the run was cut short",
      evidence: suspects.map((s) => evidence(`generator.${s.id}`, s.value, s.suspectAbove)),
      counterEvidence: signals
        .filter((s) => s.state === "valid" && s.suspectAbove !== null)
        .slice(0, 4)
        .map((s) => evidence(`generator.${s.id}`, s.value, s.suspectAbove)),
      remediation:
        "Take the other findings with care. Lower the rate, or give the generator more cores or a host of its own, and measure again.",
      labels: ["generator"],
      cost: 0,
    };
  },
};
