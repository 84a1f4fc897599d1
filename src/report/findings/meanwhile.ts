/** What the relay and its host did while the run went on, for findings that say what was slow. */
import { formatBytes } from "../format.ts";
import { BUSY_HOST, describeOthers } from "../host-use.ts";
import type { Evidence } from "../types.ts";
import { evidence } from "./rule.ts";
import { mean, type RunView } from "./view.ts";

/** A thread that has so much of a core is at its limit on a host that it shares. */
export const BUSY_PERCENT = 80;

/** With so much of what a busy host gave, the relay stands in its own way. */
export const MOST_OF_HOST = 0.7;

/** Means, as evidence; `null` for what was not measured. */
export function meanwhileEvidence(view: RunView): readonly Evidence[] {
  const { relayCpu, relayThread, cpus, hostCpu, others, use } = view;
  return [
    evidence("relay.cpuPercent, of one core", relayCpu, (cpus ?? 1) * 100),
    evidence("relay.busiestThreadPercent", relayThread, 100),
    evidence("relay.diskWriteBytesPerSec", writtenBy(view)),
    evidence("host.cpuPercent", hostCpu, 100),
    evidence("cores that other processes used", others, use.cpus),
  ];
}

/** One sentence. */
export function meanwhileText(view: RunView): string {
  const { relayCpu, relayThread, hostCpu, use } = view;
  if (relayCpu === null) {
    return "What the relay did meanwhile was not measured: give `--relay-pid` or `--relay-metrics`.";
  }
  const thread = relayThread === null ? "" : ` (its busiest thread ${relayThread.toFixed(0)} %)`;
  const written = writtenBy(view);
  const disk = written === null ? "" : `, wrote ${formatBytes(written)}/s to disk`;
  const host = hostCpu === null ? "" : `; its host was ${hostCpu.toFixed(0)} % busy`;
  const others = use.isTaken ? `, and ${describeOthers(use)}` : "";
  return `Meanwhile the relay used ${relayCpu.toFixed(0)} % of one core${thread}${disk}${host}${others}.`;
}

/** Whether the relay was out of processor; `null` where nobody looked. */
export function isOutOfProcessor(view: RunView): boolean | null {
  const { relayCpu, relayThread } = view;
  if (relayCpu === null) return null;
  return (relayThread ?? relayCpu) >= BUSY_PERCENT || hasMostOfHost(view);
}

/** A relay of many threads beside the generator: its host is full, and most of it is the relay's. */
export function hasMostOfHost({ report, use }: RunView): boolean {
  return (
    report.run.sameHost === true &&
    use.usedCores !== null &&
    use.usedCores >= BUSY_HOST * use.cpus &&
    (use.relayCores ?? 0) >= MOST_OF_HOST * use.usedCores
  );
}

/** A mapped store counts pages that it changed: no process wrote more than its host. */
function writtenBy({ samples, report }: RunView): number | null {
  const of = (process: "relay" | "host") =>
    mean(samples.flatMap((s) => (s.process === process ? (s.diskWriteBytesPerSec ?? []) : [])));
  const [relay, host] = [of("relay"), of("host")];
  if (relay === null || host === null || report.run.sameHost !== true) return relay;
  return Math.min(relay, host);
}
