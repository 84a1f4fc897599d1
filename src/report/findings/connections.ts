/** Connections that can't be had, don't last, or take long to open. */

import type { Report } from "../types.ts";
import { countErrors, errorEvidence, evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import type { RunView } from "./view.ts";

/** A plateau: so many of the slices within this share of the most connections. */
const PLATEAU = { slices: 0.8, within: 0.03 };
/** Handshakes of one host with itself take about a millisecond; elsewhere the way counts too. */
const SLOW_HANDSHAKE_MS = { sameHost: 100, elsewhere: 500 };

const isConnectFailure = (name: string, code: string) => name === "connect" && code !== "guard";
const isLimitError = (name: string, code: string) =>
  isConnectFailure(name, code) || (name === "close" && code !== "unanswered");

export const connectionLimit: Rule = {
  id: "connection-limit",
  explains: ["dropped-connections", "queueing", "tail"],
  find(view) {
    const { report, window } = view;
    const { clients } = report.config;
    const { connections, unsent } = report.totals;
    const most = Math.max(0, ...window.map((point) => point.connectionsOpen));
    if (most >= clients || connections.failed + connections.dropped === 0) return null;
    const near = window.filter((p) => p.connectionsOpen >= most * (1 - PLATEAU.within));
    if (most === 0 || near.length < window.length * PLATEAU.slices) return null;
    if (isOtherwiseExplained(report)) return null;
    return {
      severity: "major",
      confidence: "high",
      title: `The relay holds ${most} connections of ${clients}`,
      evidence: [
        evidence("throughput.series.connectionsOpen", most, clients),
        evidence("totals.connections.failed", connections.failed, 0),
        ...errorEvidence(report, isLimitError),
      ],
      counterEvidence: [
        evidence("errors.connect/files", countErrors(report, isOwnLimit), "own open files: 0"),
        evidence("relay.cpuPercent", view.relayCpu, 80),
      ],
      remediation:
        "Raise the relay's limit on connections (in all, and for one address), its limit on open files (`ulimit -n`), and those of a proxy before it; or answer 429 or 503 with a reason if the limit is meant.",
      labels: ["configuration", "connections"],
      cost: failureCost(unsent.noConnection, report) + (1 - most / clients) * 100,
    };
  },
};

/** A host that refuses has nobody who listens, and a generator without files or ports its own limit. */
function isOtherwiseExplained(report: Report): boolean {
  const other = countErrors(
    report,
    (name, code) => isOwnLimit(name, code) || (name === "connect" && code === "refused"),
  );
  return other * 2 > countErrors(report, isLimitError);
}

const isOwnLimit = (name: string, code: string) =>
  name === "connect" && (code === "files" || code === "ports");

export const droppedConnections: Rule = {
  id: "dropped-connections",
  explains: [],
  find({ report }) {
    const { connections, lost, unsent } = report.totals;
    if (connections.dropped === 0) return null;
    const affected = lost + unsent.noConnection;
    return {
      severity: shareOf(affected, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `The relay ended ${connections.dropped} connections`,
      evidence: [
        evidence("totals.connections.dropped", connections.dropped, 0),
        evidence("totals.lost", lost, 0),
        ...errorEvidence(report, (name) => name === "close"),
      ],
      counterEvidence: [
        evidence("totals.connections.reconnected", connections.reconnected, connections.dropped),
        evidence("totals.malformedFrames", report.totals.malformedFrames, 0),
      ],
      remediation:
        "The close codes say why: 1008 and 4000 and above are a policy, 1009 a size limit, 1011 a fault of the relay, no Close frame a crash or a proxy. See the relay's log at the time of the first one.",
      labels: ["connections", "reliability"],
      cost: failureCost(affected, report),
    };
  },
};

export const slowHandshake: Rule = {
  id: "slow-handshake",
  explains: [],
  find(view: RunView) {
    const { report, relayCpu } = view;
    const { connect } = report.latency;
    const { sameHost } = report.run;
    const bound = sameHost === false ? SLOW_HANDSHAKE_MS.elsewhere : SLOW_HANDSHAKE_MS.sameHost;
    if (connect.p50 === null || connect.count < 5 || connect.p50 < bound) return null;
    return {
      severity: connect.p50 >= 1_000 ? "major" : "minor",
      confidence: connect.count >= 20 ? "high" : "medium",
      title: `Opening a connection takes ${connect.p50.toFixed(0)} ms`,
      evidence: [
        evidence("latency.connect.p50", connect.p50, bound),
        evidence("latency.connect.p99", connect.p99),
      ],
      counterEvidence: [
        evidence("config.connectConcurrency", report.config.connectConcurrency, "lower to compare"),
        evidence("relay.cpuPercent", relayCpu, 80),
        evidence("latency.service.p50", report.latency.service.p50, connect.p50),
      ],
      remediation:
        "Take connections on a thread that does nothing slow, with a longer accept backlog; look for name or address look-ups, TLS without session resumption, and compression set up for each connection.",
      labels: ["connections", "performance"],
      cost: (connect.p50 * connect.count) / Math.max(1, report.totals.scheduled),
    };
  },
};
