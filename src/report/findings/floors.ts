/**
 * Times below which a relay's design does not get, whatever the load: worth knowing, and no overload.
 * Told apart by the shape of the service times: all near one value, evenly spread below one, or at
 * the 40 ms for which a receiver holds back its acknowledgement.
 */
import type { Evidence, Report } from "../types.ts";
import { evidence, type Rule } from "./rule.ts";
import { mean, partMedians, type RunView } from "./view.ts";

const LEAST_MS = 2.5;
/** From here on a floor is more than a detail to those who wait. */
const HIGH_MS = 50;
const NAGLE_MS = { from: 37, to: 48 };
const MOST_CPU = 60;

interface Shape {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

function shapeOf({ latency }: Report): Shape | null {
  const { min, p50, p90, p99, count } = latency.service;
  if (min === null || p50 === null || p90 === null || p99 === null || count < 100) return null;
  return p50 < LEAST_MS ? null : { min, p50, p90, p99 };
}

const isIdle = ({ relayCpu }: RunView) => relayCpu === null || relayCpu < MOST_CPU;
/** A floor is there all the time; times that drift are spread by that. */
const isSteady = ({ window }: RunView) => {
  const known = partMedians(window, 4, "serviceP50").flatMap((p) => p ?? []);
  return Math.max(...known) <= Math.min(...known) * 1.6;
};
const isNarrow = ({ min, p50, p90 }: Shape) => min >= p50 * 0.5 && p90 <= p50 * 1.6;
const isEven = ({ min, p50, p90, p99 }: Shape) =>
  min <= p50 * 0.25 && Math.abs(p90 / p50 - 1.8) <= 0.2 && Math.abs(p99 / p50 - 1.98) <= 0.25;
/** Both ways to a relay on another host, and back, are in its handshake at least once. */
const isTheWay = ({ report: { run, latency } }: RunView, { min }: Shape) =>
  run.sameHost !== true && (latency.connect.min ?? Number.POSITIVE_INFINITY) >= min * 0.8;
const isNagle = ({ p50 }: Shape) => p50 >= NAGLE_MS.from && p50 <= NAGLE_MS.to;

export const fsyncFloor: Rule = {
  id: "fsync-floor",
  explains: ["queueing"],
  find(view) {
    const shape = shapeOf(view.report);
    if (!shape || !isNarrow(shape) || isNagle(shape) || isTheWay(view, shape)) return null;
    if (!isIdle(view) || !isSteady(view)) return null;
    const written = mean(view.relay.flatMap((s) => s.diskWriteBytesPerSec ?? []));
    return {
      severity: shape.p50 >= HIGH_MS ? "minor" : "info",
      confidence: view.relayCpu === null ? "low" : "medium",
      title: `No answer comes in less than ${shape.min.toFixed(1)} ms, whatever the load: each waits for something of fixed length, mostly the disk`,
      ...proof(view, shape, shape.p50, [
        evidence("relay.diskWriteBytesPerSec", written, "0 if it is no disk"),
      ]),
      remediation:
        "If the events must be on the disk before the OK, this is its price: commit several events together to share it, or use a faster disk. If they need not be, let the store sync in the background.",
      labels: ["storage", "design-floor"],
      cost: shape.min,
    };
  },
};

export const groupCommit: Rule = {
  id: "group-commit",
  explains: ["queueing", "tail"],
  find(view) {
    const shape = shapeOf(view.report);
    if (!shape || !isEven(shape) || !isIdle(view) || !isSteady(view)) return null;
    const intervalMs = shape.p99 / 0.99;
    return {
      severity: intervalMs >= HIGH_MS * 2 ? "minor" : "info",
      confidence: view.relayCpu === null ? "medium" : "high",
      title: `Events are committed together about every ${intervalMs.toFixed(0)} ms, and wait half of it`,
      ...proof(view, shape, intervalMs / 2),
      remediation:
        "Commit as soon as the one before is done rather than by a clock: alone, an event then waits for no one, and under load as many share a commit as before.",
      labels: ["storage", "design-floor"],
      cost: shape.p50,
    };
  },
};

export const nagleDelay: Rule = {
  id: "nagle-delay",
  explains: ["tail", "queueing"],
  find(view) {
    const shape = shapeOf(view.report);
    if (!shape || !isNagle(shape) || shape.p90 > NAGLE_MS.to || isTheWay(view, shape)) return null;
    if (!isIdle(view) || !isSteady(view)) return null;
    return {
      severity: "minor",
      confidence: isNarrow(shape) ? "medium" : "low",
      title: `Answers take ${shape.p50.toFixed(0)} ms, as long as TCP holds back an acknowledgement`,
      ...proof(view, shape, 40),
      remediation:
        "Set TCP_NODELAY on the relay's sockets, and write a frame in one piece: header and payload in two writes wait for each other.",
      labels: ["network", "design-floor"],
      cost: shape.p50,
    };
  },
};

function proof(
  { relayCpu, report }: RunView,
  shape: Shape,
  expectedP50: number,
  further: readonly Evidence[] = [],
) {
  return {
    evidence: [
      evidence("latency.service.p50", shape.p50, expectedP50),
      evidence("latency.service.min", shape.min),
      evidence("latency.service.p99", shape.p99),
    ],
    counterEvidence: [
      evidence("relay.cpuPercent", relayCpu, MOST_CPU),
      ...further,
      evidence("latency.connect.min", report.latency.connect.min, "near it if it is the way"),
      evidence("generator.floorMs", report.generator.floorMs, shape.min),
      evidence("generator.loopLag.p99", report.generator.loopLag.p99, shape.min),
    ],
  };
}
