/** Times in which the relay answers nothing and then everything: regular ones, and single ones. */

import { coarseLowerMs } from "../../measure/histogram.ts";
import type { SeriesPoint } from "../points.ts";
import { pointsOf } from "../points.ts";
import type { Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { evidence, type Rule } from "./rule.ts";
import { mean, median, type RunView } from "./view.ts";

/** A slice is part of a stall when its p99 is so far above the median of all. */
const FACTOR = 4;
const LEAST_MS = 20;
/** A single stall must be longer to be more than noise of a shared machine; of a second it is none. */
const SINGLE_MS = 150;
const SURE_MS = 1_000;
/** Three come at even distances by chance too often. */
const LEAST_EPISODES = 4;
/** Standard deviation of the gaps between regular stalls, as a share of their mean. */
const MOST_IRREGULAR = 0.25;
/** Of the events that a stall of this length holds up, so many must be slow: it is for all of them. */
const HELD_UP = 0.3;
const LEAST_HELD_UP = 3;

interface Episode {
  readonly t: number;
  readonly peakMs: number;
  /** Answers that took about as long as the bound, or longer. */
  readonly slow: number;
  /** The generator's own lateness then. */
  readonly lagMs: number;
}

export const stalls: Rule = {
  id: "stalls",
  of: ["publish", "query"],
  explains: ["tail", "queueing", "latency-drift", "slow-handshake"],
  find(view) {
    const { report } = view;
    const usual = median(view.window.flatMap((p) => p.p99 ?? []));
    if (usual === null) return null;
    const bound = Math.max(usual * FACTOR, usual + LEAST_MS);
    const episodes = episodesOf(report, bound).filter(
      (e) => e.lagMs < e.peakMs / 2 && e.slow >= leastSlow(e, bound, report),
    );
    const periodSec = periodOf(episodes);
    const peakMs = median(episodes.map((e) => e.peakMs)) ?? 0;
    if (periodSec === null && !episodes.some((e) => e.peakMs >= SINGLE_MS)) return null;
    const longest = Math.max(...episodes.map((e) => e.peakMs));
    const { response } = leadOf(report).times;
    const cost = Math.max(0, (response.mean ?? 0) - (response.p50 ?? 0));
    return {
      severity: severityOf(cost, longest),
      confidence: periodSec !== null ? "high" : isSure(episodes.length, longest) ? "medium" : "low",
      title:
        periodSec !== null
          ? `The relay stalls every ${periodSec.toFixed(1)} s for about ${peakMs.toFixed(0)} ms`
          : stalledTitle(episodes.length, longest),
      evidence: [
        evidence("series.p99 in stalls", peakMs, usual),
        evidence("stalls", episodes.length, periodSec === null ? "irregular" : "regular"),
        evidence("first stall at, s", episodes[0]?.t ?? null),
        ...(periodSec === null ? [] : [evidence("period, s", periodSec)]),
      ],
      counterEvidence: counterEvidence(view, episodes),
      remediation:
        "Look at what the relay does at these times: checkpoints and flushes of the store, collection of garbage, timers that clean up. Do it in small pieces or on another thread, and away from the connections.",
      labels: ["performance", "stalls"],
      cost,
    };
  },
};

function stalledTitle(count: number, longestMs: number): string {
  return count === 1
    ? `The relay stalled once, for ${longestMs.toFixed(0)} ms`
    : `The relay stalled ${count} times, at most for ${longestMs.toFixed(0)} ms`;
}

/** A stall that costs little on the whole is worth knowing and no more. */
function severityOf(cost: number, longestMs: number): "major" | "minor" | "info" {
  if (longestMs < 50 || cost < 1) return "info";
  return longestMs >= 200 && cost >= 10 ? "major" : "minor";
}

function counterEvidence({ report, relayCpu, samples }: RunView, episodes: readonly Episode[]) {
  const lag = Math.max(0, ...episodes.map((e) => e.lagMs));
  const io = samples.flatMap((s) => s.pressure?.io ?? []);
  const { name, times } = leadOf(report);
  return [
    evidence("generator's lag p99 in stalls", lag, "high if the generator stalled"),
    evidence("relay.cpuPercent", relayCpu, "about 100 if it computes"),
    evidence(
      "host.pressure.io",
      io.length === 0 ? null : Math.max(...io),
      "high if it is the disk",
    ),
    evidence(`${name}.times.service.p50`, times.service.p50, "high if it is always slow"),
  ];
}

/** A stall holds up all that come meanwhile; a few slow answers among fast ones are a tail. */
function leastSlow({ peakMs }: Episode, bound: number, report: Report): number {
  const due = (leadOf(report).rate.set * Math.max(0, peakMs - bound)) / 1_000;
  return Math.max(LEAST_HELD_UP, due * HELD_UP);
}

function slowerThan({ responseBuckets }: SeriesPoint, ms: number): number {
  let count = 0;
  for (let i = 0; i + 1 < responseBuckets.length; i += 2) {
    // The bucket that the bound lies in counts too.
    if (coarseLowerMs((responseBuckets[i] ?? 0) + 1) > ms) count += responseBuckets[i + 1] ?? 0;
  }
  return count;
}

const isSure = (count: number, longestMs: number) => count > 1 || longestMs >= SURE_MS;

/**
 * Runs of slices that are far above the usual; those without any answer belong to what follows, also where that
 * comes behind the window.
 */
function episodesOf(report: Report, bound: number): readonly Episode[] {
  const { run } = report;
  const episodes: Episode[] = [];
  let current: SeriesPoint[] = [];
  const end = () => {
    const peakMs = Math.max(0, ...current.map((p) => p.p99 ?? 0));
    if (peakMs >= bound) {
      const lags = current.flatMap((p) => [p.scheduleLagP99 ?? 0, p.loopLagP99 ?? 0]);
      const lagMs = Math.max(0, ...lags);
      const slow = current.reduce((sum, p) => sum + slowerThan(p, bound), 0);
      episodes.push({ t: current[0]?.t ?? 0, peakMs, slow, lagMs });
    }
    current = [];
  };
  for (const point of pointsOf(report)) {
    const isSilent = point.p99 === null && (point.scheduled > 0 || point.t >= run.durationSec);
    if (isSilent || (point.p99 ?? 0) >= bound) current.push(point);
    else end();
  }
  end();
  return episodes;
}

/** The mean gap when the stalls come regularly. */
function periodOf(episodes: readonly Episode[]): number | null {
  if (episodes.length < LEAST_EPISODES) return null;
  const gaps = episodes.slice(1).map((e, i) => e.t - (episodes[i]?.t ?? 0));
  const gap = mean(gaps);
  if (gap === null || gap === 0) return null;
  const variance = mean(gaps.map((g) => (g - gap) ** 2)) ?? 0;
  return Math.sqrt(variance) / gap <= MOST_IRREGULAR ? gap : null;
}
