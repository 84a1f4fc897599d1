/** Of several relays under the same load one takes longer. */
import { publishOf } from "../class-report.ts";
import { evidence, type Rule } from "./rule.ts";
import { median } from "./view.ts";

const FACTOR = 2;
const LEAST_MS = 5;

export const slowRelay: Rule = {
  id: "slow-relay",
  explains: ["tail", "overload", "queueing", "stalls", "size-latency"],
  find({ report }) {
    const known = publishOf(report).byRelay.flatMap(({ relay, service }) =>
      service.p50 === null ? [] : [{ relay, p50: service.p50, p99: service.p99, n: service.count }],
    );
    const slowest = [...known].sort((a, b) => b.p50 - a.p50)[0];
    const others = known.filter((r) => r !== slowest);
    const usual = median(others.map((r) => r.p50));
    if (!slowest || usual === null) return null;
    if (slowest.p50 < usual * FACTOR || slowest.p50 - usual < LEAST_MS) return null;
    return {
      severity: slowest.p50 - usual >= 50 ? "major" : "minor",
      confidence: "high",
      title: `${slowest.relay} takes ${slowest.p50.toFixed(1)} ms where the others take ${usual.toFixed(1)}`,
      evidence: known.map((r) => evidence(`${r.relay} service p50`, r.p50, usual)),
      counterEvidence: [
        evidence(`${slowest.relay} answers`, slowest.n, others[0]?.n ?? null),
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, "the same for all"),
      ],
      remediation:
        "Compare version, configuration, storage and stored events of this relay with the others', and the way to it; then load it alone.",
      labels: ["performance"],
      cost: ((slowest.p50 - usual) * slowest.n) / Math.max(1, publishOf(report).totals.scheduled),
    };
  },
};
