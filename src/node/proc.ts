/** What Linux says in `/proc` of processes and of the host; `null` where there is none. */
import { readdir, readFile, stat } from "node:fs/promises";

/** Kernel ticks a second: USER_HZ is 100 on every platform Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
/** Of processes with more threads, context switches are not added up: each is a file to read. */
const MOST_THREADS = 64;
const MOST_PROCESSES = 64;

/** One process, or a tree of them added up; counters run since a process began. */
export interface ProcessUsage {
  /** User and system time, seconds. */
  readonly cpuSec: number;
  readonly rssBytes: number;
  readonly threads: number;
  readonly openFiles: number | null;
  readonly diskWriteBytes: number | null;
  readonly contextSwitches: number | null;
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
export async function readProcess(pid: number): Promise<ProcessUsage | null> {
  const fields = await readStat(pid);
  const at = (i: number) => Number(fields?.[i]);
  const [utime, stime, threads, rssPages] = [at(11), at(12), at(17), at(21)] as const;
  if (!fields || Number.isNaN(utime) || Number.isNaN(rssPages)) return null;
  return {
    cpuSec: (utime + stime) / TICKS_PER_SECOND,
    rssBytes: rssPages * PAGE_BYTES,
    threads,
    openFiles: await countFiles(pid),
    diskWriteBytes: numberAfter(await readText(`/proc/${pid}/io`), /^write_bytes: (\d+)/m),
    contextSwitches: threads > MOST_THREADS ? null : await switchesOf(pid),
  };
}

/** A process and all below it. */
export async function readTree(root: number): Promise<ReadonlyMap<number, ProcessUsage>> {
  const tree = new Map<number, ProcessUsage>();
  for (const queue = [root]; queue.length > 0 && tree.size < MOST_PROCESSES; ) {
    const pid = queue.shift();
    if (pid === undefined || tree.has(pid)) continue;
    const usage = await readProcess(pid);
    if (usage === null) continue;
    tree.set(pid, usage);
    queue.push(...(await childrenOf(pid)));
  }
  return tree;
}

/** Reads all cores together; what a hypervisor stole counts as busy. */
export async function readHost(): Promise<HostUsage | null> {
  const text = await readText("/proc/stat");
  const fields = text?.split("\n")[0]?.split(/\s+/).slice(1, 9).map(Number);
  if (!fields || fields.length < 5) return null;
  const total = fields.reduce((sum, n) => sum + n, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  const writtenKb = numberAfter(await readText("/proc/vmstat"), /^pgpgout (\d+)/m);
  return {
    busySec: (total - idle) / TICKS_PER_SECOND,
    totalSec: total / TICKS_PER_SECOND,
    usedBytes: await usedMemory(),
    diskWriteBytes: writtenKb === null ? null : writtenKb * 1_024,
    contextSwitches: numberAfter(text, /^ctxt (\d+)/m),
    networkBytes: await networkBytesOf("self"),
    waitedSec: await readPressure(),
  };
}

/** Bytes received over all interfaces of a process's network. */
export async function networkBytesOf(pid: number | "self"): Promise<number | null> {
  const text = await readText(`/proc/${pid}/net/dev`);
  if (text === null) return null;
  return [...text.matchAll(/^\s*\S+:\s*(\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
}

/** The name of a process, as the system has it. */
export async function processName(pid: number): Promise<string | null> {
  return (await readText(`/proc/${pid}/comm`))?.trim() ?? null;
}

async function readStat(pid: number): Promise<readonly string[] | undefined> {
  const text = await readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces and parentheses itself.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The size of the folder is the count since Linux 6.2; before, it is 0. */
async function countFiles(pid: number): Promise<number | null> {
  try {
    const { size } = await stat(`/proc/${pid}/fd`);
    return size > 0 ? size : (await readdir(`/proc/${pid}/fd`)).length;
  } catch {
    // Another user's process, or it is gone.
    return null;
  }
}

async function switchesOf(pid: number): Promise<number | null> {
  const texts = await Promise.all(
    (await listTasks(pid)).map((task) => readText(`/proc/${pid}/task/${task}/status`)),
  );
  if (texts.length === 0) return null;
  return texts.reduce((sum, text) => {
    const counts = [...(text ?? "").matchAll(/voluntary_ctxt_switches:\s*(\d+)/g)];
    return sum + counts.reduce((all, m) => all + Number(m[1]), 0);
  }, 0);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const texts = await Promise.all(
    (await listTasks(pid)).map((task) => readText(`/proc/${pid}/task/${task}/children`)),
  );
  return texts.flatMap((text) => (text ?? "").split(" ").filter(Boolean).map(Number));
}

async function listTasks(pid: number): Promise<readonly string[]> {
  try {
    return await readdir(`/proc/${pid}/task`);
  } catch {
    // The process is gone.
    return [];
  }
}

async function usedMemory(): Promise<number | null> {
  const text = await readText("/proc/meminfo");
  const total = numberAfter(text, /^MemTotal:\s+(\d+)/m);
  const free = numberAfter(text, /^MemAvailable:\s+(\d+)/m);
  return total === null || free === null ? null : (total - free) * 1_024;
}

async function readPressure(): Promise<HostUsage["waitedSec"]> {
  const read = async (what: string) => {
    const text = await readText(`/proc/pressure/${what}`);
    const micros = numberAfter(text, /^some .*total=(\d+)/m);
    return micros === null ? null : micros / 1e6;
  };
  const [cpu, io, memory] = [await read("cpu"), await read("io"), await read("memory")];
  return cpu === null && io === null && memory === null
    ? null
    : { cpu: cpu ?? null, io: io ?? null, memory: memory ?? null };
}

function numberAfter(text: string | null | undefined, pattern: RegExp): number | null {
  const found = pattern.exec(text ?? "")?.[1];
  return found === undefined ? null : Number(found);
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not Linux, not ours to read, or gone: not measured.
    return null;
  }
}
