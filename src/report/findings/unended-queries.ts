/** Queries that got no EOSE, and answers that came when a client has long gone on without them. */
import { publishOf, queryOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { errorEvidence, evidence, failureCost, type Rule } from "./rule.ts";
import { percent } from "./words.ts";

const MOST_UNENDED = 0.01;
const MANY = 0.05;
const MOST_LATE = 0.01;
/** The patience of nostr-tools. */
const PATIENCE = "4.4 s";

/** What is never answered looks like a backlog, where the others are answered in time. */
const OF_BACKLOG = ["overload", "queueing", "tail", "latency-drift"];

export const noEose: Rule = {
  id: "no-eose",
  of: ["query"],
  explains: ["slow-queries", "late-answers", ...OF_BACKLOG],
  find({ report }) {
    const { scheduled, sent, timedOut, closed, lost } = queryOf(report).totals;
    const share = scheduled === 0 ? 0 : timedOut / scheduled;
    if (timedOut === 0 || share < MOST_UNENDED) return null;
    const { service } = queryOf(report).times;
    const { ackTimeoutMs } = report.config;
    const fromSec = firstSentSec(report);
    const shapes = Object.entries(queryOf(report).rows)
      .filter(([, { totals }]) => totals.timedOut > 0)
      .sort(([, a], [, b]) => b.totals.timedOut - a.totals.timedOut);
    const [worst] = shapes;
    const isOne = shapes.length === 1 && Object.keys(queryOf(report).rows).length > 1;
    const isSlow = (service.p99 ?? 0) >= ackTimeoutMs / 4;
    const whose = isOne && worst !== undefined ? ` (all \`${worst[0]}\`)` : "";
    return {
      severity: share >= MANY ? "major" : "minor",
      confidence: timedOut < 10 || isSlow ? "medium" : "high",
      title: `${percent(share)} of the queries got no EOSE in ${ackTimeoutMs / 1_000} s${whose}${fromSec === null ? "" : `, from ${fromSec.toFixed(1)} s on`}`,
      evidence: [
        evidence("query.totals.timedOut", timedOut, 0),
        ...shapes
          .slice(0, 3)
          .map(([name, { totals }]) =>
            evidence(`query.rows.${name}.totals.timedOut`, totals.timedOut, totals.sent),
          ),
        evidence("without EOSE by fifths of the window", byFifths(report).join(", ")),
        ...errorEvidence(report, (errorClass) => errorClass === "notice"),
      ],
      counterEvidence: [
        evidence("query.times.service.p99", service.p99, `near ${ackTimeoutMs} if it is slow only`),
        evidence("query.totals.lost, with their connection", lost, timedOut),
        evidence("query.totals.closed", closed, sent),
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, ackTimeoutMs),
        ...(report.classes.publish === undefined
          ? []
          : [
              evidence(
                "publish.totals.timedOut, of publishes",
                publishOf(report).totals.timedOut,
                "high if all is late",
              ),
            ]),
      ],
      remediation:
        "End each REQ with EOSE, or with CLOSED and its reason: a client that gets neither waits. Look for a reader that gives up without a word, a bounded queue of a connection that drops what does not fit, and answers that are cut off behind a client that reads slowly.",
      labels: ["queries", "protocol", "reliability"],
      sparing: isSlow || leadOf(report).name !== "query" ? OF_BACKLOG : [],
      cost: failureCost(timedOut, report),
    };
  },
};

export const lateAnswers: Rule = {
  id: "late-answers",
  of: ["query"],
  explains: ["slow-queries", "tail"],
  find({ report, relayCpu }) {
    const { eose, late } = queryOf(report).totals;
    if (late === 0 || late < eose * MOST_LATE) return null;
    const { service } = queryOf(report).times;
    return {
      severity: "major",
      confidence: late >= 10 ? "high" : "medium",
      title: `${percent(late / eose)} of the answers came later than ${PATIENCE}: clients have gone on without them`,
      evidence: [
        evidence("query.totals.late", late, eose),
        evidence("query.times.service.p50", service.p50),
        evidence("query.times.service.p99", service.p99, 4_400),
      ],
      counterEvidence: [
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, service.p99),
        evidence("relay.cpuPercent", relayCpu, "about 100 if it computes"),
        evidence("query.times.firstEvent.p50", queryOf(report).times.firstEvent.p50, service.p50),
      ],
      remediation: `nostr-tools takes what has come after ${PATIENCE} for the whole answer, so that late rows are lost to its users, and the relay's work with them. Bound the time of a query in the relay, send what there is and then EOSE, and say \`more\` (NIP-67).`,
      labels: ["queries", "performance"],
      cost: failureCost(late, report),
    };
  },
};

/** When the first of those that got none was sent, seconds into the window; `null` where it was at once. */
function firstSentSec(report: Report): number | null {
  const point = queryOf(report).series.find(({ counts }) => counts.timedOut > 0);
  const sentSec = (point?.t ?? 0) - report.config.ackTimeoutMs / 1_000;
  // In the first tenth it is from the start on.
  return sentSec <= report.run.durationSec / 10 ? null : sentSec;
}

/** By when they were sent. */
function byFifths(report: Report): readonly number[] {
  const { durationSec } = report.run;
  const counts = [0, 0, 0, 0, 0];
  for (const { t, counts: of } of queryOf(report).series) {
    const sentSec = t - report.config.ackTimeoutMs / 1_000;
    const fifth = Math.min(4, Math.max(0, Math.floor((sentSec / durationSec) * 5)));
    counts[fifth] = (counts[fifth] ?? 0) + of.timedOut;
  }
  return counts;
}
