/** Samples relay, generator and host once a second while a run goes on. */
import type { ResourceSample } from "../report/types.ts";
import { type HostUsage, type ProcessUsage, readHost, readProcess } from "./proc.ts";

const EVERY_MS = 1_000;

export interface TimedSample extends Omit<ResourceSample, "t"> {
  /** Unix ms. */
  readonly atMs: number;
}

export interface Sampler {
  watch(process: "relay" | "generator", pid: number): void;
  /** Stops and gives all samples; empty where `/proc` is missing. */
  stop(): readonly TimedSample[];
}

export function startSampler(): Sampler {
  const pids = new Map<"relay" | "generator", number>();
  const lastProcess = new Map<number, { usage: ProcessUsage; atMs: number }>();
  let lastHost: HostUsage | null = null;
  const samples: TimedSample[] = [];

  const sample = async () => {
    for (const [name, pid] of pids) {
      const usage = await readProcess(pid);
      const atMs = performance.timeOrigin + performance.now();
      const last = lastProcess.get(pid);
      if (usage === null) continue;
      lastProcess.set(pid, { usage, atMs });
      if (!last) continue;
      const cpuPercent = ((usage.cpuSec - last.usage.cpuSec) / (atMs - last.atMs)) * 100_000;
      samples.push({
        atMs,
        process: name,
        cpuPercent: round(cpuPercent),
        rssBytes: usage.rssBytes,
      });
    }
    const host = await readHost();
    if (host && lastHost && host.totalSec > lastHost.totalSec) {
      const share = (host.busySec - lastHost.busySec) / (host.totalSec - lastHost.totalSec);
      samples.push({
        atMs: Date.now(),
        process: "host",
        cpuPercent: round(share * 100),
        rssBytes: null,
      });
    }
    lastHost = host;
  };
  let running: Promise<void> = sample();
  const timer = setInterval(() => {
    running = running.then(sample);
  }, EVERY_MS);
  return {
    watch(process, pid) {
      pids.set(process, pid);
    },
    stop() {
      clearInterval(timer);
      return samples;
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

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
