/** Has this machine what the plan asks of it? Linux says so in `/proc`; elsewhere it is not known. */
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { mostOfASource } from "../../plan/local-ips.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import { isLoopback, readPorts } from "../run/time-wait.ts";
import { advice, type Finding, ok, stop } from "./finding.ts";

/** Measured: 10,000 connections of k6 take 0.07 MB each as they open, 0.09 MB with the garbage of a minute. */
const BYTES_PER_CONNECTION = 100_000;
/** Measured: at its peak k6 took 245 MB for five million events over 100 connections. */
const BYTES_OF_K6 = 250_000_000;
/** Measured: a file that k6 reads takes it 3 to 6 times its size, the more the seldomer garbage is collected. */
const HELD_TIMES = 4;
/** Measured: of a pool of 1,000,000 events, 999 MB. */
const MOST_BYTES_OF_SIGNING = 400_000_000;
/** Of k6 itself, its log, its script and its pool. */
const OTHER_FILES = 64;
/** One core signs OKs off at about so many events a second when it is shared with a relay. */
const EPS_PER_CORE = 10_000;

/** Of WASM libsecp256k1 in one thread, beside what else the command line does. */
const SIGNATURES_PER_SEC = 2_000;

/** Linux, TCP_TIMEWAIT_LEN. */
const TIME_WAIT_SEC = 60;

/** What of a plan falls to one machine. */
type Part = Pick<Plan, "clients" | "relays" | "query" | "connect" | "rateEps" | "vus" | "localIps">;

export interface MachineLimits {
  readonly cores: number;
  /** `null`: not known on this system. */
  readonly openFiles: number | null;
  readonly ephemeralPorts: number | null;
  /** Of connections that closed within the last minute (TIME_WAIT). */
  readonly portsInTimeWait: number | null;
  readonly freeBytes: number | null;
}

export async function readMachine(): Promise<MachineLimits> {
  const limits = await readText("/proc/self/limits");
  const { range, inTimeWait } = await readPorts();
  const memory = await readText("/proc/meminfo");
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(memory ?? "")?.[1];
  // A container may have less than its host has free.
  const allowed = Math.min(process.constrainedMemory() || Number.MAX_VALUE, totalmem());
  const files = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? "")?.[1];
  return {
    cores: availableParallelism(),
    // Node raised its soft limit to the hard one as it started, and k6 inherits that.
    openFiles: files === undefined || files === "unlimited" ? null : Number(files),
    ephemeralPorts: range,
    portsInTimeWait: inTimeWait,
    freeBytes: available === undefined ? null : Math.min(Number(available) * 1_024, allowed),
  };
}

/** Of its pool, or what that is expected to take. */
export interface PoolSize {
  readonly bytes: number;
  /** Piece by piece, where k6 may dial 127.0.0.1; else it reads the file itself, and holds it. */
  readonly isServed: boolean;
}

/** Holds an instance's part of the plan against the machine. */
export function judgeMachine(
  { instances, ...whole }: Plan,
  machine: MachineLimits,
  pool: PoolSize,
): Finding[] {
  const clients = Math.ceil(whole.clients / instances);
  const [vus, rateEps] = [whole.vus / instances, whole.rateEps / instances];
  const plan = { ...whole, clients, vus, rateEps };
  return [
    judgeFiles(plan, machine.openFiles),
    judgePorts(plan, machine),
    judgeMemory(plan, machine.freeBytes, pool),
    judgeCores(plan, machine.cores),
    ...judgeSigning(plan),
  ];
}

function judgeFiles({ clients }: Part, limit: number | null): Finding {
  const needed = clients + OTHER_FILES;
  if (limit === null) return ok("open-files", "the open-file limit of this system is not known");
  if (needed <= limit) {
    return ok("open-files", `${formatCount(limit)} open files, ${formatCount(needed)} needed`);
  }
  return stop("open-files", {
    what: `${formatCount(limit)} open files are allowed, ${formatCount(needed)} needed`,
    why: "the connections above the limit could not be opened",
    remedy: `raise the hard limit to ${needed} (\`ulimit -Hn\` shows it: as root \`ulimit -n ${needed}\`, LimitNOFILE of a unit, \`docker run --ulimit nofile=${needed}\`), or give \`--clients ${Math.max(1, limit - OTHER_FILES)}\``,
  });
}

/**
 * A port is of one source and one destination: each address and port of a relay has all of them for itself, but where a
 * connection is bound to its source, which then has them once.
 */
