/** Connections that can't be had, don't last, or take long to open. */

import { counted, formatCount } from "../format.ts";
import type { Evidence, Report, ReportError } from "../types.ts";
import { mostRefusals } from "./handshakes.ts";
import { filesUsedUp, heldConnections, holderOf, isOwnLimit } from "./held.ts";
import { leadOf } from "./lead.ts";
import { countErrors, errorEvidence, evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import type { RunView } from "./view.ts";

/** Handshakes of one host with itself take about a millisecond; elsewhere the way counts too. */
const SLOW_HANDSHAKE_MS = { sameHost: 100, elsewhere: 500 };

/** A Close frame of which k6 hands no code out (k6/lib/connection/connect-error.ts). */
const CODE_UNKNOWN = "code unknown";

type HandshakeParts = NonNullable<NonNullable<Report["handshakes"]>["parts"]>;

const isConnectFailure = (name: string, code: string) => name === "connect" && code !== "guard";
const isLimitError = (name: string, code: string) =>
  isConnectFailure(name, code) || (name === "close" && code !== "unanswered");

export const connectionLimit: Rule = {
  id: "connection-limit",
  of: ["connection"],
  explains: ["dropped-connections", "overload", "queueing", "tail"],
  find(view) {
    const { report, window } = view;
    const { clients } = report.config;
    const { totals: connections } = report.classes.connection;
    const { noConnection } = leadOf(report);
    // Those that lived and were ended later are none that there was no room for.
    const turnedAway = connections.failed + (report.ends?.unproven ?? connections.dropped);
    const held = heldConnections(window);
    if (held === null || held === 0 || held >= clients || turnedAway === 0) return null;
    const refusal = mostRefusals(report);
    if (refusal?.status === 429 || isOtherwiseExplained(report)) return null;
    const files = filesUsedUp(report);
    return {
      severity: "major",
      confidence: "high",
      title: `${holderOf(report)} holds ${counted(held, "connection")} of ${clients}: it ${files === null ? howTurnedAway(report) : `has no open files left for more, ${formatCount(files.most)} of ${formatCount(files.limit)}`}`,
      evidence: [
        ...(files === null ? [] : [evidence("relay.openFiles", files.most, files.limit)]),
        evidence("series.connectionsProven", held, clients),
        evidence("connection.totals.failed", connections.failed, 0),
        evidence("ends.unproven", report.ends?.unproven ?? null, 0),
        ...errorEvidence(report, isLimitError),
        // A relay may say why before it closes.
        ...errorEvidence(report, (name) => name === "notice"),
      ],
      counterEvidence: [
        evidence("errors.connect/files", countErrors(report, isOwnLimit), "own open files: 0"),
        evidence("relay.cpuPercent", view.relayCpu, 80),
      ],
      remediation: `Raise the relay's limit on connections (in all, and for one address), its limit on open files (\`ulimit -n\`), and those of a proxy before it${
        refusal === null
          ? "; if the limit is meant, refuse the handshake with 429 or 503: a connection that is accepted and ended looks like a fault, and clients come back at once"
          : ""
      }.`,
      labels: ["configuration", "connections"],
      cost: failureCost(noConnection, report) + (1 - held / clients) * 100,
    };
  },
};

const CLOSED_HOW: Readonly<Record<string, string>> = {
  "no close frame": "without a Close frame",
  [CODE_UNKNOWN]: "with a Close frame",
};

/** By the most frequent of the ways; what k6 lost the code of tells least. */
function howTurnedAway(report: Report): string {
  const refusal = mostRefusals(report);
  const isKnown = ({ code }: ReportError) => Number(code !== CODE_UNKNOWN);
  const [first] = report.errors
    .filter((error) => isLimitError(error.class, error.code))
    .sort((a, b) => isKnown(b) - isKnown(a) || b.count - a.count);
  if (first?.class === "close")
    return `accepts and closes ${CLOSED_HOW[first.code] ?? `with ${first.code}`}`;
  if (refusal !== null) return `answers ${refusal.status} to the rest`;
  return first?.code === "handshake" ? "refuses the handshake of the rest" : "takes no more";
}

/** A host that refuses has nobody who listens, and a generator without files or ports its own limit. */
function isOtherwiseExplained(report: Report): boolean {
  const other = countErrors(
    report,
    (name, code) => isOwnLimit(name, code) || (name === "connect" && code === "refused"),
  );
  return other * 2 > countErrors(report, isLimitError);
}

export const droppedConnections: Rule = {
  id: "dropped-connections",
  of: ["connection"],
  explains: [],
  find({ report }) {
    const { totals: connections } = report.classes.connection;
    const { name, lost, noConnection } = leadOf(report);
    if (connections.dropped === 0) return null;
    const affected = lost + noConnection;
    return {
      severity: shareOf(affected, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `The relay ended ${counted(connections.dropped, "connection")}`,
      evidence: [
        evidence("connection.totals.dropped", connections.dropped, 0),
        evidence(`${name}.totals.lost`, lost, 0),
        ...errorEvidence(report, (name) => name === "close"),
      ],
      counterEvidence: [
        evidence("connection.totals.reconnected", connections.reconnected, connections.dropped),
        evidence("frames.malformed", report.frames.malformed, 0),
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
  of: ["connection"],
  explains: [],
  find(view: RunView) {
    const { report, relayCpu } = view;
    const lead = leadOf(report);
    const { rows } = report.classes.connection;
    const { sameHost } = report.run;
    const bound = sameHost === false ? SLOW_HANDSHAKE_MS.elsewhere : SLOW_HANDSHAKE_MS.sameHost;
    const slowest = slowestPhase(report);
    const { p50, p99, count } = slowest.times;
    if (p50 === null || count < 5 || p50 < bound) return null;
    const parts = report.handshakes?.parts;
    const part = parts === undefined ? null : longestPart(parts, p50);
    const others = Object.entries(rows).flatMap(([name, row]) =>
      name === slowest.phase || row.times.connect.count === 0
        ? []
        : [evidence(`connection.rows.${name}.times.connect.p50`, row.times.connect.p50, bound)],
    );
    return {
      severity: p50 >= 1_000 ? "major" : "minor",
      confidence: count >= 20 ? "high" : "medium",
      title: `Opening a connection takes ${p50.toFixed(0)} ms${PHASES[slowest.phase ?? ""] ?? ""}${part === null ? "" : `, most of it ${part.words}`}`,
      evidence: [
        evidence(`connection.${slowest.name}.connect.p50`, p50, bound),
        evidence(`connection.${slowest.name}.connect.p99`, p99),
        ...(part === null ? [] : partsEvidence(parts)),
      ],
      counterEvidence: [
        ...others,
        // Those of the command line's own, which came when k6's did or behind them.
        ...(part === null ? partsEvidence(parts) : []),
        evidence("config.connectConcurrency", report.config.connectConcurrency, "lower to compare"),
        evidence("relay.cpuPercent", relayCpu, 80),
        evidence(`${lead.name}.times.service.p50`, lead.times.service.p50, p50),
      ],
      remediation:
        part?.remediation ??
        "Take connections on a thread that does nothing slow, with a longer accept backlog; look for name or address look-ups, TLS without session resumption, and compression set up for each connection.",
      labels: ["connections", "performance"],
      cost: (p50 * count) / Math.max(1, lead.due),
    };
  },
};

const PARTS = {
  tcp: {
    words: "until TCP connects",
    remediation:
      "The relay's kernel or the network has these connections wait, before the relay sees them: accept on a thread that does nothing slow, give `listen` a longer backlog (the kernel takes the lesser of it and `net.core.somaxconn`), and see the way to it for loss.",
  },
  tls: {
    words: "in TLS",
    remediation:
      "Whoever ends TLS is short of processor time or of sessions: let clients resume (tickets, TLS 1.3), use a certificate with an ECDSA key, which is signed with at a fraction of RSA's cost, and spread the handshakes over threads.",
  },
  upgrade: {
    words: "until the upgrade is answered",
    remediation:
      "The connection stands at once, and its request waits: answer upgrades on a thread that does nothing slow, look for name or address look-ups and for compression set up for each connection; of a proxy, how long it takes to reach the relay behind it.",
  },
} as const;

/** What the command line's own handshakes spent most of their time on; `null` unless they were slow too, by half at least. */
function longestPart({ tcp, tls, upgrade }: HandshakeParts, p50: number) {
  const all = tcp + (tls ?? 0) + upgrade;
  if (all < p50 / 2) return null;
  const longest = (["tcp", "tls", "upgrade"] as const).find(
    (name) => ({ tcp, tls: tls ?? 0, upgrade })[name] > all / 2,
  );
  return longest === undefined ? null : PARTS[longest];
}

function partsEvidence(parts: HandshakeParts | undefined): readonly Evidence[] {
  if (parts === undefined) return [];
  const { tcp, tls, upgrade, count } = parts;
  const times = { tcp, ...(tls === null ? {} : { tls }), upgrade };
  return Object.entries(times).map(([name, ms]) =>
    evidence(`handshakes.parts.${name}`, ms, counted(count, "handshake")),
  );
}

/** Where one phase of a run is slow and another is not; one alone needs no name. */
const PHASES: Readonly<Record<string, string>> = {
  ramp: " as clients first come",
  churn: " as sessions follow each other",
  recovery: " as clients come back",
};

/** The handshakes of all, or of the phase with the longest ones where a run has several. */
function slowestPhase({ classes }: Report) {
  const { rows, times } = classes.connection;
  const phases = Object.entries(rows).filter(([, row]) => row.times.connect.count >= 5);
  const [first] = phases.sort(
    ([, a], [, b]) => (b.times.connect.p50 ?? 0) - (a.times.connect.p50 ?? 0),
  );
  if (first === undefined || phases.length < 2) {
    return { phase: null, name: "times", times: times.connect };
  }
  const [phase, row] = first;
  return { phase, name: `rows.${phase}.times`, times: row.times.connect };
}
