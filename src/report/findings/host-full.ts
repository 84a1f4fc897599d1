/** The relay was ready to run and had no processor: others on its host took it, the generator, or a limit. */
import { leadingOf } from "../class-report.ts";
import { BUSY_HOST, describeOthers } from "../host-use.ts";
import { MOST_OF_HOST } from "./meanwhile.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import type { RunView } from "./view.ts";

/** A thread that waits for so much of the time is slower by as much; noise of a calm host is below 5. */
const WAITED_PERCENT = 25;
/** Running and waiting to run, of one thread: below it that has time left, and waits for something else. */
export const WANTED_PERCENT = 80;
/** Below this p99 of service time nobody waits for an answer. */
export const WAITING_MS = 20;

export const hostFull: Rule = {
  id: "host-full",
  of: ["connection"],
  explains: [
    "cpu-bound",
    "overload",
    "generator-near-limit",
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
  find(view) {
    const { report, relayWaited, relayWanted, relayCpu, hostCpu, cpus, use, others } = view;
    if (relayWaited === null || relayCpu === null || relayWaited < WAITED_PERCENT) return null;
    if (relayWanted === null || relayWanted < WANTED_PERCENT) return null;
    const used = (use.usedCores ?? use.cpus) * 100;
    if (relayCpu >= used * MOST_OF_HOST) return null;
    const { name, times, totals } = leadingOf(report);
    const { response, service } = times;
    const { timedOut = 0, backpressure = 0 } = totals;
    const failed = timedOut + backpressure;
    if ((service.p99 ?? 0) < WAITING_MS && failed === 0) return null;
    return {
      severity: "minor",
      confidence: "high",
      title: titleOf(view, relayWaited, relayCpu),
      evidence: [
        evidence("relay.waitedForCpuPercent, of the busiest thread", relayWaited, WAITED_PERCENT),
        evidence("of the same, running and waiting", relayWanted, WANTED_PERCENT),
        evidence("relay.cpuPercent", relayCpu, (cpus ?? 1) * 100),
        evidence("generator's CPU, cores", use.generatorCores, use.cpus),
        evidence("cores that other processes used", others, use.cpus),
        evidence("host.cpuPercent", hostCpu, 100),
      ],
      counterEvidence: [
        evidence("relay's part of what the host used", relayCpu / used, MOST_OF_HOST),
        evidence(`${name}.times.service.p99`, service.p99, WAITING_MS),
      ],
      remediation: remedyOf(view),
      labels: ["generator", "cpu"],
      cost: (response.mean ?? 0) + failureCost(failed, report),
      // Beside the generator alone, the relay is at its limit all the same, if at a lower one.
      ...(use.isOthers ? {} : { sparing: ["overload"] }),
    };
  },
};

function titleOf({ use, others }: RunView, waited: number, relayCpu: number): string {
  const without = `A thread of the relay had no processor for ${waited.toFixed(0)} % of the time`;
  if (others === null || use.usedCores === null) return `${without}: others on its host took it`;
  if (use.isOthers) return `${without}: ${describeOthers(use)}`;
  if (use.usedCores < BUSY_HOST * use.cpus) {
    return `${without}, on a host that was ${((use.usedCores / use.cpus) * 100).toFixed(0)} % busy: it is held to fewer cores`;
  }
  const percent = (cores: number | null) => `${((cores ?? 0) * 100).toFixed(0)} %`;
  return `The relay and the generator share a full host: ${relayCpu.toFixed(0)} % + ${percent(use.generatorCores)} of ${percent(use.usedCores)}`;
}

function remedyOf({ use, others }: RunView): string {
  if (others !== null && !use.isOthers) {
    return use.usedCores !== null && use.usedCores < BUSY_HOST * use.cpus
      ? "Look for a limit on the relay's processor: a quota of its container, or cores that it is bound to."
      : "Give the generator a host of its own: what the relay takes here is a lower bound of what it can take.";
  }
  return "Stop what else runs on this host, or move the test, and measure again before anything is changed in the relay.";
}
