/** Samples relay, generator and host once a second while a run goes on: rates from counters. */
import { readlink } from "node:fs/promises";
import type { ResourceSample } from "../report/types.ts";
import {
  type HostUsage,
  networkBytesOf,
  type ProcessUsage,
  readHost,
  readTree,
  type UsageReading,
} from "./proc.ts";

type Watched = "relay" | "generator" | "proxy";

const EVERY_MS = 1_000;
/** Of a long run so many moments are kept, evenly spread. */
const MOST_MOMENTS = 600;

export interface TimedSample extends Omit<ResourceSample, "t"> {
  /** Unix ms. */
  readonly atMs: number;
}

export interface Sampler {
  /** Several processes under one name, as of several relays, are added up with all below them; also later ones. */
  watch(process: Watched, ...pids: readonly number[]): void;
  /** A relay whose processes can't be seen, by what it says of itself; `null`: nothing new. */
  watchReadings(takeUsage: () => UsageReading | null): void;
  /** All processes that were watched under a name, in the order in which they were. */
  watched(process: Watched): readonly WatchedSpan[];
  /** Stops and gives all samples; empty where `/proc` is missing. */
  stop(): readonly TimedSample[];
}

/** How long a process was watched, Unix ms: until the look that missed it. */
export interface WatchedSpan {
  readonly pid: number;
  readonly fromMs: number;
  readonly untilMs: number | null;
}

/** A process that is watched with all below it, until it ends. */
interface Root {
  readonly pid: number;
  readonly fromMs: number;
  /** Of the first look: another process may get the same id. */
  startedTicks: number | null;
  endedAtMs: number | null;
}

interface Look {
  readonly atMs: number;
  readonly tree: ReadonlyMap<number, UsageReading["usage"]>;
  readonly networkBytes: number | null;
}

/** `onMoment` gets each second's samples. */
export function startSampler(
  onMoment: (samples: readonly TimedSample[]) => void = () => {},
): Sampler {
  const roots = new Map<Watched, Root[]>();
  /** `null`: nothing new. */
  const looks = new Map<Watched, () => Promise<Look | "gone" | null>>();
  const lastLooks = new Map<string, Look>();
  let lastHost: { usage: HostUsage; atMs: number } | null = null;
  const moments: (readonly TimedSample[])[] = [];

  const sample = async () => {
    const samples: TimedSample[] = [];
    for (const [name, lookNow] of looks) {
      const look = await lookNow();
      const last = lastLooks.get(name);
      if (look === null) continue;
      if (look === "gone") {
        // What takes its place begins anew: the time between is no one's.
        lastLooks.delete(name);
        continue;
      }
      lastLooks.set(name, look);
      if (last) samples.push(processSample(name, last, look));
    }
    // The first is taken before anything is watched, and handed on behind the start: `onMoment` may use the sampler.
    await null;
    const usage = readHost();
    const atMs = unixNow();
    if (usage && lastHost)
      samples.push(hostSample(lastHost.usage, usage, atMs - lastHost.atMs, atMs));
    if (usage) lastHost = { usage, atMs };
    moments.push(samples);
    onMoment(samples);
  };
  let running: Promise<void> = sample();
  const timer = setInterval(() => {
    running = running.then(sample);
  }, EVERY_MS);
  return {
    watch(process, ...pids) {
      const fromMs = unixNow();
      const added = pids.map((pid): Root => ({ pid, fromMs, startedTicks: null, endedAtMs: null }));
      const all = roots.get(process) ?? [];
      all.push(...added);
      roots.set(process, all);
      looks.set(process, () => lookAt(all));
      // A first look at once: the next has something to be held against.
      void lookAt(added).then((look) => {
        if (look === "gone") return;
        const last = lastLooks.get(process);
        const tree = new Map([...(last?.tree ?? []), ...look.tree]);
        lastLooks.set(process, last === undefined ? look : { ...last, tree });
      });
    },
    watchReadings(takeUsage) {
      looks.set("relay", async () => {
        const reading = takeUsage();
        return reading && { ...reading, tree: new Map([[0, reading.usage]]), networkBytes: null };
      });
    },
    watched: (process) =>
      (roots.get(process) ?? []).map(({ pid, fromMs, endedAtMs }) => ({
        pid,
        fromMs,
        untilMs: endedAtMs,
      })),
    stop() {
      clearInterval(timer);
      return thin(moments).flat();
    },
  };
}

async function lookAt(roots: readonly Root[]): Promise<Look | "gone"> {
  const tree = new Map(roots.flatMap((one) => [...treeOf(one)]));
  const root = roots.find(({ endedAtMs }) => endedAtMs === null);
  if (root === undefined || tree.size === 0) return "gone";
  return { atMs: unixNow(), tree, networkBytes: await ownNetworkBytes(root.pid) };
}

function treeOf(root: Root): ReadonlyMap<number, ProcessUsage> {
  const gone = new Map<number, ProcessUsage>();
  if (root.endedAtMs !== null) return gone;
  const tree = readTree(root.pid);
  const started = tree.get(root.pid)?.startedTicks;
  root.startedTicks ??= started ?? null;
  if (started !== undefined && started === root.startedTicks) return tree;
  root.endedAtMs = unixNow();
  return gone;
}

