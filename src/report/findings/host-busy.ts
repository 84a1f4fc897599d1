/** Neither relay nor generator had the host to itself: other processes used a good part of it. */
import { leadingOf } from "../class-report.ts";
import { BUSY_HOST, describeOthers } from "../host-use.ts";
import { hostFull, WAITING_MS, WANTED_PERCENT } from "./host-full.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import type { RunView } from "./view.ts";

export const hostBusy: Rule = {
  id: "host-busy",
  of: ["connection"],
  explains: [
    "overload",
    "generator-near-limit",
    "timeouts",
    "queueing",
    "tail",
    "stalls",
    "latency-drift",
    "slow-start",
    "slow-handshake",
    "size-latency",
    "slow-relay",
    "unexplained",
  ],
  find(view) {
    const { report, use, hostCpu, relayCpu, relayWaited } = view;
    if (!use.isTaken || hostFull.find(view) !== null) return null;
    const { name, times, totals } = leadingOf(report);
    const { response, service } = times;
    const failed = (totals.timedOut ?? 0) + (totals.backpressure ?? 0);
    const isWaiting =
      (service.p99 ?? 0) >= WAITING_MS || failed > 0 || report.generator.verdict !== "valid";
    const told = describeOthers(use);
    return {
      severity: isWaiting ? "minor" : "info",
      confidence: "high",
      title: told.charAt(0).toUpperCase() + told.slice(1),
      evidence: [
        evidence("host.cpuPercent", hostCpu, BUSY_HOST * 100),
        evidence("cores that other processes used", use.othersCores, use.cpus),
        evidence("cores that the relay used", use.relayCores, use.cpus),
        evidence("cores that the generator used", use.generatorCores, use.cpus),
      ],
      counterEvidence: [
        evidence("relay.cpuPercent", relayCpu, "near 100 if it is busy itself"),
        evidence("relay.waitedForCpuPercent", relayWaited, "near 0 if it found a processor"),
        evidence(`${name}.times.service.p99`, service.p99, WAITING_MS),
      ],
      remediation:
        "Stop what else runs on this host, or move the test, and measure again: times of this run may be theirs, and say little of the relay or of the generator.",
      labels: ["generator", "cpu"],
      cost: isWaiting ? (response.mean ?? 0) + failureCost(failed, report) : 0,
      ...(hadTimeLeft(view) ? { sparing: ["overload", "timeouts"] } : {}),
    };
  },
};

/** No thread of the relay wanted a processor for most of the time: what it lacked was something else. */
function hadTimeLeft({ relayWanted }: RunView): boolean {
  return relayWanted !== null && relayWanted < WANTED_PERCENT;
}
