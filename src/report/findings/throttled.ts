/** A limit by delay: the relay lets events through at an even rate and sleeps in between. */
import { leadOf } from "./lead.ts";
import { isSlowOnly } from "./losses.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import { mean, median, type RunView } from "./view.ts";

/** A relay that does so little has no work that would make an answer late, percent of a core. */
const IDLE = { percent: 30, thread: 25 };
/**
 * Bytes a second from which on the disk may be what it waits for, and pressure on it, percent. A relay that waits
 * for it to sync writes little, but then no event is let through at once (`FREE`).
 */
const DISK = { bytesPerSec: 2e7, pressure: 20 };
/** Least and most accepted in a part of the window, against their mean; a limit may count by the second. */
const EVEN = { least: 0.5, most: 1.6, mostParts: 10, leastSec: 2 };
/** Of the set rate: more is no limit. */
const BELOW = 0.95;
/** What an event takes that is let through at once, against the distance of two that are. */
const FREE = 0.3;

export const throttled: Rule = {
  id: "throttled",
  of: ["publish", "query"],
  explains: ["overload", "timeouts", "silent-drops", "tail", "latency-drift", "queueing", "stalls"],
  find(view) {
    const { report, relayCpu, relayThread } = view;
    const { config } = report;
    const { name, words, times, rate: rates, ...counts } = leadOf(report);
    const { timedOut, backpressure } = counts;
    const { min, p50, p99 } = times.service;
    const held = heldRates(view);
    const lateEps = lateRate(view, held);
    const eps = lateEps ?? mean(held) ?? 0;
    if (relayCpu === null || relayCpu >= IDLE.percent || (relayThread ?? 0) >= IDLE.thread)
      return null;
    if (min === null || p50 === null || p99 === null || eps <= 0) return null;
    if (eps >= rates.set * BELOW || counts.refused > 0) return null;
    if (lateEps === null && !isEven(held)) return null;
    if (waitsForDisk(view)) return null;
    // Work that is done one by one takes each event at least as long as lies between two answers.
    const isFree = min < (1_000 / eps) * FREE;
    const isHeld = p99 >= config.ackTimeoutMs / 4 || backpressure > 0;
    if (!isFree || !isHeld || (timedOut > 0 && !isHeldBack(view))) return null;
    const perClient = eps / config.clients;
    const rate = eps < 10 ? eps.toFixed(1) : eps.toFixed(0);
    return {
      severity: "major",
      confidence: "medium",
      title: `The relay lets about ${rate} ${words.many}/s through and does nothing meanwhile: a limit by delay`,
      evidence: [
        evidence(`${name}.rate.done`, rates.done, rates.set),
        evidence(`${words.done} ${words.many}/s of a connection`, perClient),
        evidence("relay.cpuPercent", relayCpu, IDLE.percent),
        evidence(`${name}.times.service.min`, min, 1_000 / eps),
        evidence(`${name}.times.service.p99`, p99, p50),
        evidence(`${name}.totals.timedOut`, timedOut, 0),
      ],
      counterEvidence: [
        evidence(`${words.done} ${words.many}/s, part by part`, acceptedByPart(view).join(", ")),
        evidence("relay.busiestThreadPercent", relayThread, IDLE.thread),
        evidence("host.cpuPercent", view.hostCpu, "near 100 if it lacks a processor"),
        evidence("frames.lateOk", report.frames.lateOk),
      ],
      remediation: `A relay that sleeps instead of refusing makes clients wait until their timeout, the well-behaved ones too. If the limit is meant (nostr-rs-relay messages_per_sec, a proxy's shaping), load below it, or raise it for the test; else look for what each ${words.one} waits for: a sleep, a lock, a database or service elsewhere. Refusing with \`rate-limited:\` at once costs clients less.`,
      labels: ["configuration", "rate-limit"],
      cost:
        Math.max(0, (times.response.mean ?? 0) - p50) +
        failureCost(timedOut + backpressure, report),
    };
  },
};

/** What is not answered in time is answered late, or would be. */
function isHeldBack({ report }: RunView): boolean {
  const p99 = leadOf(report).times.service.p99 ?? 0;
  return isSlowOnly(report) || p99 >= report.config.ackTimeoutMs / 4;
}

function acceptedByPart({ window, report }: RunView): readonly number[] {
  const { sliceSec } = report.run;
  const most = Math.floor((window.length * sliceSec) / EVEN.leastSec);
  const parts = Math.max(3, Math.min(EVEN.mostParts, most));
  return Array.from({ length: parts }, (_, i) => {
    const from = Math.floor((i * window.length) / parts);
    const part = window.slice(from, Math.floor(((i + 1) * window.length) / parts));
    const accepted = part.reduce((sum, p) => sum + p.accepted, 0);
    return Math.round(accepted / Math.max(1, part.length) / sliceSec);
  });
}

/**
 * A limit may let a burst through at first, nostr-rs-relay what it allows in a minute: the parts behind the last that kept
 * up with the set rate decide, without the one in which the burst ended.
 */
function heldRates(view: RunView): readonly number[] {
  const parts = acceptedByPart(view);
  const least = leadOf(view.report).rate.set * BELOW;
  const keptUp = parts.findLastIndex((eps) => eps >= least);
  return parts.slice(Math.max(keptUp + 2, Math.ceil(parts.length / 5)));
}

/**
 * Behind its burst the relay may sleep so long that every answer comes too late to be counted, at an even
 * rate still: so many a second, from the first part without an answer in time to the end of waiting. `null` where
 * answers come in time, or none comes late.
 */
function lateRate({ report }: RunView, held: readonly number[]): number | null {
  const { config, run } = report;
  const isSilent = held.length > 1 && held.at(-1) === 0;
  if (!isSilent || report.frames.lateOk === 0) return null;
  const silentSec = (held.filter((eps) => eps === 0).length / held.length) * run.durationSec;
  return report.frames.lateOk / (silentSec + config.ackTimeoutMs / 1_000);
}

function isEven(held: readonly number[]): boolean {
  const middle = mean(held) ?? 0;
  const isWithin = (eps: number) => eps >= middle * EVEN.least && eps <= middle * EVEN.most;
  return held.length > 1 && middle > 0 && held.every(isWithin);
}

function waitsForDisk({ relay, samples }: RunView): boolean {
  const written = median(relay.flatMap((s) => s.diskWriteBytesPerSec ?? [])) ?? 0;
  const pressure = mean(samples.flatMap((s) => s.pressure?.io ?? [])) ?? 0;
  return written >= DISK.bytesPerSec || pressure >= DISK.pressure;
}
