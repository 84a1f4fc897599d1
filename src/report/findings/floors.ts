/**
 * Times below which a relay's design does not get, whatever the load: worth knowing, and no overload.
 * Told apart by the shape of the service times: all near one value, evenly spread below one, or at
 * the 40 ms for which a receiver holds back its acknowledgement.
 */
import { publishOf, queryOf } from "../class-report.ts";
import { diskOf } from "../disk.ts";
import type { LatencySummary } from "../times.ts";
import type { Evidence } from "../types.ts";
import { leadOf } from "./lead.ts";
import { isOverloaded } from "./overload.ts";
import { type Draft, evidence, type Rule } from "./rule.ts";
import { partMedians, type RunView } from "./view.ts";

const LEAST_MS = 2.5;
/** From here on a floor is more than a detail to those who wait. */
const HIGH_MS = 50;
const LEAST_QUERIES = 50;
const NAGLE_MS = { from: 37, to: 48 };
/** Of queries: some answers are written in one piece with what went before, and are not held back. */
const NAGLE_QUERY_MS = { from: 37, to: 50, p90: 56 };
const MOST_CPU = 60;

interface Shape {
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Of a relay at its limit times are the length of a queue, and no floor. */
function shapeOf(view: RunView): Shape | null {
  const { service } = publishOf(view.report).times;
  if (isOverloaded(view)) return null;
  const shape = wholeShape(service);
  return shape === null || service.count < 100 || shape.p50 < LEAST_MS ? null : shape;
}

function wholeShape({ min, p50, p90, p99 }: LatencySummary): Shape | null {
  return min === null || p50 === null || p90 === null || p99 === null
    ? null
    : { min, p50, p90, p99 };
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
const isTheWay = ({ report }: RunView, { min }: Shape) =>
  report.run.sameHost !== true &&
  (report.classes.connection.times.connect.min ?? Number.POSITIVE_INFINITY) >= min * 0.8;
const isNagle = ({ p50 }: Shape) => p50 >= NAGLE_MS.from && p50 <= NAGLE_MS.to;

export const fsyncFloor: Rule = {
  id: "fsync-floor",
  explains: ["queueing"],
  find(view) {
    const shape = shapeOf(view);
    if (!shape || !isNarrow(shape) || isNagle(shape) || isTheWay(view, shape)) return null;
    if (!isIdle(view) || !isSteady(view)) return null;
    const disk = diskOf(view.report);
    return {
      severity: shape.p50 >= HIGH_MS ? "minor" : "info",
      confidence: view.relayCpu === null ? "low" : "medium",
      title: `No answer comes in less than ${shape.min.toFixed(1)} ms, whatever the load: each waits for something of fixed length, mostly the disk`,
      ...proof(view, shape, shape.p50, [
        evidence(
          `${disk?.of ?? "relay"}.diskWriteBytesPerSec`,
          disk?.bytesPerSec ?? null,
          "0 if it is no disk",
        ),
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
    const shape = shapeOf(view);
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

const NO_DELAY =
  "Set TCP_NODELAY on the relay's sockets, and write a frame in one piece: header and payload, or several frames of one answer, in writes of their own wait for each other.";

export const nagleDelay: Rule = {
  id: "nagle-delay",
  of: ["publish", "query"],
  explains: ["tail", "queueing"],
  find(view) {
    const shape = shapeOf(view);
    if (!shape || !isNagle(shape) || shape.p90 > NAGLE_MS.to) return nagleOfQueries(view);
    if (isTheWay(view, shape) || !isIdle(view) || !isSteady(view)) return null;
    return {
      severity: "minor",
      confidence: isNarrow(shape) ? "medium" : "low",
      title: `Answers take ${shape.p50.toFixed(0)} ms, as long as TCP holds back an acknowledgement`,
      ...proof(view, shape, 40),
      remediation: NO_DELAY,
      labels: ["network", "design-floor"],
      cost: shape.p50,
    };
  },
};

/** Events and EOSE of an answer are many small writes: there it shows where single OKs go out at once. */
function nagleOfQueries(view: RunView): Draft | null {
  const { report, relayCpu } = view;
  const held = Object.entries(queryOf(report).rows).find(([, { times }]) =>
    isNagleQuery(times.service),
  );
  const shape = held && wholeShape(held[1].times.service);
  if (held === undefined || !shape || !isIdle(view) || isTheWay(view, shape)) return null;
  const [name, { totals, times }] = held;
  const { rows, eose } = totals;
  const { service } = times;
  return {
    severity: "minor",
    confidence: shape.min <= shape.p50 * 0.25 ? "high" : "medium",
    title: `\`${name}\` queries take ${shape.p50.toFixed(0)} ms, as long as TCP holds back an acknowledgement`,
    evidence: [
      evidence(`query.rows.${name}.times.service.p50`, shape.p50, 40),
      evidence(`query.rows.${name}.times.service.p90`, shape.p90, NAGLE_QUERY_MS.p90),
      evidence(`query.rows.${name}.times.service.min`, shape.min, "low if some are not held back"),
      ...(report.classes.publish === undefined
        ? []
        : [
            evidence(
              "publish.times.service.p50",
              publishOf(report).times.service.p50,
              "what a single OK takes",
            ),
          ]),
    ],
    counterEvidence: [
      evidence("relay.cpuPercent", relayCpu, MOST_CPU),
      evidence("events a query", eose === 0 ? null : rows / eose, "one write each"),
      evidence("queries answered", service.count),
      evidence(
        "connection.times.connect.min",
        report.classes.connection.times.connect.min,
        "near it if it is the way",
      ),
    ],
    remediation: NO_DELAY,
    labels: ["network", "design-floor", "queries"],
    cost: (shape.p50 * service.count) / Math.max(1, leadOf(report).due),
  };
}

/** Most near 40 ms: as long as a receiver holds back its acknowledgement. */
export function isNagleQuery(service: LatencySummary): boolean {
  const { p50, p90, count } = service;
  if (p50 === null || p90 === null || count < LEAST_QUERIES) return false;
  return p50 >= NAGLE_QUERY_MS.from && p50 <= NAGLE_QUERY_MS.to && p90 <= NAGLE_QUERY_MS.p90;
}

function proof(
  { relayCpu, report }: RunView,
  shape: Shape,
  expectedP50: number,
  further: readonly Evidence[] = [],
) {
  return {
    evidence: [
      evidence("publish.times.service.p50", shape.p50, expectedP50),
      evidence("publish.times.service.min", shape.min),
      evidence("publish.times.service.p99", shape.p99),
    ],
    counterEvidence: [
      evidence("relay.cpuPercent", relayCpu, MOST_CPU),
      ...further,
      evidence(
        "connection.times.connect.min",
        report.classes.connection.times.connect.min,
        "near it if it is the way",
      ),
      evidence("generator.floorMs", report.generator.floorMs, shape.min),
      evidence("generator.loopLag.p99", report.generator.loopLag.p99, shape.min),
    ],
  };
}
