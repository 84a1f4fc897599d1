/** What open connections cost the relay: processor for each event that is published, and memory. */
import { publishOf } from "../class-report.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { Report, ResourceSample } from "../types.ts";
import { WAITING_MS } from "./host-full.ts";
import { leadOf } from "./lead.ts";
import { type Draft, evidence, type Rule } from "./rule.ts";
import { mean, type RunView } from "./view.ts";

/** With fewer, what an event costs by itself can't be told from what it costs for each connection. */
const LEAST_CONNECTIONS = 200;
/** Parsing, checking a signature and writing take up to about so much of a core; the rest is something else. */
const LEAST_CPU_MS = 3;
/** Twice that is hardly the event alone. */
const CLEAR_CPU_MS = 6;
/** Handing an event to one connection costs some µs; far more than that is work for the event itself. */
const MOST_CPU_US = 50;
/** The connections are there and mostly say nothing: publishing alone would be little work. */
const MOST_EPS_EACH = 1;

export const connectionCost: Rule = {
  id: "connection-cost",
  explains: ["cpu-bound", "slow-start", "stalls", "tail", "latency-drift", "slow-handshake"],
  find(view) {
    const { report, relayCpu, relayThread } = view;
    const { config } = report;
    const { times, totals } = publishOf(report);
    const open = mean(view.window.map((point) => point.connectionsOpen)) ?? 0;
    const eps = publishOf(report).rate.done;
    if (relayCpu === null || open < LEAST_CONNECTIONS || eps <= 0) return null;
    const cpuMs = (relayCpu * 10) / eps;
    const cpuUs = (cpuMs * 1_000) / open;
    if (cpuMs < LEAST_CPU_MS || cpuUs > MOST_CPU_US || eps / open > MOST_EPS_EACH) return null;
    const early = view.window.slice(0, Math.ceil(view.window.length / 10));
    const dueEarly = (totals.scheduled * early.length) / Math.max(1, view.window.length);
    const acceptedEarly = early.reduce((sum, point) => sum + point.accepted, 0);
    const isClear = cpuMs >= CLEAR_CPU_MS;
    const isWaiting = (times.service.p99 ?? 0) >= WAITING_MS;
    return {
      severity: !isWaiting ? "info" : isClear ? "major" : "minor",
      // One run alone does not tell what is for each connection: a second with fewer does.
      confidence: isClear ? "medium" : "low",
      title: `Each event costs the relay ${cpuMs.toFixed(1)} ms of processor with ${formatCount(open)} connections open: ${cpuUs.toFixed(cpuUs < 10 ? 1 : 0)} µs for each of them`,
      evidence: [
        evidence("relay CPU an accepted event, ms", cpuMs, LEAST_CPU_MS),
        evidence("and open connection, µs", cpuUs, MOST_CPU_US),
        evidence("accepted events/s for each connection", eps / open, MOST_EPS_EACH),
        evidence("relay.cpuPercent", relayCpu, (view.cpus ?? 1) * 100),
        evidence("accepted in the first tenth", acceptedEarly, dueEarly),
      ],
      counterEvidence: [
        evidence("relay.busiestThreadPercent", relayThread, "near 100 if one thread is the limit"),
        evidence("config.clients", config.clients, "not yet run with fewer"),
        evidence("publish.times.service.p50", times.service.p50, WAITING_MS),
      ],
      remediation:
        "Run it again at the same rate with a tenth of the connections (`--clients`): if the processor time an event falls with them, each event is work for each connection: a broadcast that wakes all of them, a list of subscriptions that is searched. If it stays, an event is dear by itself. Where little is answered at first, opening connections still took the processor: `--warmup` tells it apart.",
      labels: ["performance", "connections"],
      cost: isWaiting ? (times.response.mean ?? 0) : 0,
    };
  },
};

