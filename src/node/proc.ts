/** What Linux says in `/proc` of processes and of the host; `null` where there is none. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** Kernel ticks a second: USER_HZ is 100 on every platform Node runs on. */
const TICKS_PER_SECOND = 100;
/** Of processes with more threads, the threads are not looked at: each is files to read. */
const MOST_THREADS = 64;
const MOST_PROCESSES = 64;

/** One process, or a tree of them added up; counters run since a process began. */
export interface ProcessUsage {
  /** When it began, in ticks since boot: with its id the process, since ids are used again. */
  readonly startedTicks: number;
  /** User and system time, seconds. */
  readonly cpuSec: number;
  readonly rssBytes: number;
  /** Resident memory that is of no file: without the pages of a mapped store. */
  readonly anonBytes: number | null;
  readonly threads: number;
  readonly openFiles: number | null;
  readonly diskWriteBytes: number | null;
  readonly contextSwitches: number | null;
  /** By thread: the time it ran, and the time it was ready to and had no processor. */
  readonly threadTimes: ReadonlyMap<string, ThreadTimes> | null;
}

/** What a relay's metrics say of its process, and when they were read, Unix ms. */
export interface UsageReading {
  readonly atMs: number;
  readonly usage: { readonly [K in keyof ProcessUsage]: ProcessUsage[K] | null };
}

interface ThreadTimes {
  readonly ranSec: number;
  readonly waitedSec: number;
}

export interface HostUsage {
  readonly busySec: number;
  readonly totalSec: number;
  readonly usedBytes: number | null;
  readonly diskWriteBytes: number | null;
  readonly contextSwitches: number | null;
  readonly networkBytes: number | null;
  /** Time in which some task waited, seconds. */
  readonly waitedSec: { readonly [K in "cpu" | "io" | "memory"]: number | null } | null;
}

/** Reads one process; `null` when it is gone or `/proc` is not there. */
function readProcess(pid: number): ProcessUsage | null {
  const fields = readStat(pid);
  const at = (i: number) => Number(fields?.[i]);
  const [utime, stime, threads] = [at(11), at(12), at(17)] as const;
  // What has ended stays there as `Z` until its parent looks.
  if (!fields || fields[0] === "Z" || Number.isNaN(utime) || Number.isNaN(threads)) return null;
  const tasks = threads > MOST_THREADS ? [] : listTasks(pid);
  const status = readText(`/proc/${pid}/status`);
  const kilobytes = (name: string) => numberAfter(status, new RegExp(`^${name}:\\s+(\\d+)`, "m"));
  const [rssKb, anonKb] = [kilobytes("VmRSS"), kilobytes("RssAnon")];
  return {
    startedTicks: at(19),
    cpuSec: (utime + stime) / TICKS_PER_SECOND,
    rssBytes: (rssKb ?? 0) * 1_024,
    anonBytes: anonKb === null ? null : anonKb * 1_024,
    threads,
    openFiles: countFiles(pid),
    diskWriteBytes: numberAfter(readText(`/proc/${pid}/io`), /^write_bytes: (\d+)/m),
    contextSwitches: switchesOf(pid, tasks),
    threadTimes: threadTimesOf(pid, tasks),
  };
}

/** A process and all below it. */
export function readTree(root: number): ReadonlyMap<number, ProcessUsage> {
  const tree = new Map<number, ProcessUsage>();
  for (const queue = [root]; queue.length > 0 && tree.size < MOST_PROCESSES; ) {
    const pid = queue.shift();
    if (pid === undefined || tree.has(pid)) continue;
    const usage = readProcess(pid);
    if (usage === null) continue;
    tree.set(pid, usage);
    queue.push(...childrenOf(pid));
  }
  return tree;
}

