/** The relay was ready to run and had no processor: others on its host took it. */
import { evidence, failureCost, type Rule } from "./rule.ts";
import { mean } from "./view.ts";

/** A thread that waits for so much of the time is slower by as much; noise of a calm host is below 5. */
const WAITED_PERCENT = 25;
/** Running and waiting to run together: below it the thread has time left, and waits for something else. */
const WANTED_PERCENT = 80;
/** With so much of a full host the relay stands in its own way: that is `cpu-bound`. */
const RELAY_SHARE = 0.7;
/** Below this p99 of service time nobody waits for an answer. */
const WAITING_MS = 20;

export const hostFull: Rule = {
  id: "host-full",
  explains: [
    "cpu-bound",
    "timeouts",
    "queueing",
    "tail",
    "stalls",
    "latency-drift",
    "slow-start",
    "size-latency",
    "slow-relay",
    "slow-handshake",
    "fsync-floor",
    "nagle-delay",
  ],
  find({ report, relayWaited, relayCpu, relayThread, hostCpu, cpus, samples }) {
    if (relayWaited === null || relayCpu === null || relayWaited < WAITED_PERCENT) return null;
    if ((relayThread ?? 0) + relayWaited < WANTED_PERCENT) return null;
    const used = (hostCpu ?? 100) * (cpus ?? 1);
    if (relayCpu >= used * RELAY_SHARE) return null;
    const { response, service } = report.latency;
    const { timedOut, unsent } = report.totals;
    const failed = timedOut + unsent.backpressure;
    if ((service.p99 ?? 0) < WAITING_MS && failed === 0) return null;
    const generator = mean(
      samples.filter((s) => s.process === "generator").flatMap((s) => s.cpuPercent ?? []),
    );
    return {
      severity: "minor",
      confidence: "high",
      title: `The relay had no processor for ${relayWaited.toFixed(0)} % of the time: others on its host took it`,
      evidence: [
        evidence("relay.waitedForCpuPercent", relayWaited, WAITED_PERCENT),
        evidence("relay.busiestThreadPercent", relayThread, WANTED_PERCENT - relayWaited),
        evidence("relay.cpuPercent", relayCpu, (cpus ?? 1) * 100),
        evidence("generator.cpuPercent, of one core", generator, (cpus ?? 1) * 100),
        evidence("host.cpuPercent", hostCpu, 100),
      ],
      counterEvidence: [
        evidence("relay's part of what the host used", relayCpu / used, RELAY_SHARE),
        evidence("latency.service.p99", service.p99, WAITING_MS),
      ],
      remediation:
        "Give the generator a host of its own, stop what else runs here, or lower the rate, and measure again before anything is changed in the relay.",
      labels: ["generator", "cpu"],
      cost: (response.mean ?? 0) + failureCost(failed, report),
    };
  },
};
