/**
 * What the kernel counted of connections while a run went on, by Linux's tables of this network. A listener's queue that
 * is full drops connections before a relay sees them, and it is the kernel that has them tried again.
 */
import { readlinkSync } from "node:fs";
import type { KernelCounts } from "../../report/cost-types.ts";
import { readText } from "../proc.ts";
import { parsePorts } from "../run/time-wait.ts";

const COUNTERS = {
  listenOverflows: "ListenOverflows",
  listenDrops: "ListenDrops",
  synCookies: "SyncookiesSent",
  synRetransmits: "TCPSynRetrans",
} as const;

export interface KernelWatch {
  /** Once a second, with the processes that take the relay's connections, as far as they are seen. */
  look(relayPids: readonly number[]): void;
  /** `null` where there are no such tables. */
  stop(): KernelCounts | null;
}

export type ReadTable = (path: string) => string | null;

export function watchKernel(read: ReadTable = readText): KernelWatch {
  const first = parseTcpExt(read("/proc/net/netstat") ?? "");
  const timeWaitNow = () => parsePorts(read("/proc/net/sockstat") ?? "", "").inTimeWait;
  const before = timeWaitNow();
  let most = before ?? 0;
  let ofRelay = false;
  return {
    look(relayPids) {
      most = Math.max(most, timeWaitNow() ?? 0);
      ofRelay ||= relayPids.some(sharesNetwork);
    },
    stop() {
      const last = parseTcpExt(read("/proc/net/netstat") ?? "");
      const after = timeWaitNow();
      if (last.size === 0 && after === null) return null;
      const added = (name: string) => {
        const [from, to] = [first.get(name), last.get(name)];
        return from === undefined || to === undefined ? null : to - from;
      };
      return {
        ofRelay,
        listenOverflows: added(COUNTERS.listenOverflows),
        listenDrops: added(COUNTERS.listenDrops),
        synCookies: added(COUNTERS.synCookies),
        synRetransmits: added(COUNTERS.synRetransmits),
        timeWait:
          before === null || after === null ? null : { before, most: Math.max(most, after), after },
      };
    },
  };
}

/** The counters of `TcpExt`: a line of names, and one of values. */
function parseTcpExt(text: string): ReadonlyMap<string, number> {
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.trim().split(/\s+/).slice(1));
  return new Map(names.map((name, i) => [name, Number(values[i])]));
}

function sharesNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync("/proc/self/ns/net");
  } catch {
    // Gone, or another user's.
    return false;
  }
}
