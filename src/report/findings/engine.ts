/**
 * The findings of a report, from the report alone. Each rule finds for itself; what is the symptom of
 * another finding is said to be one and stands behind it. Ranked by what they cost.
 */
import type { Finding, Report } from "../types.ts";
import { addressableContention, duplicates, protocolFaults } from "./answers.ts";
import { connectionLimit, droppedConnections, slowHandshake } from "./connections.ts";
import { cpuBound } from "./cpu-bound.ts";
import { fsyncFloor, groupCommit, nagleDelay } from "./floors.ts";
import { generatorNearLimit } from "./generator-near-limit.ts";
import { hostFull } from "./host-full.ts";
import { lostAfterOk, silentDrops, timeouts } from "./losses.ts";
import { memoryGrowth } from "./memory-growth.ts";
import { relayGone, stoppedAnswering } from "./outages.ts";
import { pageOf } from "./page.ts";
import { queueing, tail } from "./queueing.ts";
import { rateLimited, rejected } from "./rejections.ts";
import type { Draft, Rule } from "./rule.ts";
import { sizeLatency } from "./size-latency.ts";
import { slowRelay } from "./slow-relay.ts";
import { stalls } from "./stalls.ts";
import { latencyDrift, slowStart } from "./trends.ts";
import { viewOf } from "./view.ts";

export const MOST_FINDINGS = 10;

export const RULES: readonly Rule[] = [
  lostAfterOk,
  relayGone,
  stoppedAnswering,
  silentDrops,
  timeouts,
  rateLimited,
  rejected,
  connectionLimit,
  droppedConnections,
  slowHandshake,
  cpuBound,
  stalls,
  memoryGrowth,
  slowStart,
  latencyDrift,
  slowRelay,
  sizeLatency,
  fsyncFloor,
  groupCommit,
  nagleDelay,
  addressableContention,
  duplicates,
  protocolFaults,
  queueing,
  tail,
  hostFull,
  generatorNearLimit,
];

const SEVERITIES: readonly Finding["severity"][] = ["critical", "major", "minor", "info"];

type Found = Draft & { readonly id: string; readonly explains: readonly string[] };

/** Puts the findings into a report; an invalid run keeps its one, the generator. */
export function withFindings(report: Report): Report {
  if (report.generator.verdict === "invalid") return report;
  const view = viewOf(report);
  const found = RULES.flatMap(({ id, explains, find }): Found[] => {
    const draft = find(view);
    return draft === null ? [] : [{ ...draft, id, explains }];
  });
  const isSuspect = report.generator.verdict === "suspect";
  const findings = rank(found)
    .slice(0, MOST_FINDINGS)
    .map(({ explains: _, ...finding }, i) => ({
      rank: i + 1,
      ...finding,
      confidence: isSuspect ? lower(finding.confidence) : finding.confidence,
      cost: Math.round(finding.cost * 100) / 100,
      page: pageOf(finding.id),
    }));
  return { ...report, findings };
}

/** Causes first, by what they cost; symptoms behind them, labelled with their cause. */
function rank(found: readonly Found[]): readonly Found[] {
  const causes = found.filter(({ id }) => causeOf(id, found) === undefined);
  const symptoms = found.flatMap((finding): Found[] => {
    const cause = causeOf(finding.id, found);
    if (cause === undefined) return [];
    return [{ ...finding, labels: [...finding.labels, `symptom-of:${cause.id}`] }];
  });
  return [...causes.sort(byWeight), ...symptoms.sort(byWeight)];
}

function causeOf(id: string, found: readonly Found[]): Found | undefined {
  return found.find((other) => other.explains.includes(id) && other.confidence !== "low");
}

function byWeight(a: Found, b: Found): number {
  // What is only worth knowing does not stand before what costs something.
  const info = Number(a.severity === "info") - Number(b.severity === "info");
  return info || b.cost - a.cost || SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

function lower(confidence: Finding["confidence"]): Finding["confidence"] {
  return confidence === "high" ? "medium" : "low";
}
