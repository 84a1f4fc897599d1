/** Publishes without an answer in time, and events that were acknowledged and are gone. */
import { publishOf } from "../class-report.ts";
import { counted } from "../format.ts";
import type { Report } from "../types.ts";
import { leadOf } from "./lead.ts";
import { evidence, failureCost, type Rule, shareOf } from "./rule.ts";

/** Of all timeouts: when so many were answered after all, the relay is slow and drops nothing. */
const LATE_SHARE = 0.5;
/** Answers that come near to the timeout: more are on their way when the run ends. */
const NEAR_TIMEOUT = 0.5;

/**
 * Whether what got no answer in time would have got one: late OKs say so, and where all answers come late
 * a few of them do, since the run ends before the rest.
 */
export function isSlowOnly(report: Report): boolean {
  const { config } = report;
  const { timedOut, late, times } = leadOf(report);
  const isSlow = (times.service.p99 ?? 0) >= config.ackTimeoutMs * NEAR_TIMEOUT;
  if (late === null) return timedOut === 0 || isSlow;
  return late >= timedOut * LATE_SHARE || (isSlow && late > 0);
}

export const lostAfterOk: Rule = {
  id: "lost-after-ok",
  explains: ["not-stored"],
  find({ report }) {
    const { audit } = report;
    if (audit === null || audit.missingCount === 0) return null;
    return {
      severity: "critical",
      confidence: "high",
      title: `${counted(audit.missingCount, "event was", "events were")} acknowledged and ${audit.missingCount === 1 ? "is" : "are"} not there`,
      evidence: [
        evidence("audit.missingCount", audit.missingCount, 0),
        evidence("audit.missing[0]", audit.missing[0] ?? null),
      ],
      counterEvidence: [
        evidence("audit.excused", audit.excused, "ephemeral, expired or replaced: not counted"),
        evidence("audit.found", audit.found, audit.checked),
      ],
      remediation:
        "Two things look like this. A write policy that says OK and keeps nothing: a shadow reject, a web of trust, a spam filter; switch it off for the test, or load with keys that it trusts. Or an OK before the commit: say it only behind what makes an event durable, and look at what an error in the write path does with the rest of its batch. Read back one of the ids that are named.",
      labels: ["data-loss", "storage"],
      cost: failureCost((audit.missingCount / audit.checked) * audit.acknowledged, report),
    };
  },
};

export const silentDrops: Rule = {
  id: "silent-drops",
  explains: ["overload", "queueing", "tail", "latency-drift"],
  find({ report }) {
    const { config, generator } = report;
    const { totals, times } = publishOf(report);
    const { timedOut } = totals;
    const { lateOk } = report.frames;
    if (timedOut === 0 || isSlowOnly(report)) return null;
    const p99 = times.service.p99;
    const isFast = p99 !== null && p99 < config.ackTimeoutMs / 4;
    return {
      severity: shareOf(timedOut, report) >= 0.01 ? "critical" : "major",
      confidence: isFast ? "high" : "medium",
      title: `${percent(shareOf(timedOut, report))} of the events got no OK at all`,
      evidence: [
        evidence("publish.totals.timedOut", timedOut, 0),
        evidence("config.ackTimeoutMs", config.ackTimeoutMs),
      ],
      counterEvidence: [
        evidence("frames.lateOk", lateOk, `${timedOut} if the relay were slow only`),
        evidence("publish.times.service.p99", p99, config.ackTimeoutMs),
        evidence("generator.loopLag.p99", generator.loopLag.p99, config.ackTimeoutMs),
        evidence("connection.totals.dropped", report.classes.connection.totals.dropped, 0),
      ],
      remediation:
        "Answer every EVENT with an OK, true or false, as NIP-01 asks. Look for a full queue that discards, an early return without an answer, and errors of the write path that are only logged.",
      labels: ["protocol", "reliability"],
      cost: failureCost(timedOut, report),
    };
  },
};

export const timeouts: Rule = {
  id: "timeouts",
  explains: ["tail"],
  find({ report }) {
    const { config } = report;
    const { totals, times } = publishOf(report);
    const { timedOut } = totals;
    const { lateOk } = report.frames;
    if (timedOut === 0 || !isSlowOnly(report)) return null;
    return {
      severity: shareOf(timedOut, report) >= 0.01 ? "critical" : "major",
      confidence: "high",
      title: `${percent(shareOf(timedOut, report))} of the events were not answered in time`,
      evidence: [
        evidence("publish.totals.timedOut", timedOut, 0),
        evidence("frames.lateOk", lateOk, timedOut),
        evidence("config.ackTimeoutMs", config.ackTimeoutMs),
      ],
      counterEvidence: [
        evidence("publish.times.service.p99", times.service.p99, config.ackTimeoutMs),
      ],
      remediation:
        "The relay took on more than it can answer in time. Bound its queue and refuse what is beyond it with `rate-limited:` or `error:` at once, which costs clients less than a wait.",
      labels: ["performance", "reliability"],
      cost: failureCost(timedOut, report),
    };
  },
};

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}
