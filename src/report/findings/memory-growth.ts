/** Memory of the relay that rises with the events and does not level off. */
import { formatBytes } from "../format.ts";
import { evidence, type Rule } from "./rule.ts";
import { mean } from "./view.ts";

const LEAST_SAMPLES = 6;
const LEAST_GROWTH_BYTES = 48_000_000;
/** Growth of a warm-up falls off: the second half must have so much of it. */
const SECOND_HALF_SHARE = 0.35;
/** An event kept in memory, with its indices, takes a few times its size. */
const MOST_SIZES = 12;

export const memoryGrowth: Rule = {
  id: "memory-growth",
  explains: ["latency-drift"],
  find({ report, relay }) {
    const points = relay.flatMap((s) => (s.rssBytes === null ? [] : [{ t: s.t, rss: s.rssBytes }]));
    const [first, last] = [points[0], points.at(-1)];
    if (points.length < LEAST_SAMPLES || !first || !last) return null;
    const middle = points[Math.floor(points.length / 2)] ?? first;
    const growth = last.rss - first.rss;
    const isSteady = last.rss - middle.rss >= growth * SECOND_HALF_SHARE;
    const accepted = report.throughput.acceptedEps * (last.t - first.t) || 1;
    const meanBytes = meanEventBytes(report.config.pool);
    const perEvent = growth / accepted;
    if (growth < LEAST_GROWTH_BYTES || !isSteady || perEvent < meanBytes * MOST_SIZES) return null;
    const perSec = growth / (last.t - first.t);
    const hoursLeft = hoursUntil((report.run.host.memoryBytes ?? 0) - last.rss, perSec);
    return {
      severity: hoursLeft !== null && hoursLeft < 24 ? "major" : "minor",
      confidence: points.length >= 20 ? "high" : "medium",
      title: `The relay's memory grows by ${formatBytes(perSec)} a second`,
      evidence: [
        evidence("relay.rssBytes at the end", last.rss, first.rss),
        evidence("growth an accepted event, bytes", perEvent, meanBytes),
        evidence("hours until this host's memory is full", hoursLeft),
      ],
      counterEvidence: [
        evidence("growth in the second half", (last.rss - middle.rss) / growth, SECOND_HALF_SHARE),
        evidence("relay.rssBytes, mean", mean(points.map((p) => p.rss))),
      ],
      remediation:
        "Something is kept for each event: look for caches and queues without a bound, and for buffers that hold on to whole frames. Run again for longer: memory that levels off is a cache being filled.",
      labels: ["memory", "reliability"],
      cost: hoursLeft === null ? 1 : Math.min(100, 100 / Math.max(0.1, hoursLeft)),
    };
  },
};

function meanEventBytes({ bytes, events }: { bytes: number; events: number }): number {
  return events === 0 ? 1_000 : bytes / events;
}

function hoursUntil(leftBytes: number, perSec: number): number | null {
  return leftBytes <= 0 ? null : leftBytes / perSec / 3_600;
}
