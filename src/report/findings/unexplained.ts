/**
 * A threshold was crossed and no other finding says why: then this one says at least what was slow, what the
 * relay did meanwhile, what was not measured, and what to vary.
 */
import { RESOURCE_METRICS } from "../../measure/resource-metrics.ts";
import { publishOf, queryOf } from "../class-report.ts";
import { formatBytes, formatMs } from "../format.ts";
import type { Evidence, Finding, Report, ThresholdResult } from "../types.ts";
import { leadOf } from "./lead.ts";
import { meanwhileEvidence, meanwhileText } from "./meanwhile.ts";
import { refusals } from "./refusals.ts";
import { evidence, type Rule } from "./rule.ts";
import { partMedians, type RunView } from "./view.ts";

/** Findings that say nothing of why answers take long. */
const NOT_OF_TIME: readonly string[] = [
  "duplicates",
  "addressable-contention",
  "protocol-faults",
  ...refusals.map(({ id }) => id),
  "lost-after-ok",
  "memory-growth",
  "connection-memory",
  "slow-handshake",
  ...["wrong-counts", "unannounced-cap", "sent-behind-eose", "duplicate-rows"],
];
/** An info explains a threshold when so much of the mean response goes to its account. */
const SHARE_OF_MEAN = 0.25;

const OF_RESOURCES =
  " It was asked for what the load takes, not for answers: a lower load takes less, and is what there is room for.";

export const unexplained: Rule = {
  id: "unexplained",
  of: ["connection"],
  explains: [],
  find(view) {
    const { report } = view;
    const crossed = report.thresholds.filter(({ ok }) => ok === false);
    const [first] = crossed;
    if (first === undefined) return null;
    const named = crossed.find(({ metric }) => !(metric in RESOURCE_METRICS)) ?? first;
    // Where only what the load may take was asked for, there is nothing else that it would have to come from.
    const isOfAnswers = !(named.metric in RESOURCE_METRICS);
    const { generator } = report;
    const { response, service } = leadOf(report).times;
    return {
      severity: "major",
      confidence: "low",
      title: isOfAnswers ? `${nameOf(named)}, and no rule of this tool explains it` : nameOf(named),
      evidence: [
        ...crossed.map((t) => evidence(`${t.metric}: ${t.expression}`, t.value)),
        evidence("service time, mean ms", service.mean, response.mean),
        evidence("response p50 by fifths, ms", fifths(view)),
        ...slowestType(view),
        ...meanwhileEvidence(view),
      ],
      counterEvidence: [
        evidence("generator.scheduleLag.p99", generator.scheduleLag.p99, response.p99),
        evidence("generator.loopLag.p99", generator.loopLag.p99, response.p99),
        ...(report.resources?.notMeasured ?? []).map(({ what, why }) => evidence(what, null, why)),
      ],
      remediation: `${meanwhileText(view)}${isOfLead(named, report) ? whereOf(view) : ""}${isOfAnswers ? "" : OF_RESOURCES} Vary one thing at a time and compare: a tenth of the clients, half of the rate, ${leadOf(report).name === "query" ? "one shape (`--query-mix`)" : "one type of event (`--mix`)"}, an empty store; \`--profile\` names functions.`,
      labels: ["performance", "unexplained"],
      cost: response.mean ?? 0,
    };
  },
};

/** Whether others of the findings say why thresholds were crossed. */
export function isExplained(
  found: readonly Pick<Finding, "id" | "severity" | "confidence" | "cost">[],
  { report }: RunView,
): boolean {
  const crossed = report.thresholds.filter(({ ok }) => ok === false);
  return crossed.every((threshold) => {
    const isTime = /_time|_completion/.test(threshold.metric);
    const isConnect = /^nostr_(?:connect|usable)_time/.test(threshold.metric);
    return found.some(({ id, severity, confidence, cost }) => {
      if (confidence === "low") return false;
      if (isConnect && id === "slow-handshake") return true;
      if (isTime && NOT_OF_TIME.includes(id)) return false;
      // A tail is what the highest percentiles say, and no more.
      if (id === "tail") return isTime && isHigh(threshold);
      return (
        severity !== "info" || cost >= SHARE_OF_MEAN * (leadOf(report).times.response.mean ?? 0)
      );
    });
  });
}

function isHigh({ expression }: ThresholdResult): boolean {
  return /p\(99|max/.test(expression);
}

function isOfLead({ metric }: ThresholdResult, report: Report): boolean {
  return metric.startsWith(`nostr_${leadOf(report).name}_`) && /_time/.test(metric);
}

function nameOf({ metric, expression, value }: ThresholdResult): string {
  return `\`${metric}\` is ${shownOf(metric, value ?? 0)}, where \`${expression}\` was asked for`;
}

function shownOf(metric: string, value: number): string {
  if (/_time|_completion/.test(metric)) return formatMs(value);
  if (metric.endsWith("_bytes")) return formatBytes(value);
  return metric.endsWith("_percent")
    ? `${value.toFixed(1)} %`
    : String(Math.round(value * 10_000) / 10_000);
}

/** Whether it was the answers or what was before them. */
function whereOf({ report }: RunView): string {
  const { name, times, words } = leadOf(report);
  const { answer } = words;
  const sent = name === "query" ? "REQ" : "EVENT";
  const [response, service] = [times.response.mean ?? 0, times.service.mean ?? 0];
  return service >= response / 2
    ? ` The time was between ${sent} and ${answer}: ${formatMs(service)} of ${formatMs(response)} on average.`
    : ` The time was before the ${sent} could be sent: ${formatMs(response - service)} of ${formatMs(response)} on average.`;
}

function slowestType({ report }: RunView): readonly Evidence[] {
  const { name, times } = leadOf(report);
  const rows = name === "query" ? queryOf(report).rows : publishOf(report).rows;
  const [slowest] = Object.entries(rows)
    .flatMap(([type, { times: of }]) =>
      of.service.p50 === null ? [] : [{ type, p50: of.service.p50 }],
    )
    .sort((a, b) => b.p50 - a.p50);
  return slowest === undefined
    ? []
    : [
        evidence(
          `slowest ${name === "query" ? "shape" : "type"}, ${slowest.type}, service p50`,
          slowest.p50,
          times.service.p50,
        ),
      ];
}

function fifths({ window }: RunView): string {
  return partMedians(window, 5, "p50")
    .map((v) => (v === null ? "–" : v.toFixed(1)))
    .join(", ");
}
