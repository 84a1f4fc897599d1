/** More is asked for than is answered; and times of which a few are far above the most. */
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";

/** Places on the connections taken on average: from here on new events wait for one. */
const FULL = 0.8;
const TAIL = { factor: 10, leastMs: 50 };

export const queueing: Rule = {
  id: "queueing",
  explains: ["tail", "latency-drift"],
  find({ report, relayCpu }) {
    const { config, totals, generator, latency, throughput } = report;
    const places = config.clients * config.maxInFlight;
    const inFlight = generator.inFlight.mean ?? generator.inFlight.littlesLaw ?? 0;
    const { backpressure } = totals.unsent;
    const waitedMs = (latency.response.mean ?? 0) - (latency.service.mean ?? 0);
    const isFull = inFlight >= places * FULL || backpressure > 0;
    if (!isFull || (backpressure === 0 && waitedMs < 10)) return null;
    return {
      severity: shareOf(backpressure, report) >= 0.01 ? "major" : "minor",
      confidence: relayCpu === null ? "medium" : "high",
      title: `Events queue: ${throughput.attemptedEps.toFixed(0)} of ${config.rateEps} events/s could be sent`,
      evidence: [
        evidence("generator.inFlight.mean", inFlight, places),
        evidence("totals.unsent.backpressure", backpressure, 0),
        evidence("response − service time, mean ms", waitedMs, 10),
      ],
      counterEvidence: [
        evidence(
          "generator.scheduleLag.p99",
          generator.scheduleLag.p99,
          "high if it is the generator",
        ),
        evidence("in flight by Little's law", generator.inFlight.littlesLaw, inFlight),
        evidence("relay.cpuPercent", relayCpu, 80),
      ],
      remediation:
        "The rate is above what the relay answers at this concurrency. Find what each event waits for (processor, store, lock), or give more connections and places (--clients, --max-in-flight) if your clients have them.",
      labels: ["performance", "capacity"],
      cost: waitedMs + failureCost(backpressure, report),
    };
  },
};

export const tail: Rule = {
  id: "tail",
  explains: [],
  find({ report }) {
    const { service } = report.latency;
    const { p50, p99 } = service;
    if (p50 === null || p99 === null || service.count < 100) return null;
    if (p99 < p50 * TAIL.factor || p99 < TAIL.leastMs) return null;
    return {
      severity: "minor",
      confidence: "medium",
      title: `One answer in a hundred takes ${(p99 / p50).toFixed(0)} times as long as the median`,
      evidence: [
        evidence("latency.service.p99", p99, p50),
        evidence("latency.service.p999", service.p999),
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
