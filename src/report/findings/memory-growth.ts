/** Memory of the relay that rises with the events and does not level off. */

import { formatBytes } from "../format.ts";
import { outagesOf } from "../outages.ts";
import { pointsOf } from "../points.ts";
import type { Report, ResourceSample } from "../types.ts";
import { leadOf } from "./lead.ts";
import { evidence, type Rule } from "./rule.ts";

const LEAST_SAMPLES = 6;
const LEAST_GROWTH_BYTES = 48_000_000;
/** Growth of a warm-up falls off: the second half must have so much of it. */
const SECOND_HALF_SHARE = 0.35;
/** Below this length hours ahead can't be told: a cache that is being filled looks the same. */
const LONG_SEC = 60;
/** Quarters of growth that each have so much of the mean one: a cache's last ones have less. */
const LEAST_OF_MEAN = 0.35;
/** What stays of a query is a subscription. */
const QUESTION_BYTES = 1_000;
/** An event kept in memory, with its indices, takes a few times its size. */
const MOST_SIZES = 12;

export const memoryGrowth: Rule = {
  id: "memory-growth",
  of: ["connection"],
  explains: ["latency-drift"],
  find({ report, relay }) {
    const span = longestLife(report, relay);
    // The pages of a mapped store are in the resident memory too, and the system takes them back.
    const hasAnon = span.every((s) => typeof s.anonBytes === "number");
    const points = span.flatMap((s) => {
      const rss = hasAnon ? s.anonBytes : s.rssBytes;
      return typeof rss === "number" ? [{ t: s.t, rss }] : [];
    });
    const [first, last] = [points[0], points.at(-1)];
    if (points.length < LEAST_SAMPLES || !first || !last) return null;
    const middle = points[Math.floor(points.length / 2)] ?? first;
    const growth = last.rss - first.rss;
    const isSteady =
      last.rss - middle.rss >= growth * SECOND_HALF_SHARE && isRising(points.map((p) => p.rss));
    const accepted = acceptedBetween(report, first.t, last.t) || 1;
    const { name, words } = leadOf(report);
    const meanBytes = name === "publish" ? meanEventBytes(report.config.pool) : QUESTION_BYTES;
    const perEvent = growth / accepted;
    if (growth < LEAST_GROWTH_BYTES || !isSteady || perEvent < meanBytes * MOST_SIZES) return null;
    const overSec = last.t - first.t;
    const perSec = growth / overSec;
    const hoursLeft = hoursUntil((report.run.host.memoryBytes ?? 0) - last.rss, perSec);
    const isLong = overSec >= LONG_SEC;
    return {
      severity: isLong && hoursLeft !== null && hoursLeft < 24 ? "major" : "minor",
      confidence: isLong && points.length >= 20 ? "high" : "medium",
      title: `The relay's memory grows by ${formatBytes(perSec)} a second`,
      evidence: [
        evidence(`relay.${hasAnon ? "anonBytes" : "rssBytes"} at the end`, last.rss, first.rss),
        evidence(`growth an ${words.done} ${words.one}, bytes`, perEvent, meanBytes),
        evidence("hours until this host's memory is full", hoursLeft),
      ],
      counterEvidence: [
        evidence("growth in the second half", (last.rss - middle.rss) / growth, SECOND_HALF_SHARE),
        evidence("relay.rssBytes at the end, files included", span.at(-1)?.rssBytes ?? null),
        evidence("looked at for, s", overSec, `${LONG_SEC}: less shows caches being filled`),
      ],
      remediation: `Something is kept for each ${words.one}: look for caches and queues without a bound, and for buffers that hold on to whole frames. Run again for longer: memory that levels off is a cache being filled.`,
      labels: ["memory", "reliability"],
      // What may be a cache that is being filled stands behind what is sure.
      cost: !isLong ? 0 : hoursLeft === null ? 1 : Math.min(100, 100 / Math.max(0.1, hoursLeft)),
    };
  },
};

/** Samples of one process: from a start to an end of it, where it has them in the window. */
function longestLife(report: Report, relay: readonly ResourceSample[]): readonly ResourceSample[] {
  const ends = [
    ...(report.resources?.relayProcesses ?? []).flatMap(({ fromSec, untilSec }) => [
      ...(fromSec === null ? [] : [fromSec]),
      ...(untilSec === null ? [] : [untilSec]),
    ]),
    ...outagesOf(report).flatMap(({ lastOpenSec, firstOpenSec }) => [
      lastOpenSec,
      firstOpenSec ?? lastOpenSec,
    ]),
  ].sort((a, b) => a - b);
  const bounds = [Number.NEGATIVE_INFINITY, ...ends, Number.POSITIVE_INFINITY];
  const lives = bounds.slice(1).map((to, i) => {
    const from = bounds[i] ?? to;
    // A process that starts or ends within a second has not all of it.
    return relay.filter((s) => s.t > from + (i === 0 ? 0 : 1) && s.t <= to);
  });
  return lives.reduce((most, life) => (life.length > most.length ? life : most), []);
}

/** Of the same span as the growth: elsewhere the rate may have been another. */
function acceptedBetween(report: Report, fromSec: number, toSec: number): number {
  return pointsOf(report)
    .filter(({ t }) => t >= fromSec && t < toSec)
    .reduce((sum, { accepted }) => sum + accepted, 0);
}

/**
 * The least of each quarter is above that of the one before, by no small part of the mean rise: what collection
 * of garbage leaves rises, and goes on to. A cache that is full rises no more.
 */
function isRising(values: readonly number[]): boolean {
  const lows = [0, 1, 2, 3].map((i) =>
    Math.min(
      ...values.slice(
        Math.floor((i * values.length) / 4),
        Math.floor(((i + 1) * values.length) / 4),
      ),
    ),
  );
  const rises = lows.slice(1).map((low, i) => low - (lows[i] ?? low));
  const mean = rises.reduce((sum, rise) => sum + rise, 0) / rises.length;
  return rises.every((rise) => rise > 0) && (rises.at(-1) ?? 0) >= mean * LEAST_OF_MEAN;
}

function meanEventBytes({ bytes, events }: { bytes: number; events: number }): number {
  return events === 0 ? 1_000 : bytes / events;
}

function hoursUntil(leftBytes: number, perSec: number): number | null {
  return leftBytes <= 0 ? null : leftBytes / perSec / 3_600;
}