function judgePorts(
  part: Part,
  { ephemeralPorts: ports, portsInTimeWait }: MachineLimits,
): Finding {
  const { clients, relays, localIps } = part;
  const open = mostOfASource(part);
  if (ports === null) return ok("ports", "the local port range of this system is not known");
  // On loopback those of closed connections are used again at once (tcp_tw_reuse), unless a source is bound.
  const isElsewhere = relays.some(({ host }) => !isLoopback(host));
  const closed = localIps === null ? 1 : open / clients;
  const isHeld = isElsewhere || localIps !== null;
  const held = isHeld
    ? Math.ceil(((isElsewhere ? (portsInTimeWait ?? 0) : 0) + closedInAMinute(part)) * closed)
    : 0;
  const needed = open + held;
  const taken = held > 0 ? `, ${formatCount(held)} of connections that closed within a minute` : "";
  const whose = localIps === null ? "to a relay" : "from one of its addresses";
  const what = `${formatCount(ports)} local ports, ${formatCount(open)} connections ${whose}${taken}`;
  const remedy =
    "widen `net.ipv4.ip_local_port_range`, give more source addresses (`--local-ips`), or lower --clients";
  if (needed > ports) {
    return stop("ports", {
      what,
      why: "each connection of one source to one relay needs a local port of its own",
      remedy,
    });
  }
  if (needed <= ports * 0.8) return ok("ports", what);
  return advice("ports", {
    what,
    why: "ports of closed connections stay taken for a minute: reopening may fail",
    remedy,
  });
}

/** Sessions that end in a minute, all to one relay at most. */
function closedInAMinute({ clients, connect }: Part): number {
  const { session = null } = connect ?? {};
  return session === null ? 0 : Math.ceil((clients * TIME_WAIT_SEC) / session.meanSec);
}

/** What k6 may do with this machine's memory. */
export interface MemoryRoom {
  /** Infinity: not known. */
  readonly freeBytes: number;
  /** Beyond what its part of the plan needs. */
  readonly spareBytes: number;
  /** Of a pool whose file it reads itself. */
  readonly heldBytes: number;
}

/**
 * Instances may all be on this machine, so that each has a share of what is spare. `heldBytes`: of a pool whose file k6
 * reads itself.
 */
export function memoryRoomOf(
  { clients, instances }: Pick<Plan, "clients" | "instances">,
  { freeBytes }: Pick<MachineLimits, "freeBytes">,
  heldBytes: number,
): MemoryRoom {
  if (freeBytes === null) return { freeBytes: Infinity, spareBytes: 0, heldBytes };
  const needed = neededBytes(Math.ceil(clients / instances), heldBytes);
  return { freeBytes, spareBytes: Math.max(0, freeBytes - needed) / instances, heldBytes };
}

/** Without the garbage that k6 lets lie where there is room for it: a quarter of what is spare (`k6/environment.ts`). */
function neededBytes(clients: number, heldBytes: number): number {
  return BYTES_OF_K6 + clients * BYTES_PER_CONNECTION + HELD_TIMES * heldBytes;
}

function judgeMemory({ clients }: Part, free: number | null, pool: PoolSize): Finding {
  const { bytes, isServed } = pool;
  const needed =
    neededBytes(clients, isServed ? 0 : bytes) + Math.min(bytes, MOST_BYTES_OF_SIGNING);
  if (free === null) return ok("memory", "the free memory of this system is not known");
  const what = `about ${formatBytes(needed)} needed, ${formatBytes(free)} free`;
  if (needed <= free * 0.7) return ok("memory", what);
  const explanation = {
    what,
    why: "a generator that swaps or is killed measures itself (250 MB, 0.1 MB a connection, what signing takes, four times a pool that k6 reads itself)",
    remedy: "lower --clients, --rate or --duration, or use a larger machine",
  };
  return needed > free ? stop("memory", explanation) : advice("memory", explanation);
}

function judgeCores({ query, connect, rateEps }: Part, cores: number): Finding {
  const [rate, many, flag] =
    connect !== null
      ? [connect.rate, "connections", "--connect-rate"]
      : query === null
        ? [rateEps, "events", "--rate"]
        : [query.rate, "queries", "--query-rate"];
  const work = `${formatCount(rate)} ${many}/s`;
  const what = `${cores} cores for ${work}`;
  if (cores > 1 && rateEps <= cores * EPS_PER_CORE) return ok("cores", what);
  return advice("cores", {
    what,
    why: "the generator may be the limit; the report will say whether it was",
    remedy: `lower ${flag}, or use a machine with more cores`,
  });
}

/** AUTH can't be signed before its challenge is there: who comes faster waits for a signature. */
function judgeSigning({ connect }: Part): Finding[] {
  if (connect?.onOpen !== "auth") return [];
  const most = SIGNATURES_PER_SEC * 0.7;
  const what = `${formatCount(connect.rate)} connections/s to sign AUTH for`;
  if (connect.rate <= most) return [ok("signing", what)];
  return [
    stop("signing", {
      what: `${what}, some ${formatCount(SIGNATURES_PER_SEC)} signatures/s on a free core`,
      why: "signatures would be what is measured",
      remedy: `give \`--connect-rate ${most}\` or less`,
    }),
  ];
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not Linux: not known.
    return null;
  }
}
