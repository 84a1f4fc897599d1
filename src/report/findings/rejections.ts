/** OK false: by the relay's own limit on rates, or for another reason that it gives by a prefix. */
import type { Report } from "../types.ts";
import { countErrors, errorEvidence, evidence, failureCost, type Rule, shareOf } from "./rule.ts";

const isRateLimit = (errorClass: string, code: string) =>
  errorClass === "reject" && code === "rate-limited";
const isOtherReject = (errorClass: string, code: string) =>
  errorClass === "reject" && code !== "rate-limited";

export const rateLimited: Rule = {
  id: "rate-limited",
  explains: ["queueing"],
  find({ report }) {
    const count = countErrors(report, isRateLimit);
    if (count === 0) return null;
    const { throughput, config, totals } = report;
    return {
      severity: shareOf(count, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `The relay limits the rate: it turned ${(shareOf(count, report) * 100).toFixed(1)} % down and let ${throughput.acceptedEps.toFixed(0)} events/s of ${config.rateEps} in`,
      evidence: [
        ...errorEvidence(report, isRateLimit),
        evidence("throughput.acceptedEps", throughput.acceptedEps, config.rateEps),
      ],
      counterEvidence: [
        evidence("latency.service.p99", report.latency.service.p99, "slow only if overloaded"),
        evidence("totals.timedOut", totals.timedOut, 0),
      ],
      remediation:
        "If this limit is meant, load below it or spread the load as its clients do. If not, raise the relay's limit for the address or key that it counts by; all connections of a run come from one address.",
      labels: ["configuration", "rate-limit"],
      cost: failureCost(count, report),
    };
  },
};

export const rejected: Rule = {
  id: "rejected",
  explains: [],
  find({ report }) {
    const count = countErrors(report, isOtherReject);
    if (count === 0) return null;
    const prefix = report.errors.find((e) => isOtherReject(e.class, e.code));
    const isSignature = /\bsig\b|signature|schnorr|verification/i.test(prefix?.example ?? "");
    return {
      severity: shareOf(count, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `The relay rejected ${count} events, mostly with \`${prefix?.code}\``,
      evidence: [...errorEvidence(report, isOtherReject), ...typeEvidence(report)],
      counterEvidence: [
        evidence("totals.malformedFrames", report.totals.malformedFrames, 0),
        evidence("totals.accepted", report.totals.accepted, report.totals.scheduled),
      ],
      remediation: remedyFor(prefix?.code ?? ""),
      labels: ["rejections", ...(isSignature ? ["requires-security-review"] : [])],
      cost: failureCost(count, report),
    };
  },
};

function typeEvidence({ latency }: Report) {
  return Object.entries(latency.byEvent)
    .slice(0, 4)
    .map(([type, { accepted }]) => evidence(`latency.byEvent.${type}.accepted`, accepted));
}

function remedyFor(prefix: string): string {
  switch (prefix) {
    case "auth-required":
      return "The relay wants NIP-42 before it takes events. Allow publishing without for the test, or load it with clients that authenticate.";
    case "pow":
      return "The relay wants proof of work (NIP-13). Lower what it asks for during the test, or use a pool that has it.";
    case "invalid":
      return "The relay calls signed, valid events invalid: compare its text with its announced limits (NIP-11) and with the clock; events of a pool carry times of the past.";
    case "blocked":
    case "restricted":
      return "A policy of the relay turns these events down: allow the kinds and keys of the pool, or leave them out of the mix.";
    case "error":
      return "The relay failed while it took these events: its own log has the reason. Look at the storage first, and at what happens at this rate only.";
    default:
      return "Read the texts above and the relay's log; a reason without a prefix of NIP-01 can't be acted on by clients, so give it one.";
  }
}
