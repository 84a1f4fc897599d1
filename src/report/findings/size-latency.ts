/** Events of larger types take longer: by their size, or by what else is different about a type. */
import { publishOf } from "../class-report.ts";
import { evidence, type Rule } from "./rule.ts";

const FACTOR = 2;
const LEAST_MS = 4;
const LEAST_SAMPLES = 50;
/** A larger type may be faster than a smaller one by so much and the times still rise with size. */
const TOLERANCE = 0.8;

export const sizeLatency: Rule = {
  id: "size-latency",
  explains: ["tail", "fsync-floor"],
  find({ report, relayCpu }) {
    const types = Object.entries(publishOf(report).rows)
      .flatMap(
        ([
          type,
          {
            times: { service },
          },
        ]) => {
          const meanBytes = report.config.pool.types[type]?.meanBytes ?? null;
          return meanBytes === null || service.p50 === null || service.count < LEAST_SAMPLES
            ? []
            : [{ type, bytes: meanBytes, p50: service.p50, count: service.count }];
        },
      )
      .sort((a, b) => a.bytes - b.bytes);
    const [small, large] = [types[0], types.at(-1)];
    if (!small || !large || large.bytes < small.bytes * 1.5) return null;
    if (large.p50 < small.p50 * FACTOR || large.p50 - small.p50 < LEAST_MS) return null;
    const isRising = types.every(({ p50 }, i) => p50 >= (types[i - 1]?.p50 ?? 0) * TOLERANCE);
    if (!isRising) return null;
    const perKb = (large.p50 - small.p50) / ((large.bytes - small.bytes) / 1_000);
    return {
      severity: large.p50 - small.p50 >= 50 ? "major" : "minor",
      // Of two types one is always larger: it may be slow for its kind, or for where it comes in a set.
      confidence: types.length > 3 ? "high" : types.length > 2 ? "medium" : "low",
      title: `\`${large.type}\` takes ${(large.p50 / small.p50).toFixed(1)} times as long as \`${small.type}\`: ${perKb.toFixed(1)} ms a kB`,
      evidence: types.map((t) => evidence(`${t.type} service p50`, t.p50, `${t.bytes} bytes`)),
      counterEvidence: [
        evidence("types compared", types.length, "two may differ by more than size"),
        evidence("samples of the larger", large.count, LEAST_SAMPLES),
        evidence("relay.cpuPercent", relayCpu, "high if parsing costs"),
      ],
      remediation:
        "Look at what is done by byte or by tag: parsing more than once, copies, an index entry for each tag, pages that overflow. Profile with the larger type alone.",
      labels: ["performance", "size"],
      cost:
        ((large.p50 - small.p50) * large.count) / Math.max(1, publishOf(report).totals.scheduled),
    };
  },
};
