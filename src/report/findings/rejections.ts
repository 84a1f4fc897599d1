/** The relay's limit on rates, and what it does to sets of several events. */
import type { CountsOf } from "../../measure/classes.ts";
import { publishOf, setOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import { countOf, errorsOf, percent, quoted, textEvidence, typeEvidence } from "./words.ts";

/** Settled sets that lack a part, from which on a finding speaks of the sets. */
const CUT = { share: 0.2, least: 5 };
/** Of the most that a part is lacking: so seldom the first is, where it is the set that is cut. */
const FIRST = 0.3;

export const rateLimited: Rule = {
  id: "rate-limited",
  explains: ["overload", "queueing"],
  find({ report }) {
    const errors = errorsOf(report, "reject", (reason) => reason === "rate-limit");
    const count = countOf(errors);
    if (count === 0) return null;
    const { config } = report;
    const { totals } = publishOf(report);
    const share = shareOf(count, report);
    const let_ = publishOf(report).rate.done;
    return {
      severity: share >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `The relay limits the rate: it turned ${percent(share)} down and let ${let_.toFixed(let_ < 10 ? 1 : 0)} events/s of ${config.rateEps} in`,
      evidence: [
        ...textEvidence(errors),
        evidence("publish.rate.done", publishOf(report).rate.done, config.rateEps),
        ...typeEvidence(report, errors),
      ],
      counterEvidence: [
        evidence(
          "publish.times.service.p99",
          publishOf(report).times.service.p99,
          "slow only if overloaded",
        ),
        evidence("publish.totals.timedOut", totals.timedOut, 0),
      ],
      remediation:
        "If this limit is meant, load below it or spread the load as its clients do. If not, raise the relay's limit for the address or key that it counts by; all connections of a run come from one address. A relay may use these words for a lock on one event or author too: its log says which.",
      labels: ["configuration", "rate-limit"],
      cost: failureCost(count, report),
    };
  },
};

export const setsCut: Rule = {
  id: "sets-cut",
  explains: ["rate-limited"],
  find({ report }) {
    const cut = mostCut(report);
    const errors = errorsOf(report, "reject");
    if (cut === null || errors[0] === undefined) return null;
    const [type, { complete, partial, failed }] = cut;
    const lacking = setOf(report).lacking[type] ?? [];
    const lacked = lacking.reduce((sum, { count }) => sum + count, 0);
    const settled = complete + partial + failed;
    const parts = [...lacking].sort((a, b) => a.part - b.part);
    const most = Math.max(...parts.map(({ count }) => count));
    const first = parts[0]?.part === 0 ? parts[0].count : 0;
    // Refusals that meet any event cut sets as well, and are told by their own words.
    if (first > most * FIRST || countOf(errors) < lacked / 2) return null;
    if (lacked < countOf(errors) / 2) return null;
    const isBurst = countOf(errorsOf(report, "reject", (r) => r === "rate-limit")) >= lacked / 2;
    return {
      severity: "major",
      confidence: "high",
      title: `Sets of ${type} are cut apart: ${complete} of ${settled} complete, ${partial} partial, by ${quoted(errors[0].example)}`,
      evidence: [
        evidence(`sets.${type}.complete`, complete, settled),
        evidence(`sets.${type}.partial`, partial, 0),
        ...parts
          .slice(0, 5)
          .map(({ part, kinds, count }) =>
            evidence(
              `sets without part ${part + 1}`,
              count,
              kinds.length === 0 ? null : `kind ${kinds.join(" or ")}`,
            ),
          ),
        ...textEvidence(errors),
      ],
      counterEvidence: [
        evidence("publish.totals.timedOut", publishOf(report).totals.timedOut, 0),
        evidence("publish.rate.done", publishOf(report).rate.done, report.config.rateEps),
      ],
      remediation: isBurst
        ? "An application publishes the events of a set in one moment, and the limit counts each of them: let a burst of a whole set through (a bucket of at least so many tokens), so that a video is there whole or not at all."
        : "A part of each set is refused, and what was accepted of it is of no use: allow all of its kinds and sizes, or leave the type out of the mix.",
      labels: ["configuration", "workload"],
      cost: failureCost(lacked, report),
    };
  },
};

/** The type with the most sets that lack a part, where they are many. */
function mostCut(report: Report): readonly [string, CountsOf<"set">] | null {
  const cut = Object.entries(setOf(report).rows)
    .map(([type, { totals }]) => [type, totals] as const)
    .filter(([, { complete, partial, failed }]) => {
      const settled = complete + partial + failed;
      return partial >= CUT.least && partial >= settled * CUT.share;
    })
    .sort((a, b) => b[1].partial - a[1].partial);
  return cut[0] ?? null;
}
