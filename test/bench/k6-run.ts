/** One run of k6 with the publish bundle against the sink, with the CPU and memory that k6 took. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { servePool } from "../../src/node/pool/serve.ts";
import { memoryRoomOf, readMachine } from "../../src/node/preflight/machine.ts";
import type { Pacing } from "../../src/plan/pacing.ts";
import { publishOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";

export interface K6Load {
  readonly clients: number;
  readonly rate: number;
  readonly seconds: number;
  readonly maxInFlight: number;
  /** As the plan chooses it, if left out. */
  readonly pacing?: Pacing;
}

export interface K6Figures {
  readonly report: Report;
  readonly perSecond: number;
  /** CPU of the whole k6 process by event sent, µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  readonly coreShare: number;
}

export interface Rig {
  readonly dir: string;
  readonly k6: string;
  readonly url: string;
  /** `null`: none is needed. */
  readonly pool: string | null;
}

export interface PoolRig extends Rig {
  readonly pool: string;
}

/** Beside a run. */
export interface Watch {
  /** Called as k6 starts. */
  readonly onStart?: (pid: number) => void;
  /** Further arguments of k6. */
  readonly args?: readonly string[];
}

/** What k6 took is looked up so often: its last quarter of a second, behind the run, is not counted. */
const LOOK_EVERY_MS = 250;
const STEADY_LOOKS = 14;
const END_LOOKS = 4;
const TICKS_PER_SECOND = 100;

/** Publishes to the rig's relay. */
export async function runK6(rig: PoolRig, load: K6Load): Promise<K6Figures> {
  const { clients } = load;
  const memory = memoryRoomOf({ clients, instances: 1 }, await readMachine(), 0);
  const { report, cpuSec, rssBytes, coreShare } = await runScript(rig, "publish", {
    CLIENTS: String(clients),
    RATE_EPS: String(load.rate),
    DURATION_SEC: String(load.seconds),
    MAX_IN_FLIGHT: String(load.maxInFlight),
    PACING: load.pacing ?? "auto",
    GOGC: String(garbageTarget(clients, load.rate, memory)),
    GOMEMLIMIT: memoryLimit(clients, load.rate, memory),
  });
  const { totals, rate } = publishOf(report);
  return {
    report,
    perSecond: rate.done,
    cpuMicros: (cpuSec / totals.attempted) * 1e6,
    rssBytes,
    coreShare,
  };
}

/** Runs a bundle of the rig's folder with these variables. */
export async function runScript(
  rig: Rig,
  script: string,
  variables: Readonly<Record<string, string>>,
  { onStart = () => {}, args = [] }: Watch = {},
): Promise<Used & { readonly report: Report }> {
  const served = rig.pool === null ? null : await servePool(rig.pool);
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
    RELAY_URL: rig.url,
    ...(rig.pool === null ? {} : { POOL: rig.pool }),
    ...(served === null ? {} : { POOL_URL: served.url }),
    CONNECT_CONCURRENCY: "200",
    ACK_TIMEOUT_MS: "60000",
    RUN_DIR: rig.dir,
    CORES: String(availableParallelism()),
    FORCE: "1",
    ...variables,
  };
  const words = ["run", "--quiet", ...args, join(rig.dir, `${script}.js`)];
  const child = spawn(rig.k6, words, { env: environment, stdio: "ignore", cwd: rig.dir });
  const meter = meterOf(child.pid ?? 0);
  onStart(child.pid ?? 0);
  await once(child, "close");
  const used = meter.stop();
  await served?.close();
  const report = JSON.parse(await readFile(join(rig.dir, "report.json"), "utf8")) as Report;
  return { report, ...used };
}

export interface Used {
  /** CPU of the whole process, its last quarter of a second left out. */
  readonly cpuSec: number;
  readonly rssBytes: number;
  /** Cores in use towards the end, where its start is over. */
  readonly coreShare: number;
}

/** Looks at a process until it is stopped. */
export function meterOf(pid: number): { stop(): Used } {
  const looks: (Usage & { readonly atMs: number })[] = [];
  const timer = setInterval(() => {
    const usage = readUsage(pid);
    if (usage !== null) looks.push({ atMs: performance.now(), ...usage });
  }, LOOK_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      // The last ones are of its end, what is before of its start.
      const [from, to] = [looks.at(-STEADY_LOOKS - END_LOOKS), looks.at(-END_LOOKS)];
      const coreShare =
        from === undefined || to === undefined
          ? Number.NaN
          : ((to.cpuSec - from.cpuSec) * 1_000) / (to.atMs - from.atMs);
      const { cpuSec = 0, rssBytes = 0 } = looks.at(-1) ?? {};
      return { cpuSec, rssBytes, coreShare };
    },
  };
}

interface Usage {
  readonly cpuSec: number;
  readonly rssBytes: number;
  readonly rssNowBytes: number;
}

/**
 * CPU so far, the peak of resident memory, and what it is now: two reads, and none by Node's threads. With the sampler's thirty
 * files at 20 looks a second, p99 of schedule lag at 10,000/s was 1.9 ms; without, 0.6.
 */
export function readUsage(pid: number): Usage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const [peak, now] = [/^VmHWM:\s+(\d+)/m, /^VmRSS:\s+(\d+)/m].map((of) => of.exec(status)?.[1]);
    if (peak === undefined) return null;
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      cpuSec: ticks / TICKS_PER_SECOND,
      rssBytes: Number(peak) * 1_024,
      rssNowBytes: Number(now) * 1_024,
    };
  } catch {
    // It is not there yet, or gone.
    return null;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
