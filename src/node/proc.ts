/** CPU and memory of processes and of the host from `/proc` (Linux); `null` where there is none. */
import { readFile } from "node:fs/promises";

/** Kernel ticks a second: USER_HZ is 100 on every platform Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

export interface ProcessUsage {
  /** User and system time since the process began, seconds. */
  readonly cpuSec: number;
  readonly rssBytes: number;
}

export interface HostUsage {
  readonly busySec: number;
  readonly totalSec: number;
}

/** Reads one process; `null` when it is gone or `/proc` is not there. */
export async function readProcess(pid: number): Promise<ProcessUsage | null> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (!fields) return null;
  const [utime, stime, rssPages] = [fields[11], fields[12], fields[21]].map(Number);
  if (utime === undefined || stime === undefined || rssPages === undefined) return null;
  return { cpuSec: (utime + stime) / TICKS_PER_SECOND, rssBytes: rssPages * PAGE_BYTES };
}

/** Reads all cores together; what a hypervisor stole counts as busy. */
export async function readHost(): Promise<HostUsage | null> {
  const line = (await readText("/proc/stat"))?.split("\n")[0];
  const fields = line?.split(/\s+/).slice(1, 9).map(Number);
  if (!fields || fields.length < 5) return null;
  const total = fields.reduce((sum, n) => sum + n, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busySec: (total - idle) / TICKS_PER_SECOND, totalSec: total / TICKS_PER_SECOND };
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not Linux, or the process is gone: not measured.
    return null;
  }
}
