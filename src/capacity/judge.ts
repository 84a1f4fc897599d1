/** A trial's report → its verdict: passed, failed and by what, or nothing said of the relay. */
import { parseExpression } from "../plan/thresholds.ts";
import { leadingOf } from "../report/class-report.ts";
import { backlogOf, leastGrowth } from "../report/findings/backlog.ts";
import { leadOf } from "../report/findings/lead.ts";
import { viewOf } from "../report/findings/view.ts";
import type { Report, ThresholdResult } from "../report/types.ts";
import { BACKLOG, type FailedThreshold, type Trial, type TrialFigures, UNSENT } from "./result.ts";

type Judged = Pick<
  Trial,
  "verdict" | "failed" | "thresholds" | "voidReason" | "generator" | "figures" | "findings"
>;

/** From the first fifth to the last. */
const APART = 0.8;

export function judgeTrial(report: Report, databaseBytes: number | null): Judged {
  const { generator, thresholds, findings } = report;
  const growth = growthOf(report);
  const figures = figuresOf(report, growth.share, databaseBytes);
  const failed = failuresOf(thresholds, growth, {
    unsent: figures.unsent,
    due: leadOf(report).due,
  });
  const voidReason = whyVoid(report, failed);
  return {
    verdict: voidReason !== null ? "void" : failed.length > 0 ? "fail" : "pass",
    failed,
    thresholds,
    ...(voidReason === null ? {} : { voidReason }),
    generator: generator.verdict,
    figures,
    findings: findings.map(({ id, title, severity, remediation }) => ({
      id,
      title,
      severity,
      text: remediation,
    })),
  };
}

function whyVoid(report: Report, failed: readonly FailedThreshold[]): string | null {
  const { generator, thresholds, run } = report;
  // Of several generators not all loaded to the end: whatever held, held less than the load.
  if (generator.several && !run.complete) return run.stopReason ?? "not all of it was loaded";
  if (generator.verdict === "invalid" && !isTurnedAway(report)) {
    return generator.reasons[0] ?? "the generator was not valid";
  }
  // Where something else failed, there is no data because of it.
  const unjudged = failed.length > 0 ? undefined : thresholds.find(({ ok }) => ok === null);
  return unjudged === undefined ? null : `no data for ${unjudged.metric}: ${unjudged.expression}`;
}

/** That nothing was sent is the relay's, where it took no connection. */
function isTurnedAway(report: Report): boolean {
  const { due, sent, noConnection } = leadOf(report);
  const isOwn = report.errors.some(({ code }) => ["files", "ports", "guard"].includes(code));
  return due > 0 && sent === 0 && noConnection > 0 && !isOwn;
}

interface Growth {
  /** Of the load. */
  readonly share: number;
  readonly limit: number;
  readonly isGrowing: boolean;
}

function growthOf(report: Report): Growth {
  const { lows, isGrowing } = backlogOf(viewOf(report));
  const { durationSec } = report.run;
  const due = leadOf(report).rate.set * durationSec * APART;
  const grown = (lows.at(-1) ?? 0) - (lows[0] ?? 0);
  const share = due > 0 && Number.isFinite(grown) ? Math.max(0, grown / due) : 0;
  return { share, limit: leastGrowth(Math.max(1, durationSec)), isGrowing };
}

/** Those that were missed, by the largest factor first. */
function failuresOf(
  thresholds: readonly ThresholdResult[],
  { share, limit, isGrowing }: Growth,
  { unsent, due }: { readonly unsent: number; readonly due: number },
): readonly FailedThreshold[] {
  const missed = thresholds
    .filter(({ ok }) => ok === false)
    .map(({ metric, expression, value }) => {
      const parsed = parseExpression(expression);
      const bound = parsed?.bound ?? null;
      const isAbove = parsed?.operator.startsWith("<") ?? true;
      const name = `${metric}: ${expression}`;
      return {
        failure: { threshold: name, value, limit: bound },
        by: factor(value, bound, isAbove),
      };
    });
  const backlog = { threshold: BACKLOG, value: share, limit };
  const left = { threshold: UNSENT, value: unsent, limit: 0 };
  const all = [
    ...missed,
    ...(isGrowing ? [{ failure: backlog, by: share / limit }] : []),
    // Any is too many: by how much says its share, so that it does not stand before all others.
    ...(unsent > 0 ? [{ failure: left, by: 1 + unsent / due }] : []),
  ];
  return all.sort((a, b) => b.by - a.by).map(({ failure }) => failure);
}

/** As large as it gets where one of the two is nothing. */
function factor(value: number | null, limit: number | null, isAbove: boolean): number {
  if (value === null || limit === null) return Number.MAX_VALUE;
  const [large, small] = isAbove ? [value, limit] : [limit, value];
  return small === 0 ? Number.MAX_VALUE : large / small;
}

function figuresOf(
  report: Report,
  backlogGrowth: number,
  databaseBytes: number | null,
): TrialFigures {
  const { due, rate, times, backpressure, noConnection } = leadOf(report);
  const { row, totals } = leadingOf(report);
  const fine = row.fine.reduce((sum, column) => sum + (totals[column] ?? 0), 0);
  const view = viewOf(report);
  const memory = view.relay.flatMap(({ rssBytes }) => rssBytes ?? []);
  const share = report.generator.signals.find(
    ({ id, value }) => ["ceilingShare", "receiveShare"].includes(id) && value !== null,
  );
  const { p50, p95, p99 } = times.response;
  return {
    offered: due / Math.max(1e-9, report.run.durationSec),
    done: rate.done,
    p50,
    p95,
    p99,
    failedShare: due === 0 ? null : (due - fine) / due,
    unsent: backpressure + noConnection,
    backlogGrowth,
    relayCpu: view.relayCpu,
    relayMemory: memory.length === 0 ? null : Math.max(...memory),
    databaseBytes,
    ceilingShare: share?.value ?? null,
  };
}