/** Reads all cores together; what a hypervisor stole counts as busy. */
export function readHost(): HostUsage | null {
  const text = readText("/proc/stat");
  const fields = text?.split("\n")[0]?.split(/\s+/).slice(1, 9).map(Number);
  if (!fields || fields.length < 5) return null;
  const total = fields.reduce((sum, n) => sum + n, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  const writtenKb = numberAfter(readText("/proc/vmstat"), /^pgpgout (\d+)/m);
  return {
    busySec: (total - idle) / TICKS_PER_SECOND,
    totalSec: total / TICKS_PER_SECOND,
    usedBytes: usedMemory(),
    diskWriteBytes: writtenKb === null ? null : writtenKb * 1_024,
    contextSwitches: numberAfter(text, /^ctxt (\d+)/m),
    networkBytes: networkBytesOf("self"),
    waitedSec: readPressure(),
  };
}

/** Bytes received over all interfaces of a process's network. */
export function networkBytesOf(pid: number | "self"): number | null {
  const text = readText(`/proc/${pid}/net/dev`);
  if (text === null) return null;
  return [...text.matchAll(/^\s*\S+:\s*(\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
}

/** The name of a process, as the system has it. */
export function processName(pid: number): string | null {
  return readText(`/proc/${pid}/comm`)?.trim() ?? null;
}

function readStat(pid: number): readonly string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces and parentheses itself.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The size of the folder is the count since Linux 6.2; before, it is 0. */
function countFiles(pid: number): number | null {
  try {
    const { size } = statSync(`/proc/${pid}/fd`);
    return size > 0 ? size : readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // Another user's process, or it is gone.
    return null;
  }
}

function switchesOf(pid: number, tasks: readonly string[]): number | null {
  if (tasks.length === 0) return null;
  const texts = tasks.map((task) => readText(`/proc/${pid}/task/${task}/status`));
  return texts.reduce((sum, text) => {
    const counts = [...(text ?? "").matchAll(/voluntary_ctxt_switches:\s*(\d+)/g)];
    return sum + counts.reduce((all, m) => all + Number(m[1]), 0);
  }, 0);
}

/** From the scheduler's own account, in ns; not every kernel keeps it. */
function threadTimesOf(pid: number, tasks: readonly string[]): ProcessUsage["threadTimes"] {
  const times = new Map<string, ThreadTimes>();
  for (const task of tasks) {
    const text = readText(`/proc/${pid}/task/${task}/schedstat`);
    const [ran = Number.NaN, waited = Number.NaN] = text?.split(" ").map(Number) ?? [];
    if (!Number.isNaN(ran + waited))
      times.set(task, { ranSec: ran / 1e9, waitedSec: waited / 1e9 });
  }
  return times.size === 0 ? null : times;
}

function childrenOf(pid: number): readonly number[] {
  const texts = listTasks(pid).map((task) => readText(`/proc/${pid}/task/${task}/children`));
  return texts.flatMap((text) => (text ?? "").split(" ").filter(Boolean).map(Number));
}

function listTasks(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process is gone.
    return [];
  }
}

function usedMemory(): number | null {
  const text = readText("/proc/meminfo");
  const total = numberAfter(text, /^MemTotal:\s+(\d+)/m);
  const free = numberAfter(text, /^MemAvailable:\s+(\d+)/m);
  return total === null || free === null ? null : (total - free) * 1_024;
}

function readPressure(): HostUsage["waitedSec"] {
  const read = (what: string) => {
    const text = readText(`/proc/pressure/${what}`);
    const micros = numberAfter(text, /^some .*total=(\d+)/m);
    return micros === null ? null : micros / 1e6;
  };
  const [cpu, io, memory] = [read("cpu"), read("io"), read("memory")];
  return cpu === null && io === null && memory === null
    ? null
    : { cpu: cpu ?? null, io: io ?? null, memory: memory ?? null };
}

function numberAfter(text: string | null | undefined, pattern: RegExp): number | null {
  const found = pattern.exec(text ?? "")?.[1];
  return found === undefined ? null : Number(found);
}

/**
 * Read at once, in this thread: what is under /proc is made as it is read, and waits for no disk. By way of
 * Node's threads, a look at a few processes is a hundred switches between threads, which k6 and the relay,
 * where they share the cores, feel as a pause.
 */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not Linux, not ours to read, or gone: not measured.
    return null;
  }
}
