/** The generator was late or busy, if not so much that the run is invalid: times may be its own. */
import { formatCount } from "../format.ts";
import type { Report, Signal } from "../types.ts";
import { evidence, type Rule } from "./rule.ts";

/** Signals that lengthen the times of a report. */
const LATENESS = new Set([
  "scheduleLag",
  "loopLag",
  "generatorCpu",
  "hostCpu",
  "ceilingShare",
  "receiveShare",
]);

export const generatorNearLimit: Rule = {
  id: "generator-near-limit",
  of: ["connection"],
  explains: [
    "stalls",
    "tail",
    "queueing",
    "latency-drift",
    "slow-start",
    "size-latency",
    "fsync-floor",
    "group-commit",
    "nagle-delay",
    "slow-handshake",
  ],
  find({ report, use }) {
    // What others took is not the generator's doing.
    if (use.isTaken) return null;
    const { verdict, signals } = report.generator;
    const late = signals.filter((s) => s.state === "suspect" && LATENESS.has(s.id));
    if (verdict !== "suspect" || late.length === 0) return null;
    return {
      severity: "minor",
      confidence: "high",
      title: titleOf(report, late),
      evidence: late.map((s) => evidence(`generator.${s.id}`, s.value, s.suspectAbove)),
      counterEvidence: signals
        .filter((s) => s.state === "valid" && s.suspectAbove !== null && LATENESS.has(s.id))
        .map((s) => evidence(`generator.${s.id}`, s.value, s.suspectAbove)),
      remediation: `Lower the rate${isConnect(report) ? " (`--connect-rate`)" : ""}, or give the generator more cores or a host of its own, and measure again before anything is changed in the relay.`,
      labels: ["generator"],
      cost: report.generator.scheduleLag.p99 ?? 0,
    };
  },
};

function isConnect({ config }: Report): boolean {
  return config.connect !== undefined;
}

/** A connection that was dialled late is no less open, usable and held: only what is told from when it was due has it. */
function titleOf(report: Report, late: readonly Signal[]): string {
  if (!isConnect(report) || late.some(({ id }) => id !== "scheduleLag"))
    return "The generator was near its own limit: times may be its own and not the relay's";
  const { opened, due, asked, usable } = report.classes.connection.totals;
  const held =
    asked === 0 ? "" : ` and ${formatCount(usable)} of ${formatCount(asked)} were usable`;
  return `The generator dialled late, which is in the times from when a connection was due; that ${formatCount(opened)} of ${formatCount(due)} opened${held} stands`;
}
