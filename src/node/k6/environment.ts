/** The environment and arguments k6 is started with: composed here, inherited nowhere. */
import type { Plan } from "../../plan/plan.ts";
import { planVariables } from "../../plan/variables.ts";
import type { MemoryRoom } from "../preflight/machine.ts";

export interface K6Request {
  readonly plan: Plan;
  readonly dialUrls: readonly string[];
  /** `null` without a pool. */
  readonly poolDir: string | null;
  /** Where the frames are served; `null` when k6 may not dial 127.0.0.1 in this run. */
  readonly poolUrl: string | null;
  /** Where the companion is asked for resources; left out when k6 may not dial it or has none. */
  readonly companionUrl?: string | null;
  readonly runId: string;
  readonly runDir: string;
  readonly script: string;
  /** What the guard allowed to dial, and names bound to addresses. */
  readonly allowed: readonly string[];
  readonly hosts: Readonly<Record<string, string>>;
  readonly blacklist: readonly string[];
  /** Prometheus' remote write, judged and resolved; none if left out. */
  readonly metricsUrl?: string | null;
  /** Attached networks that lead nowhere else, where `INTERNAL_NETWORK=1` asked and the kernel agreed. */
  readonly isolatedNetworks?: readonly string[];
  /** A file of all certificates that k6 is to trust; the system's if left out. */
  readonly authorities?: string | undefined;
  /** Rows a filter is answered with at most, by relay; 0 where nothing is known. */
  readonly rowCaps?: readonly number[];
  /** By relay, whether its COUNTs can count nothing but the corpus; none where nobody knows. */
  readonly ownCounts?: readonly boolean[];
  /** Of so many accepted publishes one is noted for the read-back; of none if left out. */
  readonly auditEvery?: number;
  /** Of what is spare k6 may take a quarter to collect garbage seldom; `null`: not known. */
  readonly memory: MemoryRoom | null;
  /** Which of several instances this is, and when all begin. */
  readonly part?: { readonly index: number; readonly startAtMs: number | null };
}

/** What a child needs of the environment to run at all; no proxy, nothing of k6's. */
const KEPT = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  "LANG",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
];

/** The whole environment of the k6 process. Options travel here and not in the process list. */
export function k6Environment(
  request: K6Request,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const { plan, dialUrls, poolDir, poolUrl, runId, runDir, allowed, hosts } = request;
  const { companionUrl = null, memory } = request;
  const clients = Math.ceil(plan.clients / plan.instances);
  const rateEps = plan.rateEps / plan.instances;
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = inherited[name];
    if (value !== undefined) kept[name] = value;
  }
  if (request.authorities !== undefined) kept.SSL_CERT_FILE = request.authorities;
  return {
    ...kept,
    NO_PROXY: "*",
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
    ...planVariables(plan),
    RELAY_URL: dialUrls.join(","),
    CORES: plan.cores === null ? "" : String(plan.cores),
    GOGC: String(
      plan.connect === null
        ? garbageTarget(clients, rateEps, memory)
        : openingTarget(clients, memory),
    ),
    GOMEMLIMIT: memoryLimit(clients, rateEps, memory),
    POOL: poolDir ?? "",
    ...(poolUrl === null ? {} : { POOL_URL: poolUrl }),
    ...(companionUrl === null ? {} : { COMPANION_URL: companionUrl }),
    INSTANCE: request.part === undefined ? "" : String(request.part.index),
    START_AT: request.part?.startAtMs ? String(request.part.startAtMs) : "",
    RUN_ID: runId,
    RUN_DIR: runDir,
    LIVE: "1",
    ALLOWED_ADDRESSES: allowed.join(","),
    HOSTS: Object.entries(hosts)
      .map(([name, address]) => `${name}=${address}`)
      .join(","),
    ROW_CAP: request.rowCaps?.join(",") ?? "",
    OWN_COUNTS: request.ownCounts?.map(Number).join(",") ?? "",
    AUDIT_EVERY: String(request.auditEvery ?? 0),
    INTERNAL_NETWORK: request.isolatedNetworks ? "1" : "",
    ISOLATED_NETWORKS: request.isolatedNetworks?.join(",") ?? "",
    ...(request.metricsUrl
      ? {
          K6_OUT: "experimental-prometheus-rw",
          K6_PROMETHEUS_RW_SERVER_URL: request.metricsUrl,
          K6_PROMETHEUS_RW_TREND_STATS: "p(50),p(95),p(99),max",
          K6_PROMETHEUS_RW_PUSH_INTERVAL: "5s",
          K6_PROMETHEUS_RW_STALE_MARKERS: "true",
        }
      : {}),
    // Bounds were checked here, against what the user forced.
    FORCE: "1",
  };
}

