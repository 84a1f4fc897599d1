/** One run of k6 with the publish bundle against the sink, with the CPU and memory that k6 took. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { garbageTarget, memoryLimit } from "../../src/node/k6/environment.ts";
import { servePool } from "../../src/node/pool/serve.ts";
import { readProcess } from "../../src/node/proc.ts";
import type { Report } from "../../src/report/types.ts";

export interface K6Load {
  readonly clients: number;
  readonly rate: number;
  readonly seconds: number;
  readonly maxInFlight: number;
}

export interface K6Figures {
  readonly report: Report;
  readonly perSecond: number;
  /** CPU of the whole k6 process by event sent, µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

export interface Rig {
  readonly dir: string;
  readonly k6: string;
  readonly url: string;
  readonly pool: string;
}

const LOOK_EVERY_MS = 50;

export async function runK6(rig: Rig, load: K6Load): Promise<K6Figures> {
  const served = await servePool(rig.pool);
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
    RELAY_URL: rig.url,
    POOL: rig.pool,
    POOL_URL: served.url,
    CLIENTS: String(load.clients),
    RATE_EPS: String(load.rate),
    DURATION_SEC: String(load.seconds),
    MAX_IN_FLIGHT: String(load.maxInFlight),
    CONNECT_CONCURRENCY: "200",
    ACK_TIMEOUT_MS: "60000",
    RUN_DIR: rig.dir,
    CORES: String(availableParallelism()),
    GOGC: String(garbageTarget(load.clients)),
    GOMEMLIMIT: memoryLimit(load.clients),
    FORCE: "1",
  };
  const args = ["run", "--quiet", join(rig.dir, "publish.js")];
  const child = spawn(rig.k6, args, { env: environment, stdio: "ignore", cwd: rig.dir });
  let cpuSec = 0;
  let rssBytes = 0;
  const timer = setInterval(async () => {
    const usage = await readProcess(child.pid ?? 0);
    if (usage === null) return;
    cpuSec = usage.cpuSec;
    rssBytes = Math.max(rssBytes, usage.rssBytes);
  }, LOOK_EVERY_MS);
  await once(child, "close");
  clearInterval(timer);
  await served.close();
  const report = JSON.parse(await readFile(join(rig.dir, "report.json"), "utf8")) as Report;
  const { attempted } = report.totals;
  return {
    report,
    perSecond: report.throughput.acceptedEps,
    cpuMicros: (cpuSec / attempted) * 1e6,
    rssBytes,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
