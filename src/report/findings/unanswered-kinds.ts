/** No OK for some kinds, while all others are answered: no full queue, but a way that forgets the answer. */

import { classifyKind } from "../../nostr/wire.ts";
import { publishOf, setOf } from "../class-report.ts";
import type { Report } from "../types.ts";
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";
import { errorsOf, kindsOf, typesOf } from "./words.ts";

/** Of the events of a type, and of the sets that lack a part: so many without an answer are all. */
const ALL = 0.95;
/** Of all events without an answer, those that such types account for. */
const MOST = 0.9;

interface Silent {
  readonly type: string;
  readonly unanswered: number;
  readonly kinds: readonly number[];
}

export const unansweredKinds: Rule = {
  id: "unanswered-kinds",
  explains: [
    "silent-drops",
    "timeouts",
    "throttled",
    "overload",
    "queueing",
    "tail",
    "latency-drift",
  ],
  find({ report }) {
    const { config } = report;
    const { totals, times } = publishOf(report);
    const unanswered = typesOf(errorsOf(report, "timeout"));
    const silent = unanswered.flatMap(([type, count]) => silentOf(report, type, count));
    const ofThem = silent.reduce((sum, one) => sum + one.unanswered, 0);
    const p99 = times.service.p99;
    const isRest = p99 !== null && p99 < config.ackTimeoutMs / 2;
    if (silent.length === 0 || !isRest || ofThem < totals.timedOut * MOST) return null;
    const kinds = [...new Set(silent.flatMap((one) => one.kinds))].sort((a, b) => a - b);
    const types = silent.map(({ type }) => type).join(", ");
    const named = kinds.length === 0 ? types : `kind ${kinds.join(", ")} (${types})`;
    return {
      severity: shareOf(ofThem, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `No OK for ${named}; all others are answered, in ${(times.service.p50 ?? 0).toFixed(1)} ms at the median`,
      evidence: [
        ...silent
          .slice(0, 4)
          .map((one) => evidence(`of type ${one.type} without an OK`, one.unanswered)),
        evidence("publish.totals.timedOut", totals.timedOut, ofThem),
      ],
      counterEvidence: [
        evidence("publish.times.service.p99", p99, config.ackTimeoutMs),
        evidence("frames.lateOk", report.frames.lateOk, 0),
        evidence("publish.totals.accepted", totals.accepted, totals.scheduled),
      ],
      remediation: `NIP-01 wants an OK for every EVENT, whatever its kind${kinds.some((kind) => classifyKind(kind) === "ephemeral") ? ": one that is relayed and not stored gets it at once" : ""}. Look at where the relay handles these kinds by a way of their own; until then leave the types out of --mix, since each one keeps a place on its connection for ${config.ackTimeoutMs} ms.`,
      labels: ["protocol"],
      cost: failureCost(ofThem, report),
    };
  },
};

function silentOf(report: Report, type: string, unanswered: number): readonly Silent[] {
  const accepted = publishOf(report).rows[type]?.totals.accepted ?? 0;
  if (unanswered >= (unanswered + accepted) * ALL) {
    return [{ type, unanswered, kinds: kindsOf(report, [type]) }];
  }
  const { rows, lacking } = setOf(report);
  const set = rows[type]?.totals;
  if (set === undefined) return [];
  const settled = set.complete + set.partial + set.failed;
  const parts = (lacking[type] ?? []).filter(({ count }) => count >= settled * ALL);
  const lacked = parts.reduce((sum, { count }) => sum + count, 0);
  if (parts.length === 0 || unanswered > lacked / ALL + set.cutOff) return [];
  return [{ type, unanswered, kinds: parts.flatMap(({ kinds }) => kinds) }];
}
