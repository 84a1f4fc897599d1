/** What peers that subscribe and hardly read do to a relay: hold others up, grow its memory, or be cut. */
import { formatBytes, formatMs } from "../format.ts";
import { type Added, mostBytesFrom, type Stage, slowReadersAdded } from "../stages.ts";
import type { Report, SlowReaders } from "../types.ts";
import { BUSY_PERCENT } from "./meanwhile.ts";
import { evidence, type Rule } from "./rule.ts";

/** Others wait so many times as long as before, and so much longer; or so much less of theirs is done. */
const GROWTH = 1.5;
const GROWTH_MS = 2;
const LEAST_DONE = 0.9;
/** Less is what any process takes and gives back. */
const LEAST_BYTES = 16_000_000;
/** Less that nobody took explains no growth. */
const LEAST_UNREAD = 8_000_000;
/** Of what they were sent and nobody took the relay keeps so much at least. */
const LEAST_KEPT = 0.3;
/** Around an event in a frame: `["EVENT","slow0",` and the end. */
const FRAME_BYTES = 18;

/** Of an event that is not done at all. */
const FAILED_MS = 1_000;

interface Held {
  readonly what: string;
  readonly said: string;
  readonly before: number | null;
  readonly beside: number | null;
  readonly cost: number;
}

export const heldBySlowReaders: Rule = {
  id: "held-by-slow-readers",
  of: ["delivery"],
  explains: [
    ...["queueing", "tail", "stalls", "latency-drift", "timeouts", "silent-drops", "overload"],
    ...["stopped-answering", "throttled", "deliveries-missing"],
  ],
  find({ report }) {
    const added = slowReadersAdded(report);
    const { slowReaders } = report;
    if (added === null || slowReaders === undefined) return null;
    const held = heldOf(added);
    const [worst] = held;
    if (worst === undefined) return null;
    return {
      severity: held.some(({ cost }) => cost >= 100) ? "critical" : "major",
      // A relay without processor is slow for all that it has to do, and theirs is more of it.
      confidence: isBusy(added.beside) ? "low" : "high",
      title: `${describePeers(slowReaders)} hold ${held.some(({ what }) => what.startsWith("OKs")) ? "publishers" : "the other subscribers"} up: ${held.map(({ said }) => said).join("; ")}`,
      evidence: [
        ...held.map(({ what, before, beside }) => evidence(`${what} beside them`, beside, before)),
        evidence("slowReaders.fromSec", slowReaders.fromSec),
      ],
      counterEvidence: [
        evidence("relay.cpuPercent beside them", added.beside.cpuPercent, added.before.cpuPercent),
        evidence("generator.loopLag.p99", report.generator.loopLag.p99, "ms"),
        evidence("slowReaders that were cut", cutOf(slowReaders), slowReaders.opened),
      ],
      remediation:
        "Give each connection a queue of its own, with a bound, and never wait for a write in the path of a publish: who does not read in time is closed, with a reason.",
      labels: ["live-delivery", "reliability"],
      cost: Math.max(...held.map(({ cost }) => cost)),
    };
  },
};

export const slowReadersInMemory: Rule = {
  id: "slow-readers-in-memory",
  of: ["delivery"],
  explains: ["memory-growth"],
  find({ report }) {
    const added = slowReadersAdded(report);
    const { slowReaders } = report;
    if (added === null || slowReaders === undefined) return null;
    const { before } = added;
    const most = mostBytesFrom(report, slowReaders.fromSec ?? 0);
    if (before.bytes === null || most === null) return null;
    const growth = most - before.bytes;
    const unread = unreadBytes(report, slowReaders);
    if (growth < LEAST_BYTES || growth < unread * LEAST_KEPT || unread < LEAST_UNREAD) return null;
    const cut = cutOf(slowReaders);
    return {
      severity: cut < slowReaders.opened ? "major" : "minor",
      confidence: "medium",
      title: `What ${describePeers(slowReaders)} were sent waits in the relay's memory: ${formatBytes(growth)} more than before${cut === 0 ? ", and none was cut" : ""}`,
      evidence: [
        evidence("relay's memory at its highest beside them", most, before.bytes),
        evidence("bytes that they were sent and did not take", unread),
        evidence("slowReaders that were cut", cut, slowReaders.opened),
      ],
      counterEvidence: [
        evidence("slowReaders.heldBytes, held by the system", slowReaders.heldBytes),
        evidence("accepted a second beside them", added.beside.accepted, before.accepted),
      ],
      remediation:
        "Bound what waits for one connection, in bytes, and end it beyond that: any client can otherwise fill the relay's memory by subscribing and reading nothing.",
      labels: ["live-delivery", "memory", "reliability"],
      cost: cut < slowReaders.opened ? 20 : 1,
    };
  },
};

