/**
 * The companion of a run: samples relay, generator and host, reads the relay's own metrics, and serves
 * both on loopback, to k6 among others. What it could not have it says, with the reason.
 */
import { classifyAddress, parseAddress } from "../../guard/address.ts";
import type { Slice } from "../../measure/slice.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Resources } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import type { LiveRun } from "../live.ts";
import { processName } from "../proc.ts";
import { startSampler, type TimedSample } from "../sampler.ts";
import { findPortOwner, type PortOwner } from "./port-owner.ts";
import { createRelayMetricsReader, type SideUrl } from "./relay-metrics.ts";
import { serveCompanion } from "./serve.ts";

export interface CompanionRequest {
  readonly plan: Plan;
  readonly admissions: readonly Admission[];
  /** Given by the user; the owner of the relay's port is looked for without it. */
  readonly relayPid: number | undefined;
  readonly relayMetrics: SideUrl | null;
  readonly live: LiveRun;
}

export interface Companion {
  readonly url: string;
  watchGenerator(pid: number): void;
  /** To be told of each slice: after the last VU's last one nobody is kept waiting. */
  observe(slice: Slice): void;
  close(): Promise<CompanionResult>;
}

export interface CompanionResult {
  readonly samples: readonly TimedSample[];
  readonly notes: Omit<Resources, "samples">;
}

type NotMeasured = Resources["notMeasured"][number];

export async function startCompanion(request: CompanionRequest): Promise<Companion> {
  const { plan, live } = request;
  const server = await serveCompanion();
  const metrics = request.relayMetrics && createRelayMetricsReader(request.relayMetrics);
  const sampler = startSampler((samples) => {
    server.publish(samples, isInWindow(live, plan));
    void metrics?.read();
  });
  const relay = await findRelay(request);
  if (relay.pids.length > 0) sampler.watch("relay", ...relay.pids);
  // Of several relays it would be one, and pass for all.
  const isRead = relay.pids.length === 0 && metrics !== null && request.admissions.length === 1;
  if (isRead) sampler.watchReadings(() => metrics.takeUsage());
  const done = new Set<number>();
  let result: CompanionResult | undefined;
  return {
    url: server.url,
    watchGenerator: (pid) => sampler.watch("generator", pid),
    observe(slice) {
      if (slice.phase === "done") done.add(slice.vu);
      if (done.size === plan.vus) server.end();
    },
    async close() {
      if (result !== undefined) return result;
      const samples = sampler.stop();
      const own = metrics?.result() ?? { metrics: [], problem: "no --relay-metrics was given" };
      const hasReadings = isRead && samples.some((s) => s.process === "relay");
      const at = request.relayMetrics?.url.label;
      const said = hasReadings ? `as its metrics at \`${at}\` say` : null;
      const notMeasured = [
        ...(hasReadings ? [] : relay.notMeasured),
        ...sampler.ended("relay").map((ended) => describeEnd(ended, live)),
        ...missingFigures(samples, hasReadings ? "its metrics don't say" : "it is another user's"),
        ...(own.problem === null ? [] : [{ what: "the relay's own metrics", why: own.problem }]),
      ];
      result = {
        samples,
        notes: { relayProcess: relay.describe ?? said, relayMetrics: own.metrics, notMeasured },
      };
      server.end();
      await server.close();
      return result;
    },
  };
}

function isInWindow({ windowStartUnixMs }: LiveRun, { durationSec }: Plan): boolean {
  if (windowStartUnixMs === null) return false;
  const atMs = Date.now() - windowStartUnixMs;
  return atMs > 0 && atMs <= durationSec * 1_000;
}

/** From then on the relay's figures are those of no process, or of the others alone. */
function describeEnd(
  { pid, atMs }: { readonly pid: number; readonly atMs: number },
  { windowStartUnixMs }: LiveRun,
): NotMeasured {
  const from =
    windowStartUnixMs === null
      ? ""
      : ` from ${((atMs - windowStartUnixMs) / 1_000).toFixed(1)} s on`;
  return { what: `the relay's process${from}`, why: `process ${pid} ended` };
}

interface FoundRelay {
  readonly pids: readonly number[];
  readonly describe: string | null;
  readonly notMeasured: readonly NotMeasured[];
}

async function findRelay({ relayPid, admissions }: CompanionRequest): Promise<FoundRelay> {
  if (relayPid !== undefined) {
    const name = processName(relayPid);
    if (name !== null) return { pids: [relayPid], describe: `${name}, as given`, notMeasured: [] };
    const why = `no process ${relayPid} in /proc`;
    return { pids: [], describe: null, notMeasured: [{ what: "the relay's process", why }] };
  }
  const pids: number[] = [];
  const names: string[] = [];
  const notMeasured: NotMeasured[] = [];
  for (const { url, addresses } of admissions) {
    const what = `the process of ${url.label}`;
    if (!addresses.every(isLoopback)) {
      notMeasured.push({ what, why: "it is not on this machine" });
      continue;
    }
    const owner = await firstOwner(addresses, url.port);
    if (owner.status === "unknown") notMeasured.push({ what, why: owner.why });
    else {
      pids.push(...owner.pids);
      names.push(`${owner.name}, owner of port ${url.port}`);
    }
  }
  return { pids, describe: names.length === 0 ? null : names.join("; "), notMeasured };
}

/** A name may have several addresses, and its relay listen at one of them. */
async function firstOwner(addresses: Admission["addresses"], port: number): Promise<PortOwner> {
  let owner = await findPortOwner(addresses[0], port);
  for (const address of addresses.slice(1)) {
    if (owner.status === "found") return owner;
    owner = await findPortOwner(address, port);
  }
  return owner;
}

function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && classifyAddress(address).kind === "loopback";
}

/** What no sample has, once for each; `why` there is less of the relay. */
function missingFigures(samples: readonly TimedSample[], why: string): readonly NotMeasured[] {
  if (samples.length === 0) {
    return [{ what: "processes and host", why: "there is no /proc, or the run was too short" }];
  }
  const host = samples.filter((s) => s.process === "host");
  const relay = samples.filter((s) => s.process === "relay");
  const missing: NotMeasured[] = [];
  if (!host.some((s) => s.pressure !== null)) {
    missing.push({ what: "pressure of the host", why: "there is no /proc/pressure" });
  }
  if (relay.length > 0 && !relay.some((s) => s.openFiles !== null)) {
    missing.push({ what: "open files of the relay", why });
  }
  if (relay.length > 0 && !relay.some((s) => typeof s.busiestThreadPercent === "number")) {
    const why = "this kernel keeps no account of them, or there are more than 64";
    missing.push({ what: "times of the relay's threads", why });
  }
  if (relay.length > 0 && !relay.some((s) => s.diskWriteBytesPerSec !== null)) {
    missing.push({ what: "what the relay writes to disk", why });
  }
  return missing;
}
