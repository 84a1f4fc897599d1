/** The relay's processor time is used up: one core of it, all, or all that its host had for it. */
import { leadingOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { BUSY_PERCENT, hasMostOfHost } from "./meanwhile.ts";
import { evidence, type Rule } from "./rule.ts";
import type { RunView } from "./view.ts";

/** What one busy thread and its helpers use together at most, where threads were not looked at. */
const ONE_CORE_PERCENT = 125;
/** Below this p99 of service time nobody waits for the processor. */
const WAITING_MS = 20;

export const cpuBound: Rule = {
  id: "cpu-bound",
  of: ["connection"],
  explains: ["queueing", "tail", "latency-drift", "slow-start", "timeouts", "fsync-floor"],
  find(view) {
    const { relayCpu, relayThread, cpus, report } = view;
    if (relayCpu === null || relayCpu < BUSY_PERCENT) return null;
    const isAll = cpus !== null && relayCpu >= BUSY_PERCENT * cpus;
    const isMost = hasMostOfHost(view) && relayCpu > ONE_CORE_PERCENT;
    if (!isAll && !isMost && !isOneCore(view, relayCpu)) return null;
    const { response, service } = leadingOf(report).times;
    const isWaiting =
      (service.p99 ?? 0) >= WAITING_MS || (leadingOf(report).totals.backpressure ?? 0) > 0;
    const isMany = isAll || isMost;
    const boundBy = isAll
      ? "all cores"
      : isMost
        ? `what its host has: it used ${relayCpu.toFixed(0)} % of the ${((view.use.usedCores ?? 0) * 100).toFixed(0)} % in use`
        : "one core";
    const hot = report.profile?.functions[0];
    return {
      severity: isWaiting ? "major" : "info",
      confidence: isWaiting && (isAll || isMost || relayThread !== null) ? "high" : "medium",
      title: `The relay is bound by ${boundBy}`,
      evidence: [
        evidence("relay.cpuPercent", relayCpu, isMany ? (cpus ?? 1) * 100 : 100),
        evidence("relay.busiestThreadPercent", relayThread, 100),
        evidence(`${leadingOf(report).name}.times.service.p99`, service.p99, WAITING_MS),
        ...(hot ? [evidence("profile.functions[0]", hot.name, `${hot.selfPercent} %`)] : []),
      ],
      counterEvidence: counterEvidence(view),
      remediation: `${remedy(isMany, leadOf(report).words.one, cpus)}${hot ? ` Begin with \`${hot.name}\`.` : " A profile (--profile, --pprof, --profile-file) names the functions."}`,
      labels: ["performance", "cpu", ...securityLabels(report)],
      // What could not be sent goes to the account of the overload.
      cost: isWaiting ? (response.mean ?? 0) : 0,
    };
  },
};

/** Several threads at a part of a core each, or several relays, are no core that is used up. */
function isOneCore({ relayThread, report }: RunView, relayCpu: number): boolean {
  if (relayThread !== null) return relayThread >= BUSY_PERCENT;
  return report.config.relays.length === 1 && relayCpu <= ONE_CORE_PERCENT;
}

function counterEvidence({ report, hostCpu }: RunView) {
  const io = (report.resources?.samples ?? []).flatMap((s) => s.pressure?.io ?? []);
  return [
    evidence("host.cpuPercent", hostCpu, 100),
    evidence("generator.cpuPercent", report.generator.cpuPercent.generator, "shares the host"),
    evidence("host.pressure.io", io.length === 0 ? null : Math.max(...io), "high if storage waits"),
  ];
}

function remedy(isAll: boolean, one: string, cpus: number | null): string {
  const less =
    one === "query"
      ? "an index for its filter, rows written as they are stored"
      : "parse once, avoid copies, check cheap things first";
  if (isAll || cpus === 1) return `Do less for each ${one}: ${less}.`;
  return one === "query"
    ? `Use more than one core: read in several threads; then do less for each query: ${less}.`
    : "Use more than one core: parse and verify in worker threads, write in one; then do less for each event.";
}

/** Checking signatures may be moved and batched; how it is done is not ours to advise on. */
function securityLabels({ profile }: Report): readonly string[] {
  const top = profile?.functions.slice(0, 3) ?? [];
  const isCrypto = top.some(({ name }) => /verif|schnorr|secp256|ecmult|signature/i.test(name));
  return isCrypto ? ["requires-security-review"] : [];
}