export const slowReadersCut: Rule = {
  id: "slow-readers-cut",
  of: ["delivery"],
  explains: [],
  find({ report: { slowReaders } }) {
    if (slowReaders === undefined || cutOf(slowReaders) === 0) return null;
    const { ends, opened, fromSec } = slowReaders;
    const first = Math.min(...ends.map(({ firstSec }) => firstSec ?? Number.POSITIVE_INFINITY));
    const when =
      Number.isFinite(first) && fromSec !== null
        ? `, the first ${formatMs((first - fromSec) * 1_000)} behind its subscription`
        : "";
    return {
      severity: "info",
      confidence: "high",
      title: `The relay cut ${cutOf(slowReaders)} of ${opened} slow readers${when}: ${ends.map(({ how, count }) => `${count} by ${how}`).join(", ")}`,
      evidence: ends.map(({ how, count, firstSec }) =>
        evidence(`slowReaders.ends/${how}`, count, firstSec),
      ),
      counterEvidence: [evidence("slowReaders that stayed", opened - cutOf(slowReaders))],
      remediation:
        "It is a bound on what waits for one reader, as it should be. A Close frame with a code and a reason would tell a client why; without one it comes back and is cut again.",
      labels: ["live-delivery"],
      cost: 0,
    };
  },
};

function isBusy({ cpuPercent }: Stage): boolean {
  return cpuPercent !== null && cpuPercent >= BUSY_PERCENT;
}

/** What of the others took longer, or was not done, the worst first. */
function heldOf({ before, beside }: Added): readonly Held[] {
  const ok = (of: Stage) => ({ done: of.accepted, ms: of.okP50 });
  const delivery = (of: Stage) => ({ done: of.delivered, ms: of.deliveryP50 });
  return [
    ...compare("OKs", "OK took", ok(before), ok(beside)),
    ...compare("deliveries", "deliveries took", delivery(before), delivery(beside)),
  ].toSorted((a, b) => b.cost - a.cost);
}

interface Done {
  /** A second. */
  readonly done: number;
  readonly ms: number | null;
}

function compare(what: string, took: string, before: Done, beside: Done): readonly Held[] {
  if (before.done > 0 && beside.done < before.done * LEAST_DONE) {
    const said = `${beside.done.toFixed(1)} ${what} a second, and ${before.done.toFixed(1)} before`;
    const cost = (1 - beside.done / before.done) * FAILED_MS;
    return [{ what: `${what} a second`, said, before: before.done, beside: beside.done, cost }];
  }
  const [was, is] = [before.ms, beside.ms];
  if (was === null || is === null || is < was * GROWTH || is - was < GROWTH_MS) return [];
  const said = `${took} ${formatMs(is)}, and ${formatMs(was)} before`;
  return [{ what: `${what}, p50 ms`, said, before: was, beside: is, cost: is - was }];
}

function describePeers({ opened, bytesPerSec }: SlowReaders): string {
  const peers = opened === 1 ? "1 peer" : `${opened} peers`;
  return bytesPerSec === 0
    ? `${peers} that read nothing`
    : `${peers} that read ${formatBytes(bytesPerSec)} a second each`;
}

function cutOf({ ends }: SlowReaders): number {
  return ends.reduce((sum, { count }) => sum + count, 0);
}

/** What was accepted until each was cut, as often as it asked for it, less what they took by the end and the system held. */
function unreadBytes(report: Report, slow: SlowReaders): number {
  const { events, bytes } = report.config.pool;
  const meanBytes = events === 0 ? 0 : bytes / events + FRAME_BYTES;
  const owedUntil = (sec: number) =>
    ((report.classes.publish?.series ?? [])
      .filter(({ t }) => t >= (slow.fromSec ?? 0) && t < sec)
      .reduce((sum, { counts }) => sum + counts.accepted, 0) *
      meanBytes *
      slow.topicsEach *
      slow.subscriptions) /
    Math.max(1, slow.topics);
  const end = Number.POSITIVE_INFINITY;
  const owed = slow.ends.reduce(
    (sum, { count, lastSec }) => sum + count * owedUntil(lastSec ?? end),
    (slow.opened - cutOf(slow)) * owedUntil(end),
  );
  return Math.max(0, owed - slow.bytes - (slow.heldBytes ?? 0));
}
