/** Memory of the relay that rises with the events and does not level off. */
import { formatBytes } from "../format.ts";
import { evidence, type Rule } from "./rule.ts";

const LEAST_SAMPLES = 6;
const LEAST_GROWTH_BYTES = 48_000_000;
/** Growth of a warm-up falls off: the second half must have so much of it. */
const SECOND_HALF_SHARE = 0.35;
/** Below this length of run hours ahead can't be told: a cache that is being filled looks the same. */
const LONG_SEC = 60;
/** An event kept in memory, with its indices, takes a few times its size. */
const MOST_SIZES = 12;

export const memoryGrowth: Rule = {
  id: "memory-growth",
  explains: ["latency-drift"],
  find({ report, relay }) {
    // The pages of a mapped store are in the resident memory too, and the system takes them back.
    const hasAnon = relay.every((s) => typeof s.anonBytes === "number");
    const points = relay.flatMap((s) => {
      const rss = hasAnon ? s.anonBytes : s.rssBytes;
      return typeof rss === "number" ? [{ t: s.t, rss }] : [];
    });
    const [first, last] = [points[0], points.at(-1)];
    if (points.length < LEAST_SAMPLES || !first || !last) return null;
    const middle = points[Math.floor(points.length / 2)] ?? first;
    const growth = last.rss - first.rss;
    const isSteady =
      last.rss - middle.rss >= growth * SECOND_HALF_SHARE && isRising(points.map((p) => p.rss));
    const accepted = report.throughput.acceptedEps * (last.t - first.t) || 1;
    const meanBytes = meanEventBytes(report.config.pool);
    const perEvent = growth / accepted;
    if (growth < LEAST_GROWTH_BYTES || !isSteady || perEvent < meanBytes * MOST_SIZES) return null;
    const perSec = growth / (last.t - first.t);
    const hoursLeft = hoursUntil((report.run.host.memoryBytes ?? 0) - last.rss, perSec);
    return {
      severity: hoursLeft !== null && hoursLeft < 24 ? "major" : "minor",
      confidence: report.run.durationSec >= LONG_SEC && points.length >= 20 ? "high" : "medium",
      title: `The relay's memory grows by ${formatBytes(perSec)} a second`,
      evidence: [
        evidence(`relay.${hasAnon ? "anonBytes" : "rssBytes"} at the end`, last.rss, first.rss),
        evidence("growth an accepted event, bytes", perEvent, meanBytes),
        evidence("hours until this host's memory is full", hoursLeft),
      ],
      counterEvidence: [
        evidence("growth in the second half", (last.rss - middle.rss) / growth, SECOND_HALF_SHARE),
        evidence("relay.rssBytes at the end, files included", relay.at(-1)?.rssBytes ?? null),
        evidence("run.durationSec", report.run.durationSec, "short runs show caches being filled"),
      ],
      remediation:
        "Something is kept for each event: look for caches and queues without a bound, and for buffers that hold on to whole frames. Run again for longer: memory that levels off is a cache being filled.",
      labels: ["memory", "reliability"],
      cost: hoursLeft === null ? 1 : Math.min(100, 100 / Math.max(0.1, hoursLeft)),
    };
  },
};

/** The least of each quarter is above that of the one before: what collection of garbage leaves rises. */
function isRising(values: readonly number[]): boolean {
  const lows = [0, 1, 2, 3].map((i) =>
    Math.min(
      ...values.slice(
        Math.floor((i * values.length) / 4),
        Math.floor(((i + 1) * values.length) / 4),
      ),
    ),
  );
  return lows.every((low, i) => i === 0 || low > (lows[i - 1] ?? low));
}

function meanEventBytes({ bytes, events }: { bytes: number; events: number }): number {
  return events === 0 ? 1_000 : bytes / events;
}

function hoursUntil(leftBytes: number, perSec: number): number | null {
  return leftBytes <= 0 ? null : leftBytes / perSec / 3_600;
}
