/**
 * The findings of a report, from the report alone. Each rule finds for itself; what is the symptom of
 * another finding is said to be one and stands behind it. Ranked by what they cost.
 */
import type { Finding, Report } from "../types.ts";
import {
  addressableContention,
  authChallenge,
  duplicates,
  protocolFaults,
  sentBehindEose,
} from "./answers.ts";
import { connectionLimit, droppedConnections, slowHandshake } from "./connections.ts";
import { cpuBound } from "./cpu-bound.ts";
import {
  closedAtOnce,
  cutAfterAnswers,
  endedOnPublish,
  idleTimeout,
  lifetimeLimit,
} from "./ends.ts";
import { fsyncFloor, groupCommit, nagleDelay } from "./floors.ts";
import { generatorNearLimit } from "./generator-near-limit.ts";
import {
  addressLimit,
  handshakeRefused,
  proxyWithoutRelay,
  redirected,
  unreachable,
} from "./handshakes.ts";
import { hostFull } from "./host-full.ts";
import { lostAfterOk, silentDrops, timeouts } from "./losses.ts";
import { memoryGrowth } from "./memory-growth.ts";
import { relayGone, stoppedAnswering } from "./outages.ts";
import { pageOf } from "./page.ts";
import { failedQueries, ignoredLimit, slowQueries } from "./queries.ts";
import { queueing, tail } from "./queueing.ts";
import { refusals } from "./refusals.ts";
import { rateLimited, setsCut } from "./rejections.ts";
import type { Draft, Rule } from "./rule.ts";
import { sizeLatency } from "./size-latency.ts";
import { slowRelay } from "./slow-relay.ts";
import { stalls } from "./stalls.ts";
import { throttled } from "./throttled.ts";
import { latencyDrift, slowStart } from "./trends.ts";
import { unansweredKinds } from "./unanswered-kinds.ts";
import { viewOf } from "./view.ts";
import { queriesRefused, refusedByNotice, refusedWithoutId } from "./wrong-form.ts";

export const MOST_FINDINGS = 10;

export const RULES: readonly Rule[] = [
  lostAfterOk,
  relayGone,
  stoppedAnswering,
  refusedByNotice,
  refusedWithoutId,
  unansweredKinds,
  silentDrops,
  throttled,
  timeouts,
  setsCut,
  rateLimited,
  addressLimit,
  handshakeRefused,
  proxyWithoutRelay,
  redirected,
  unreachable,
  ...refusals,
  queriesRefused,
  sentBehindEose,
  authChallenge,
  connectionLimit,
  idleTimeout,
  lifetimeLimit,
  cutAfterAnswers,
  endedOnPublish,
  closedAtOnce,
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
  slowQueries,
  failedQueries,
  ignoredLimit,
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

/**
 * Puts the findings into a report. An invalid run keeps its one, the generator; where it is that nothing was
 * sent, what kept connections from being had stands before it.
 */
export function withFindings(report: Report): Report {
  const isInvalid = report.generator.verdict === "invalid";
  const noData = report.findings.find(({ id }) => id === "no-data");
  if (isInvalid && noData === undefined) return report;
  const view = viewOf(report);
  const rules = isInvalid ? RULES.filter(({ ofNoData }) => ofNoData) : RULES;
  const found = rules.flatMap(({ id, explains, find }): Found[] => {
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
  if (noData === undefined || !isInvalid) return { ...report, findings };
  return { ...report, findings: [...findings, { ...noData, rank: findings.length + 1 }] };
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