/** More than the leaner ones of the peers below have. */
const LARGE_BYTES = 100_000;
/** Below it what the relay needs by itself can't be told from what connections add. */
const LEAST_ADDED_BYTES = 40_000_000;
/** The last look before the window, or the first in it, with all connections open. */
const OPEN_BY_SEC = 2;
/** Held idle with a subscription each, 2,000 of them, by the slope over the ramp; strfry's by all that it had. */
const PEERS =
  "nostr-rs-relay 21 kB, khatru 28 kB, strfry 0.35 MB with a window of compression for each";

export const connectionMemory: Rule = {
  id: "connection-memory",
  of: ["connection"],
  explains: [],
  find(view) {
    const added = slopeOf(view.report) ?? betweenLooks(view);
    if (added === null) return null;
    const { each, open, confidence } = added;
    if (each < LARGE_BYTES || each * open < LEAST_ADDED_BYTES) return null;
    return {
      severity: "info",
      confidence,
      title: `A connection costs the relay ${formatBytes(each)} of memory: ${formatBytes(each * 10_000)} for 10,000`,
      evidence: [
        evidence("bytes a connection", each, LARGE_BYTES),
        evidence("of relays that were measured alike", PEERS),
        ...added.evidence,
      ],
      counterEvidence: added.counterEvidence,
      remediation:
        "Look at what is held for each connection: the window of permessage-deflate (`no_context_takeover` and a smaller window free it), read and write buffers, stacks of threads. What clients do not use while they are idle should not be kept.",
      labels: ["memory", "connections"],
      cost: 0,
    };
  },
};

interface Added extends Pick<Draft, "confidence" | "evidence" | "counterEvidence"> {
  readonly each: number;
  readonly open: number;
}

/** Of a run that is about connections: memory against open ones while they came, at the least that it may be. */
function slopeOf({ connectionCosts }: Report): Added | null {
  const { memoryBytes = null, memoryOf = "", looks = [] } = connectionCosts ?? {};
  if (memoryBytes === null) return null;
  const { value, low, high } = memoryBytes;
  return {
    each: low,
    open: Math.max(0, ...looks.map((look) => look.open)),
    confidence: "high",
    evidence: [
      evidence(`connectionCosts.memoryBytes, ${memoryOf}`, value),
      evidence("95 % interval, bytes", `${formatBytes(low)} to ${formatBytes(high)}`),
    ],
    counterEvidence: [evidence("looks", memoryBytes.looks, "the slope rests on so many")],
  };
}

/** Of another run: between the last look before its connections and the first with all of them. */
function betweenLooks({ report, window }: RunView): Added | null {
  const all = (report.resources?.samples ?? []).filter((s) => s.process === "relay");
  const open = window[0]?.connectionsOpen ?? 0;
  const before = all.find((s) => s.t < 0);
  const behind = all.findLast((s) => s.t <= OPEN_BY_SEC);
  if (!before || !behind || open < LEAST_CONNECTIONS / 2) return null;
  const [first, last] = memoryOf(before, behind);
  if (first === null || last === null) return null;
  const { name, done } = leadOf(report);
  return {
    each: (last - first) / open,
    open,
    confidence: report.config.warmupSec > 0 ? "low" : "medium",
    evidence: [
      evidence("relay memory with the connections open, bytes", last, first),
      evidence("connections open", open),
    ],
    counterEvidence: [
      evidence("seconds between the looks", behind.t - before.t, "caches grow meanwhile too"),
      evidence(`${name}.totals`, done, "what is kept of these counts as well"),
    ],
  };
}

/** Without the pages of a mapped store, where the system tells them apart. */
function memoryOf(before: ResourceSample, behind: ResourceSample) {
  const hasAnon = typeof before.anonBytes === "number" && typeof behind.anonBytes === "number";
  return [before, behind].map((s) => (hasAnon ? (s.anonBytes ?? null) : s.rssBytes)) as [
    number | null,
    number | null,
  ];
}
