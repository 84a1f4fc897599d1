/**
 * The companion of a run: samples relay, generator and host, reads the relay's own metrics, and serves
 * both on loopback, to k6 among others. What it could not have it says, with the reason.
 */
import type { Slice } from "../../measure/slice.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Resources } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import type { LiveRun } from "../live.ts";
import { readFileLimit } from "../preflight/relay-files.ts";
import { type Sampler, startSampler, type TimedSample } from "../sampler.ts";
import { watchKernel } from "./kernel.ts";
import { portsOf, relateLooks, watchOutages } from "./outage-watch.ts";
import { createRelayMetricsReader, type SideUrl } from "./relay-metrics.ts";
import { describeEnds, findRelay, relateSpans } from "./relay-process.ts";
import { serveCompanion } from "./serve.ts";
import { createAuthSigner } from "./sign-auth.ts";

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

/** So many moments behind an end the port's owner is looked for: each is a look at all processes. */
const MOST_LOOKS = 120;

export async function startCompanion(request: CompanionRequest): Promise<Companion> {
  const { plan, live } = request;
  const server = await serveCompanion(createAuthSigner(plan.seed));
  const metrics = request.relayMetrics && createRelayMetricsReader(request.relayMetrics);
  let findAgain: (() => Promise<void>) | null = null;
  const kernel = watchKernel();
  const sampler = startSampler((samples) => {
    server.publish(samples, isInWindow(live, plan));
    void metrics?.read();
    void findAgain?.();
    kernel.look([...sampler.watched("relay"), ...sampler.watched("proxy")].map(({ pid }) => pid));
  });
  const outages = watchOutages(portsOf(request.admissions));
  const relay = await findRelay(request.relayPid, request.admissions);
  if (relay.pids.length > 0) sampler.watch("relay", ...relay.pids);
  if (relay.proxy !== null) sampler.watch("proxy", ...relay.proxy.pids);
  if (relay.pids.length > 0 && request.relayPid === undefined) {
    findAgain = ownerFinder(sampler, request.admissions);
  }
  // Of several relays it would be one, and pass for all.
  const isRead = relay.pids.length === 0 && metrics !== null && request.admissions.length === 1;
  if (isRead) sampler.watchReadings(() => metrics.takeUsage());
  // What is counted of the run's first frames is behind it.
  await metrics?.read();
  const done = new Set<number>();
  let result: CompanionResult | undefined;
  return {
    url: server.url,
    watchGenerator: (pid) => sampler.watch("generator", pid),
    observe(slice) {
      outages.observe(slice);
      if (slice.phase === "done") done.add(slice.vu);
      if (done.size === plan.vus / plan.instances) server.end();
    },
    async close() {
      if (result !== undefined) return result;
      const samples = sampler.stop();
      findAgain = null;
      // Once more behind the drain: what was sent last is in it too.
      await metrics?.read();
      const own = metrics?.result() ?? { metrics: [], problem: "no --relay-metrics was given" };
      const hasReadings = isRead && samples.some((s) => s.process === "relay");
      const spans = sampler.watched("relay");
      const at = request.relayMetrics?.url.label;
      const said = hasReadings ? `as its metrics at \`${at}\` say` : null;
      const notMeasured = [
        ...(hasReadings ? [] : relay.notMeasured),
        ...describeEnds(spans, live.windowStartUnixMs, request.relayPid !== undefined),
        ...missingFigures(samples, hasReadings ? "its metrics don't say" : "it is another user's"),
        ...(own.problem === null ? [] : [{ what: "the relay's own metrics", why: own.problem }]),
      ];
      result = {
        samples,
        notes: {
          relayProcess: relay.describe ?? said,
          relayProcesses: relateSpans(spans, live.windowStartUnixMs),
          proxy: relay.proxy,
          relayFileLimit: fileLimitOf(relay.pids),
          portLooks: relateLooks(outages.stop(), live.windowStartUnixMs),
          relayMetrics: own.metrics,
          kernel: kernel.stop(),
          notMeasured,
        },
      };
      server.end();
      await server.close();
      return result;
    },
  };
}

/** Of the one process that is the relay; `null` where there is no limit, or it is not seen. */
function fileLimitOf([pid, ...others]: readonly number[]): number | null {
  const limit = pid === undefined || others.length > 0 ? null : readFileLimit(pid);
  return limit === null || limit.soft === Number.POSITIVE_INFINITY ? null : limit.soft;
}

/** Looks for who owns the port now, as long as fewer of the relay's processes are there than at the start. */
function ownerFinder(sampler: Sampler, admissions: readonly Admission[]): () => Promise<void> {
  const wanted = sampler.watched("relay").length;
  let looks = 0;
  let isLooking = false;
  return async () => {
    const alive = sampler.watched("relay").filter(({ untilMs }) => untilMs === null);
    if (alive.length >= wanted) {
      looks = 0;
      return;
    }
    if (isLooking || looks >= MOST_LOOKS) return;
    looks++;
    isLooking = true;
    const { pids } = await findRelay(undefined, admissions);
    isLooking = false;
    const added = pids.filter((pid) => !alive.some((one) => one.pid === pid));
    if (added.length > 0) sampler.watch("relay", ...added);
  };
}

function isInWindow({ windowStartUnixMs }: LiveRun, { durationSec }: Plan): boolean {
  if (windowStartUnixMs === null) return false;
  const atMs = Date.now() - windowStartUnixMs;
  return atMs > 0 && atMs <= durationSec * 1_000;
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
