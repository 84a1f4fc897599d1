/** Times that change over the run: a slow beginning that ends, and a drift that does not. */
import { backlogOf } from "./backlog.ts";
import { leadOf } from "./lead.ts";
import { evidence, type Rule } from "./rule.ts";
import { median, partMedians } from "./view.ts";

/** One slow slice is a first event, or noise. */
const START = { factor: 3, leastMs: 5, part: 0.1, leastSlices: 2 };
const CALM = 1.5;
const DRIFT = { factor: 1.5, leastMs: 2 };

export const slowStart: Rule = {
  id: "slow-start",
  of: ["publish", "query"],
  explains: ["tail", "queueing", "stalls"],
  find({ window, report }) {
    const early = window.slice(0, Math.max(2, Math.floor(window.length * START.part)));
    const rest = window.slice(Math.floor(window.length / 2));
    const first = median(early.flatMap((p) => p.p50 ?? []));
    const later = median(rest.flatMap((p) => p.p50 ?? []));
    if (first === null || later === null) return null;
    if (first < later * START.factor || first - later < START.leastMs) return null;
    const slow = early.findLastIndex((p) => (p.p50 ?? 0) > later * CALM);
    const untilSec = (early[slow]?.t ?? 0) + report.run.sliceSec;
    if (slow + 1 < START.leastSlices) return null;
    const lastQuarter = partMedians(window, 4, "p50")[3] ?? null;
    const share = early.length / window.length;
    return {
      severity: first - later >= 50 ? "minor" : "info",
      confidence: "high",
      title: `The first ${untilSec.toFixed(1)} s are slow: ${first.toFixed(0)} ms at the median, later ${later.toFixed(1)}`,
      evidence: [
        evidence("response p50 at the start", first, later),
        evidence("slow until, s", untilSec),
      ],
      counterEvidence: [
        evidence("response p50 in the last quarter", lastQuarter, later),
        evidence("config.warmupSec", report.config.warmupSec, "a warm-up hides it"),
        evidence("schedule lag p99 at the start", early[0]?.scheduleLagP99 ?? null, first),
      ],
      remediation:
        "Open files, fill caches and compile before the relay listens, or let its readiness check wait for it. For figures of the steady state run with --warmup.",
      labels: ["performance", "cold-start"],
      cost: (first - later) * share,
    };
  },
};

export const latencyDrift: Rule = {
  id: "latency-drift",
  of: ["publish", "query"],
  explains: ["tail"],
  find(view) {
    const { window, report, relay } = view;
    // At a rate above what the relay answers times rise by themselves.
    if (backlogOf(view).isGrowing) return null;
    const { words, times, rate } = leadOf(report);
    const parts = partMedians(window, 5, "serviceP50");
    if (parts.some((p) => p === null)) return null;
    const medians = parts.flatMap((p) => p ?? []);
    const [first = 0, last = 0] = [medians[0], medians[4]];
    const steps = medians.slice(1).map((m, i) => m - (medians[i] ?? 0));
    const isRising = steps.filter((s) => s > 0).length >= 4 && last === Math.max(...medians);
    if (!isRising || last < first * DRIFT.factor || last - first < DRIFT.leastMs) return null;
    return {
      severity: last - first >= 20 ? "major" : "minor",
      confidence: "high",
      title: `Answers take ever longer: ${first.toFixed(1)} ms at first, ${last.toFixed(1)} at the end`,
      evidence: [
        evidence("service p50 by fifths, ms", medians.map((m) => m.toFixed(1)).join(", ")),
        evidence("service p50 in the last fifth", last, first),
      ],
      counterEvidence: [
        evidence(`${words.done} ${words.many}/s`, rate.done, "below the rate if a queue grows"),
        evidence(
          "relay.rssBytes at the end",
          relay.at(-1)?.rssBytes ?? null,
          relay[0]?.rssBytes ?? null,
        ),
        evidence("generator.scheduleLag.p99", report.generator.scheduleLag.p99, first),
      ],
      remediation:
        "Something grows with what is stored: a table without an index, a list that is searched, a log that is never cut. Compare a run against an empty store with one against a full one.",
      labels: ["performance", "storage"],
      cost: Math.max(0, (times.service.mean ?? 0) - first),
    };
  },
};