/**
 * How much the heap may grow between two collections of garbage, in percent (Go's GOGC; its default is
 * 100). A collection takes some 13 ms of both cores, in which what is due is sent late: at 30,000/s every
 * lag above 3 ms lay in one. At 750 and 400 in turn, p99 of schedule lag was 0.9 and 1.0 ms at 10,000/s, 5.4
 * and 7.3 at 30,000/s. Some 40 kB a connection live in the heap, so with many of them the memory saved weighs more.
 */
export function garbageTarget(
  clients: number,
  ratePerSecond = 0,
  memory: MemoryRoom | null = null,
): number {
  const liveMb = 30 + 0.04 * clients + LIVE_OF_HELD * heldMb(memory);
  const garbageMb = LEAST_GARBAGE_MB + moreGarbageMb(clients, ratePerSecond, memory);
  return Math.round(Math.min(SELDOMEST, Math.max(100, (garbageMb / liveMb) * 100)));
}

/** Of a file of 72 MB that k6 reads itself 140 MB live in the heap; the process takes 3 to 6 times its size. */
const LIVE_OF_HELD = 2;
const MOST_OF_HELD = 4;

function heldMb(memory: MemoryRoom | null): number {
  return (memory?.heldBytes ?? 0) / 1e6;
}

const SELDOMEST = 1_300;
const BYTES_THROWN_AWAY = 85_000;

const LEAST_GARBAGE_MB = 256;
const MOST_GARBAGE_MB = 1_500;

/**
 * What a rate throws away. Publishing makes some 12 kB of garbage an event: with 140 MB more of it, saturated publishing is a
 * tenth faster. Lag at 10,000/s has nothing of it: fewer collections, each as much longer (docs/generator-speed.md).
 *
 * A collection takes 45 µs a connection, in which timers wake 10 to 40 ms late: half a second with 10,000 of them. Where
 * memory is free these are to be less than a hundredth of the time: at 2,000/s p99 of schedule lag was 12 to 19 ms, and
 * 1.5 in a window without one.
 */
function moreGarbageMb(clients: number, ratePerSecond: number, memory: MemoryRoom | null): number {
  const usual = Math.min(140, 0.007 * ratePerSecond);
  const seldom = 100 * (45e-6 * clients) * (0.012 * ratePerSecond) - LEAST_GARBAGE_MB;
  const quarter = (memory?.spareBytes ?? 0) / 4e6;
  return Math.max(usual, Math.min(seldom, quarter, MOST_GARBAGE_MB));
}

/**
 * The same where connections open while their schedule is looked at: what lives grows with them, so that at 100 % a collection comes at
 * each fourth part more of them, 2 s of 100 in all with 10,000. Each throws away 85 kB, which with the 65 that it takes is what
 * `memoryLimit` gives it: with room for all of it, nothing but the limit ends in a collection, and one as the first thousands come.
 */
export function openingTarget(clients: number, memory: MemoryRoom | null): number {
  const roomBytes = Math.min((memory?.spareBytes ?? 0) / 4, MOST_GARBAGE_MB * 1e6);
  return clients * BYTES_THROWN_AWAY <= roomBytes ? SELDOMEST : garbageTarget(clients, 0, memory);
}

/**
 * From so much memory on, garbage is collected as often as it takes (Go's GOMEMLIMIT, a soft limit): what a
 * long run keeps, its slices, at most 600 of a VU, would else be taken nine times. Some 50 MB live in the heap of
 * a run with 100 clients; with 60 MiB less, saturated publishing lost 8 % to collections (docs/generator-speed.md).
 */
export function memoryLimit(
  clients: number,
  ratePerSecond = 0,
  memory: MemoryRoom | null = null,
): string {
  const moreMb = moreGarbageMb(clients, ratePerSecond, memory) + MOST_OF_HELD * heldMb(memory);
  const ownMiB = 260 + 0.15 * clients + moreMb;
  // Where little is free, collecting oftener is better than swapping, or being killed.
  const freeMiB = Math.floor((memory?.freeBytes ?? Infinity) / 2 ** 20);
  return `${Math.min(Math.round(ownMiB), freeMiB)}MiB`;
}

/** The arguments of k6. The blacklist is given again here, where nothing can replace it. */
export function k6Arguments({
  plan: { localIps },
  script,
  blacklist,
}: Pick<K6Request, "script" | "blacklist"> & {
  readonly plan: Pick<Plan, "localIps">;
}): string[] {
  return [
    "run",
    "--quiet",
    "--no-color",
    "--log-format",
    "raw",
    "--no-usage-report",
    ...blacklist.flatMap((cidr) => ["--blacklist-ip", cidr]),
    ...(localIps === null ? [] : ["--local-ips", localIps.text]),
    script,
  ];
}
