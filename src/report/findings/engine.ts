/**
 * The findings of a report, from the report alone. Each rule finds for itself; what is the symptom of
 * another finding is said to be one and stands behind it. Ranked by what they cost.
 */
import type { ClassName } from "../../measure/classes.ts";
import { classesOf } from "../class-report.ts";
import type { Finding, Report } from "../types.ts";
import { acceptQueue } from "./accept-queue.ts";
import { addressableContention, authChallenge, duplicates, protocolFaults } from "./answers.ts";
import { deadConnections, slowRecovery, unusableConnections } from "./connect.ts";
import { connectionCost, connectionMemory } from "./connection-cost.ts";
import { connectionLimit, droppedConnections, slowHandshake } from "./connections.ts";
import { cpuBound } from "./cpu-bound.ts";
import {
  costOfDecoys,
  deliveriesMissing,
  deliveriesTwice,
  deliveryTick,
  okHeldBySubscribers,
} from "./deliveries.ts";
import {
  closedAtOnce,
  cutAfterAnswers,
  endedOnPublish,
  idleTimeout,
  lifetimeLimit,
} from "./ends.ts";
import { duplicateRows, sentBehindEose } from "./extra-rows.ts";
import { fsyncFloor, groupCommit, nagleDelay } from "./floors.ts";
import { generatorNearLimit } from "./generator-near-limit.ts";
import {
  addressLimit,
  handshakeRefused,
  proxyWithoutRelay,
  redirected,
  unreachable,
} from "./handshakes.ts";
import { hostBusy } from "./host-busy.ts";
import { hostFull } from "./host-full.ts";
import { starvedPublishes, starvedQueries } from "./interference.ts";
import { lostAfterOk, silentDrops, timeouts } from "./losses.ts";
import { memoryGrowth } from "./memory-growth.ts";
import { relayGone, stoppedAnswering } from "./outages.ts";
import { overload, queueing } from "./overload.ts";
import { pageOf } from "./page.ts";
import { proxyInPath } from "./proxy-in-path.ts";
import { costlyShape, ignoredLimit, slowQueries } from "./queries.ts";
import { refusals } from "./refusals.ts";
import { queriesRefused } from "./refused-queries.ts";
import { rateLimited, setsCut } from "./rejections.ts";
import { relayCounts } from "./relay-counts.ts";
import { unannouncedCap } from "./row-caps.ts";
import type { Draft, Rule } from "./rule.ts";
import { sizeLatency } from "./size-latency.ts";
import { heldBySlowReaders, slowReadersCut, slowReadersInMemory } from "./slow-readers.ts";
import { slowRelay } from "./slow-relay.ts";
import { stalls } from "./stalls.ts";
import { notStored } from "./stored.ts";
import { tail } from "./tail.ts";
import { throttled } from "./throttled.ts";
import { latencyDrift, slowStart } from "./trends.ts";
import { unansweredKinds } from "./unanswered-kinds.ts";
import { lateAnswers, noEose } from "./unended-queries.ts";
import { isExplained, unexplained } from "./unexplained.ts";
import { viewOf } from "./view.ts";
import { searchIgnored, wrongAnswers, wrongCounts } from "./wrong-answers.ts";
import { refusedByNotice, refusedWithoutId } from "./wrong-form.ts";

export const MOST_FINDINGS = 10;

export const RULES: readonly Rule[] = [
  lostAfterOk,
  notStored,
  relayCounts,
  relayGone,
  stoppedAnswering,
  refusedByNotice,
  refusedWithoutId,
  unansweredKinds,
  silentDrops,
  throttled,
  overload,
  timeouts,
  setsCut,
  rateLimited,
  addressLimit,
  handshakeRefused,
  proxyWithoutRelay,
  redirected,
  unreachable,
  ...refusals,
  wrongAnswers,
  searchIgnored,
  wrongCounts,
  unannouncedCap,
  queriesRefused,
  noEose,
  lateAnswers,
  sentBehindEose,
  authChallenge,
  connectionLimit,
  acceptQueue,
  deadConnections,
  unusableConnections,
  slowRecovery,
  idleTimeout,
  lifetimeLimit,
  cutAfterAnswers,
  endedOnPublish,
  closedAtOnce,
  droppedConnections,
  slowHandshake,
  cpuBound,
  connectionCost,
  connectionMemory,
  stalls,
  memoryGrowth,
  slowStart,
  latencyDrift,
  slowRelay,
  sizeLatency,
  fsyncFloor,
  groupCommit,
  nagleDelay,
  proxyInPath,
  starvedPublishes,
  starvedQueries,
  costlyShape,
  slowQueries,
  ignoredLimit,
  duplicateRows,
  deliveriesMissing,
  deliveriesTwice,
  deliveryTick,
  okHeldBySubscribers,
  costOfDecoys,
  heldBySlowReaders,
  slowReadersInMemory,
  slowReadersCut,
  addressableContention,
  duplicates,
  protocolFaults,
  queueing,
  tail,
  hostFull,
  hostBusy,
  generatorNearLimit,
  unexplained,
];

