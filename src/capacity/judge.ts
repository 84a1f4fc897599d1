/** A trial's report → its verdict: passed, failed and by what, or nothing said of the relay. */
import { parseExpression } from "../plan/thresholds.ts";
import { leadOf } from "../report/findings/lead.ts";
import type { Report, ThresholdResult } from "../report/types.ts";
import { figuresOf } from "./figures.ts";
import { type Growth, growthOf } from "./growth.ts";
import {
  BACKLOG,
  type FailedThreshold,
  type Trial,
  type TrialFigures,
  UNREADY,
  UNSENT,
} from "./result.ts";

type Judged = Pick<
  Trial,
  "verdict" | "failed" | "thresholds" | "voidReason" | "generator" | "figures" | "findings"
>;

export function judgeTrial(report: Report, databaseBytes: number | null): Judged {
  const { generator, thresholds } = report;
  const growth = growthOf(report);
  const figures = figuresOf(report, growth.share, databaseBytes);
  const unready = unreadyOf(report);
  const failed = failuresOf(report, growth, figures, unready);
  const voidReason = whyVoid(report, failed, unready);
  const isUnready = voidReason === null && unready > 0;
  // Those of an invalid run are about its generator.
  const findings = isUnready ? [] : report.findings;
  return {
    verdict: voidReason !== null ? "void" : failed.length > 0 ? "fail" : "pass",
    failed,
    thresholds,
    ...(voidReason === null ? {} : { voidReason }),
    generator: isUnready ? "valid" : generator.verdict,
    figures,
    findings: findings.map(({ id, title, severity, remediation }) => ({
      id,
      title,
      severity,
      text: remediation,
    })),
  };
}

function whyVoid(
  report: Report,
  failed: readonly FailedThreshold[],
  unready: number,
): string | null {
  const { generator, thresholds, run } = report;
  // Of several generators not all loaded to the end: whatever held, held less than the load.
  if (generator.several && !run.complete) return run.stopReason ?? "not all of it was loaded";
  const isRelays = isTurnedAway(report) || (unready > 0 && isElseValid(report));
  if (generator.verdict === "invalid" && !isRelays) {
    return generator.reasons[0] ?? "the generator was not valid";
  }
  // Where something else failed, there is no data because of it.
  const unjudged = failed.length > 0 ? undefined : thresholds.find(({ ok }) => ok === null);
  return unjudged === undefined ? null : `no data for ${unjudged.metric}: ${unjudged.expression}`;
}

/** That nothing was sent is the relay's, where it took no connection. */
function isTurnedAway(report: Report): boolean {
  const { due, sent, noConnection } = leadOf(report);
  return due > 0 && sent === 0 && noConnection > 0 && !isShortOfConnections(report);
}

/** What the relay did not open is no fault of the generator's, though the run is none that was asked for. */
function isElseValid(report: Report): boolean {
  const { signals } = report.generator;
  const isElse = signals.every(({ id, state }) => id === "unready" || state !== "invalid");
  return isElse && !isShortOfConnections(report);
}

/** This machine had no more of them. */
function isShortOfConnections({ errors }: Report): boolean {
  return errors.some(({ code }) => ["files", "ports", "guard"].includes(code));
}

/** Subscriptions that were not open and served before the load. */
function unreadyOf({ errors }: Report): number {
  return errors.reduce((sum, e) => sum + (e.class === "unready" ? e.count : 0), 0);
}

interface Miss {
  readonly failure: FailedThreshold;
  /** The factor by which it is missed. */
  readonly by: number;
}

/** Those that were missed, by the largest factor first. */
function failuresOf(
  report: Report,
  { share, limit, isGrowing }: Growth,
  { unsent }: TrialFigures,
  unready: number,
): readonly FailedThreshold[] {
  const { due } = leadOf(report);
  const missed = report.thresholds.filter(({ ok }) => ok === false);
  const all = [
    ...missed.map((one) => missOf(one, due)),
    ...(isGrowing
      ? [{ failure: { threshold: BACKLOG, value: share, limit }, by: share / limit }]
      : []),
    ...anyIsTooMany(UNSENT, unsent, due),
    ...anyIsTooMany(UNREADY, unready, subscriptionsOf(report)),
  ];
  return all.sort((a, b) => b.by - a.by).map(({ failure }) => failure);
}

function missOf({ metric, expression, value }: ThresholdResult, due: number): Miss {
  const parsed = parseExpression(expression);
  const limit = parsed?.bound ?? null;
  const isAbove = !(parsed?.operator.startsWith(">") ?? false);
  const failure = { threshold: `${metric}: ${expression}`, value, limit };
  // By how much none is exceeded says its share, so that one of a thousand does not stand before all others.
  const isOfNone = limit === 0 && isAbove && value !== null;
  return { failure, by: isOfNone ? shareBy(value, due) : factor(value, limit, isAbove) };
}

function anyIsTooMany(threshold: string, value: number, of: number): readonly Miss[] {
  return value > 0 ? [{ failure: { threshold, value, limit: 0 }, by: shareBy(value, of) }] : [];
}

function shareBy(count: number, of: number): number {
  return 1 + count / Math.max(count, of);
}

function subscriptionsOf({ config }: Report): number {
  const { subscribers = 0, subsPerConnection = 1, decoys = 0 } = config.fanout ?? {};
  return subscribers * subsPerConnection + decoys;
}

/** As large as it gets where one of the two is nothing. */
function factor(value: number | null, limit: number | null, isAbove: boolean): number {
  if (value === null || limit === null) return Number.MAX_VALUE;
  const [large, small] = isAbove ? [value, limit] : [limit, value];
  return small === 0 ? Number.MAX_VALUE : large / small;
}
