/** What live delivery shows of a relay: what does not come, comes twice, waits for a clock, or holds publishers up. */
import { deliveryOf } from "../class-report.ts";
import { counted, formatCount, formatMs, formatPercent } from "../format.ts";
import { decoysAdded } from "../stages.ts";
import { countErrors, errorEvidence, evidence, type Rule } from "./rule.ts";

/** What a delivery that failed counts in ms of waiting. */
const FAILED_MS = 1_000;
/** A clock that all deliveries wait for: bursts so evenly apart, and by so many times more than events are. */
const EVEN = 0.2;
const TIMES_APART = 2;
const FEWEST_BURSTS = 15;
/** OK with subscribers takes so many times as long as without, and so much longer. */
const OK_GROWTH = 1.5;
const OK_GROWTH_MS = 1;

/** CPU with decoys, over that without: so many times as much, and so many percent of a core more. */
const CPU_GROWTH = 1.3;
const CPU_GROWTH_PERCENT = 5;

const isWithin = (ratio: number, by: number) => ratio >= 1 - by && ratio <= 1 + by;
const share = (n: number, of: number) => (of === 0 ? 0 : n / of);

export const deliveriesMissing: Rule = {
  id: "deliveries-missing",
  of: ["delivery"],
  explains: [],
  find({ report }) {
    const { totals: t } = deliveryOf(report);
    const isSilence = (of: string, code: string) =>
      of === "subscription" && (code === "silence" || code === "NOTICE");
    const silent = countErrors(report, isSilence);
    const closed = countErrors(report, (of, code) => of === "subscription" && !isSilence(of, code));
    if (t.missing === 0 && silent === 0) return null;
    const lost = t.missing + (silent > 0 ? t.subscriptionLost : 0);
    const ended = silent === 0 ? "" : `, ${counted(silent, "subscription")} got nothing any more`;
    return {
      severity: share(lost, t.due) >= 0.0001 ? "critical" : "major",
      confidence: closed === 0 ? "high" : "medium",
      title: `${counted(lost, "delivery", "deliveries")} of accepted events did not come, with no word and no close${ended}`,
      evidence: [
        evidence("delivery.totals.missing", t.missing, 0),
        evidence("delivery.totals.due", t.due),
        ...errorEvidence(report, isSilence),
      ],
      counterEvidence: [
        evidence(
          "delivery.totals.late",
          t.late,
          "what came behind the delivery timeout is not missing",
        ),
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, "ms"),
      ],
      remediation:
        "A subscriber must be told, or be closed, when it can't be served: look for a queue between write path and connections that drops the oldest, a bound on what waits for a reader, and a bound of subscriptions that answers EOSE all the same.",
      labels: ["live-delivery", "reliability"],
      cost: share(lost, t.due) * FAILED_MS,
    };
  },
};

export const deliveriesTwice: Rule = {
  id: "deliveries-twice",
  of: ["delivery"],
  explains: [],
  find({ report }) {
    const { totals: t, times } = deliveryOf(report);
    if (t.duplicate === 0) return null;
    return {
      severity: share(t.duplicate, t.frames) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `${formatPercent(share(t.duplicate, t.frames))} of the frames were of events that the subscription had got before`,
      evidence: [
        evidence("delivery.totals.duplicate", t.duplicate, 0),
        evidence("delivery.totals.frames", t.frames),
      ],
      counterEvidence: [
        evidence("delivery.totals.stored", t.stored, "stored events before EOSE are none of them"),
      ],
      remediation:
        "Send an event once to a subscription, whichever of its filters match: each REQ here has one filter and an id of its own, so that a listener was added twice, or an event was announced twice.",
      labels: ["live-delivery", "protocol"],
      cost: share(t.duplicate, t.frames) * (times.service.mean ?? 0),
    };
  },
};