/** Bad ones before lesser ones, sure ones before others, each by what they cost. */
const WEIGHT = { critical: 0, major: 0, minor: 1, info: 2 } as const;

type Found = Draft & Pick<Rule, "id" | "explains" | "isFirst">;
type Placed = Found & { readonly cause: Found | undefined };

/**
 * Puts the findings into a report. An invalid run keeps its one, the generator; where it is that nothing was
 * sent, what kept connections from being had stands before it.
 */
export function withFindings(report: Report): Report {
  const isInvalid = report.generator.verdict === "invalid";
  const noData = report.findings.find(({ id }) => id === "no-data");
  if (isInvalid && noData === undefined) return report;
  const view = viewOf(report);
  const done = new Set<ClassName>(classesOf(report).map(([name]) => name));
  const isAbout = ({ of = ["publish"] }: Rule) => of.some((name) => done.has(name));
  const rules = RULES.filter((rule) => isAbout(rule) && (!isInvalid || rule.ofNoData));
  const found = rules.flatMap(({ find, of: _, ofNoData: __, ...rule }): Found[] => {
    const draft = find(view);
    return draft === null ? [] : [{ ...draft, ...rule }];
  });
  const said = found.filter(({ id }) => id !== unexplained.id);
  const isSuspect = report.generator.verdict === "suspect";
  const findings = rank(isExplained(said, view) ? said : found)
    .slice(0, MOST_FINDINGS)
    .map(({ explains: _, sparing: __, isFirst: ___, cause, ...finding }, i) => ({
      rank: i + 1,
      ...finding,
      labels: cause ? [...finding.labels, `symptom-of:${cause.id}`] : finding.labels,
      confidence: isSuspect ? lower(finding.confidence) : finding.confidence,
      cost: Math.round(finding.cost * 100) / 100,
      page: pageOf(finding.id),
    }));
  if (noData === undefined || !isInvalid) return { ...report, findings };
  return { ...report, findings: [...findings, { ...noData, rank: findings.length + 1 }] };
}

/**
 * Causes first, then their symptoms, then what is only worth knowing. A cause that is itself only worth
 * knowing stands before what it explains.
 */
function rank(found: readonly Found[]): readonly Placed[] {
  const placed = found.map((finding): Placed => ({ ...finding, cause: causeOf(finding, found) }));
  const placeOf = ({ id, severity, cause }: Placed): number => {
    const explainsMore = placed.some((p) => p.cause?.id === id && p.severity !== "info");
    if (severity !== "info") return cause === undefined ? 0 : 2;
    return explainsMore && cause === undefined ? 1 : 3;
  };
  return [...placed].sort((a, b) => placeOf(a) - placeOf(b) || byWeight(a, b));
}

/** The relation is free of cycles (see the test), so that of any findings one at least has no cause. */
function causeOf({ id }: Found, found: readonly Found[]): Found | undefined {
  const causes = (of: string) =>
    found.filter(
      (other) =>
        other.explains.includes(of) && !other.sparing?.includes(of) && other.confidence !== "low",
    );
  const all = causes(id);
  return all.find((cause) => causes(cause.id).length === 0) ?? all[0];
}

function byWeight(a: Found, b: Found): number {
  const first = Number(b.isFirst ?? false) - Number(a.isFirst ?? false);
  const unsure = Number(a.confidence === "low") - Number(b.confidence === "low");
  return WEIGHT[a.severity] - WEIGHT[b.severity] || first || unsure || b.cost - a.cost;
}

function lower(confidence: Finding["confidence"]): Finding["confidence"] {
  return confidence === "high" ? "medium" : "low";
}