/** Only of a process whose network is not the host's: the host's is sampled as such. */
async function ownNetworkBytes(pid: number): Promise<number | null> {
  try {
    const own = await readlink(`/proc/${pid}/ns/net`);
    return own === (await readlink("/proc/self/ns/net")) ? null : networkBytesOf(pid);
  } catch {
    // Another user's process.
    return null;
  }
}

function processSample(process: Watched, last: Look, look: Look): TimedSample {
  const sec = (look.atMs - last.atMs) / 1_000;
  const usages = [...look.tree.values()];
  const before = (pid: number): UsageReading["usage"] | undefined => {
    const known = last.tree.get(pid);
    return known?.startedTicks === look.tree.get(pid)?.startedTicks ? known : undefined;
  };
  /** What the processes added; of one that is new, all since it began. */
  const added = (figure: "cpuSec" | "diskWriteBytes" | "contextSwitches") =>
    sumOf([...look.tree].map(([pid, u]) => minus(u[figure], before(pid)?.[figure] ?? 0)));
  const busiest = usages.some(({ threadTimes }) => threadTimes === null)
    ? null
    : busiestThread(look.tree, before, sec);
  const network = minus(look.networkBytes, last.networkBytes);
  return {
    atMs: look.atMs,
    process,
    cpuPercent: tenths(((added("cpuSec") ?? 0) / sec) * 100),
    busiestThreadPercent: busiest?.ranPercent ?? null,
    waitedForCpuPercent: busiest?.waitedPercent ?? null,
    rssBytes: sumOf(usages.map((u) => u.rssBytes)),
    anonBytes: sumOf(usages.map((u) => u.anonBytes)),
    openFiles: sumOf(usages.map((u) => u.openFiles)),
    threads: sumOf(usages.map((u) => u.threads)),
    diskWriteBytesPerSec: perSecond(added("diskWriteBytes"), sec),
    contextSwitchesPerSec: perSecond(added("contextSwitches"), sec),
    networkBytesPerSec: perSecond(network, sec),
    pressure: null,
  };
}

/** The thread that ran most, and how long the same one waited: of two threads the sum says nothing. */
export function busiestThread(
  tree: Look["tree"],
  before: (pid: number) => UsageReading["usage"] | undefined,
  sec: number,
): { readonly ranPercent: number; readonly waitedPercent: number } | null {
  const threads = [...tree].flatMap(([pid, { threadTimes }]) =>
    [...(threadTimes ?? [])].map(([id, times]) => {
      const known = before(pid)?.threadTimes?.get(id);
      return {
        ranPercent: tenths(((times.ranSec - (known?.ranSec ?? 0)) / sec) * 100),
        waitedPercent: tenths(((times.waitedSec - (known?.waitedSec ?? 0)) / sec) * 100),
      };
    }),
  );
  return threads.reduce<(typeof threads)[number] | null>(
    (most, one) => (most === null || one.ranPercent > most.ranPercent ? one : most),
    null,
  );
}

function hostSample(last: HostUsage, usage: HostUsage, tookMs: number, atMs: number): TimedSample {
  const sec = tookMs / 1_000;
  const totalSec = usage.totalSec - last.totalSec;
  const pressure = (what: "cpu" | "io" | "memory") => {
    const waited = minus(usage.waitedSec?.[what] ?? null, last.waitedSec?.[what] ?? null);
    return waited === null ? null : Math.min(100, tenths((waited / sec) * 100));
  };
  return {
    atMs,
    process: "host",
    cpuPercent: totalSec > 0 ? tenths(((usage.busySec - last.busySec) / totalSec) * 100) : null,
    busiestThreadPercent: null,
    waitedForCpuPercent: null,
    rssBytes: usage.usedBytes,
    anonBytes: null,
    openFiles: null,
    threads: null,
    diskWriteBytesPerSec: perSecond(minus(usage.diskWriteBytes, last.diskWriteBytes), sec),
    contextSwitchesPerSec: perSecond(minus(usage.contextSwitches, last.contextSwitches), sec),
    networkBytesPerSec: perSecond(minus(usage.networkBytes, last.networkBytes), sec),
    pressure: usage.waitedSec && {
      cpu: pressure("cpu"),
      io: pressure("io"),
      memory: pressure("memory"),
    },
  };
}

/** Samples in seconds from the start of the measured window; `null` without a window or samples. */
export function relateSamples(
  samples: readonly TimedSample[],
  windowStartUnixMs: number | null,
): readonly ResourceSample[] | null {
  if (windowStartUnixMs === null || samples.length === 0) return null;
  return samples.map(({ atMs, ...sample }) => ({
    t: Math.round(atMs - windowStartUnixMs) / 1_000,
    ...sample,
  }));
}

function thin<T>(moments: readonly T[]): readonly T[] {
  const step = Math.ceil(moments.length / MOST_MOMENTS);
  return step <= 1 ? moments : moments.filter((_, i) => i % step === 0);
}

/** `null` when any is: a sum that leaves one out would be wrong. */
function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, v) => (sum === null || v === null ? null : sum + v), 0);
}

function minus(value: number | null, from: number | null): number | null {
  return value === null || from === null ? null : value - from;
}

function perSecond(amount: number | null, sec: number): number | null {
  return amount === null ? null : Math.max(0, Math.round(amount / sec));
}

function tenths(value: number): number {
  return Math.max(0, Math.round(value * 10) / 10);
}

function unixNow(): number {
  return performance.timeOrigin + performance.now();
}
