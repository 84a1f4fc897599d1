/**
 * Ports that closed connections still hold (TIME_WAIT, a minute on Linux): before each of several runs they
 * are waited for, since each connection to a relay elsewhere needs a local port of its own. On loopback the
 * system uses them again at once, unless they are bound to addresses of their own (`--local-ips`).
 */
import { readFile } from "node:fs/promises";
import { ConfigError, Interrupted } from "../../errors.ts";
import { classifyAddress, parseAddress } from "../../guard/address.ts";
import { classifyName } from "../../guard/name.ts";
import { mostOfASource } from "../../plan/local-ips.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatCount } from "../../report/format.ts";

/** Linux holds them for 60 s (TCP_TIMEWAIT_LEN); a few more for those that closed last. */
const MOST_WAIT_SEC = 75;
const LOOK_EVERY_MS = 1_000;

export interface Ports {
  /** `null`: not known on this system. */
  readonly inTimeWait: number | null;
  readonly range: number | null;
}

export interface PortWait {
  readonly read?: () => Promise<Ports>;
  readonly sleep?: (ms: number) => Promise<void>;
  readonly onNote: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Waits until the plan's connections find ports; throws `ConfigError` when they do not become free. */
export async function awaitPorts(plan: Plan, wait: PortWait): Promise<void> {
  const { read = readPorts, sleep = pause, onNote, signal } = wait;
  // A connection that is bound to its source gets no port that another one holds.
  if (plan.localIps === null && plan.relays.every(({ host }) => isLoopback(host))) return;
  const needed = mostOfASource(plan);
  const share = plan.localIps === null ? 1 : needed / plan.clients;
  for (let waitedSec = 0; !signal?.aborted; waitedSec++) {
    const { inTimeWait: ofAll, range } = await read();
    const inTimeWait = ofAll === null ? null : Math.ceil(ofAll * share);
    // More connections than ports at all is preflight's to refuse.
    if (inTimeWait === null || range === null || needed > range) return;
    if (inTimeWait + needed <= range) return;
    const what = `${formatCount(inTimeWait)} ports of closed connections are held for a minute (TIME_WAIT), ${formatCount(needed)} of ${formatCount(range)} are needed`;
    if (waitedSec >= MOST_WAIT_SEC) {
      throw new ConfigError(
        `${what}: after ${MOST_WAIT_SEC} s they are not free\nWiden \`net.ipv4.ip_local_port_range\`, lower --clients, or find who else opens so many connections.`,
      );
    }
    if (waitedSec === 0) onNote(`${what}; waiting for at most ${MOST_WAIT_SEC} s`);
    await sleep(LOOK_EVERY_MS);
  }
  throw new Interrupted("interrupted while ports were waited for");
}

export async function readPorts(): Promise<Ports> {
  const sockets = await readText("/proc/net/sockstat");
  const range = await readText("/proc/sys/net/ipv4/ip_local_port_range");
  return parsePorts(sockets ?? "", range ?? "");
}

/** From `/proc/net/sockstat` and `ip_local_port_range`. */
export function parsePorts(sockets: string, range: string): Ports {
  const inTimeWait = /^TCP:.*\btw (\d+)/m.exec(sockets)?.[1];
  const [low, high] = range.trim().split(/\s+/).map(Number);
  const isRange = low !== undefined && high !== undefined && high >= low;
  return {
    inTimeWait: inTimeWait === undefined ? null : Number(inTimeWait),
    range: isRange ? high - low + 1 : null,
  };
}

export function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  return address === undefined
    ? classifyName(host) === "loopback"
    : classifyAddress(address).kind === "loopback";
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not on this system.
    return null;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