export const deliveryTick: Rule = {
  id: "delivery-tick",
  of: ["delivery"],
  explains: [],
  find({ report }) {
    const { config } = report;
    const { times } = deliveryOf(report);
    const { bursts, service } = times;
    const { p50, p90, count } = bursts;
    const lowest = bursts.min;
    if (p50 === null || p90 === null || lowest === null || count < FEWEST_BURSTS) return null;
    // Each VU sees bursts of what it publishes.
    const apartMs = (1_000 * config.vus) / config.rateEps;
    const isEven = (p90 - p50) / p50 <= EVEN;
    const longest = service.p99 ?? 0;
    // Events that wait for a clock wait up to a period, and half of it in the middle.
    const isWaiting = longest >= p50 * 0.7 && longest <= p50 * 1.3;
    if (p50 < apartMs * TIMES_APART || !isEven || !isWaiting) return null;
    return {
      severity: "info",
      confidence: "high",
      title: `Deliveries come together every ${formatMs(p50)}, whenever their events were accepted: a clock of the relay's, and no overload`,
      evidence: [
        evidence("delivery.times.bursts.p50", p50, apartMs),
        evidence("delivery.times.bursts.p90", p90, p50),
        evidence("delivery.times.service.p99", longest, p50),
      ],
      counterEvidence: [
        evidence("delivery.times.bursts.min", lowest, "ms; phases of several clocks come nearer"),
        evidence("delivery.times.service.p50", service.p50, p50 / 2),
      ],
      remediation:
        "It is how the relay looks for what is new: delivery takes half a period on average, whatever its load. A shorter period costs looks; telling subscribers at commit costs none.",
      labels: ["live-delivery", "design-floor"],
      cost: 0,
    };
  },
};

export const costOfDecoys: Rule = {
  id: "cpu-grows-with-decoys",
  of: ["delivery"],
  explains: [],
  find({ report }) {
    const added = decoysAdded(report);
    if (added === null) return null;
    const { before, beside } = added;
    const [alone, cpu] = [before.cpuPercent, beside.cpuPercent];
    if (alone === null || cpu === null || beside.accepted === 0) return null;
    if (cpu < alone * CPU_GROWTH || cpu - alone < CPU_GROWTH_PERCENT) return null;
    const count = report.config.fanout?.decoys ?? 0;
    // Ten µs of a core are one percent of it at a thousand a second.
    const microseconds = ((cpu - alone) * 10_000) / beside.accepted;
    return {
      severity: cpu >= alone * 2 ? "major" : "minor",
      confidence: isWithin(beside.accepted / before.accepted, 0.1) ? "high" : "low",
      title: `${formatCount(count)} subscriptions that match nothing take ${(cpu - alone).toFixed(0)} % of a core: ${formatMs(microseconds / 1_000)} an event`,
      evidence: [
        evidence("relay.cpuPercent with decoys", cpu, alone),
        evidence("nanoseconds an event and decoy", (microseconds * 1_000) / count),
        evidence("config.fanout.decoys", count),
      ],
      counterEvidence: [
        evidence("accepted a second with decoys", beside.accepted, before.accepted),
        evidence("delivered a second with decoys", beside.delivered, before.delivered),
      ],
      remediation:
        "Find the subscriptions of an event by what it has (author, kind, tags) in an index of filters: then an event costs what it matches, and not what is open.",
      labels: ["live-delivery", "performance", "scaling"],
      cost: microseconds / 1_000,
    };
  },
};

export const okHeldBySubscribers: Rule = {
  id: "ok-held-by-subscribers",
  of: ["delivery"],
  // They are opened within the window.
  explains: ["latency-drift"],
  find({ report }) {
    const { times, totals: t } = deliveryOf(report);
    const alone = times.okAlone.p50;
    const beside = times.okBeside.p50;
    if (alone === null || beside === null) return null;
    if (beside < alone * OK_GROWTH || beside - alone < OK_GROWTH_MS) return null;
    const first = share(times.aheadOfOk.count, times.aheadOfOk.count + times.behindOk.count);
    return {
      severity: beside >= alone * 4 ? "major" : "minor",
      confidence: first >= 0.5 ? "high" : "medium",
      title: `OK takes ${formatMs(beside)} with subscribers, and ${formatMs(alone)} without: publishers wait for deliveries`,
      evidence: [
        evidence("delivery.times.okBeside.p50", beside, alone),
        evidence("delivery.times.okAlone.p50", alone),
        evidence("delivery.totals.due", t.due),
      ],
      counterEvidence: [
        evidence("share of first deliveries ahead of their OK", first, 0.5),
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, beside),
      ],
      remediation:
        "Answer when the event is committed, and hand it to subscribers behind that, each with a queue of its own and a bound on it: one slow reader must not hold every publisher up.",
      labels: ["live-delivery", "performance"],
      cost: beside - alone,
    };
  },
};
