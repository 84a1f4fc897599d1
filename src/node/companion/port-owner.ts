/**
 * Which processes listen at an address of this machine, from Linux's own tables: the listening sockets'
 * inodes, then the processes that have them open.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { parseAddress } from "../../guard/address.ts";
import { processName } from "../proc.ts";

const LISTEN = "0A";
/** These hold a port for a process that they are not. */
const PROXIES =
  /^(docker-proxy|rootlessport|rootlesskit|slirp4netns|pasta|gvproxy|socat|ssh|nginx|caddy|haproxy|traefik|envoy|stunnel|kubectl)/;
const DOCKER = "docker-proxy";
const MAPPED = "0000000000000000FFFF0000";
const ANY = "0".repeat(32);

export type PortOwner =
  /** Several where workers listen each for themselves. */
  | { readonly status: "found"; readonly pids: readonly number[]; readonly name: string }
  /** They take the connections, and hand them on to a process that is not known. */
  | { readonly status: "proxy"; readonly pids: readonly number[]; readonly name: string }
  | { readonly status: "unknown"; readonly why: string };

/** Finds who takes connections to an IP address of loopback, at a TCP port. */
export async function findPortOwner(address: string, port: number): Promise<PortOwner> {
  const inodes = await listeningInodes(address, port);
  if (inodes.size === 0)
    return unknown("no listener found: not Linux, or another network namespace");
  const pids = await findHolders(inodes);
  const [oldest] = pids;
  if (oldest === undefined) {
    // Whose files another user's are can't be seen; what they were started with can.
    const docker = await findDockerProxies(port);
    if (docker.length > 0) return { status: "proxy", pids: docker, name: DOCKER };
    return unknown("its listener belongs to another user; give --relay-pid");
  }
  const name = processName(oldest) ?? "?";
  return { status: isProxy(name) ? "proxy" : "found", pids, name };
}

/** Whether a process of this name hands connections on. */
export function isProxy(name: string): boolean {
  return PROXIES.test(name);
}

/** Whether Docker's proxy was started for this port: `docker-proxy … -host-port 7777 …`. */
export function isDockerProxyOf(port: number, args: readonly string[]): boolean {
  const at = args.findIndex((arg) => /^--?host-port$/.test(arg));
  const given =
    at === -1 ? args.find((arg) => /^--?host-port=/.test(arg))?.split("=")[1] : args[at + 1];
  return given === String(port) && (args[0] ?? "").split("/").at(-1) === DOCKER;
}

async function findDockerProxies(port: number): Promise<readonly number[]> {
  const pids = (await list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    if (processName(pid) !== DOCKER) continue;
    if (isDockerProxyOf(port, await argumentsOf(pid))) found.push(pid);
  }
  return found;
}

async function argumentsOf(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch {
    // Gone since.
    return [];
  }
}

function unknown(why: string): PortOwner {
  return { status: "unknown", why };
}

/** Of sockets that listen at this very address; where there are none, of those that listen at all. */
async function listeningInodes(address: string, port: number): Promise<ReadonlySet<string>> {
  const rows = [
    ...(await listeners("/proc/net/tcp", port)).map((row) => ({
      ...row,
      at: row.at === "00000000" ? ANY : `${MAPPED}${row.at}`,
    })),
    ...(await listeners("/proc/net/tcp6", port)),
  ];
  const own = hexOf(address);
  const exact = rows.filter(({ at }) => at === own);
  const chosen = exact.length > 0 ? exact : rows.filter(({ at }) => at === ANY);
  return new Set(chosen.map(({ inode }) => inode));
}

/** An address as `/proc/net/tcp6` has it: words of four bytes, each from its last byte to its first. */
function hexOf(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const hex = address.toByteArray().map((byte) => byte.toString(16).toUpperCase().padStart(2, "0"));
  const words = Array.from({ length: hex.length / 4 }, (_, i) =>
    hex
      .slice(i * 4, i * 4 + 4)
      .reverse()
      .join(""),
  );
  return (words.length === 1 ? MAPPED : "") + words.join("");
}

async function listeners(path: string, port: number) {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  try {
    const rows = (await readFile(path, "utf8")).split("\n").slice(1);
    return rows.flatMap((row) => {
      const fields = row.trim().split(/\s+/);
      const [at = "", atPort] = fields[1]?.split(":") ?? [];
      const inode = fields[9];
      return atPort === hex && fields[3] === LISTEN && inode !== undefined ? [{ at, inode }] : [];
    });
  } catch {
    // No such table here.
    return [];
  }
}

/** The processes that have one of the sockets, the oldest first: a parent that shares it with workers. */
async function findHolders(inodes: ReadonlySet<string>): Promise<readonly number[]> {
  const pids = (await list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const holders: number[] = [];
  for (const pid of pids.sort((a, b) => a - b)) {
    for (const file of await list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(await linkOf(`/proc/${pid}/fd/${file}`))?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      holders.push(pid);
      break;
    }
  }
  return holders;
}

async function list(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch {
    // Gone, or another user's.
    return [];
  }
}

async function linkOf(path: string): Promise<string> {
  try {
    return await readlink(path);
  } catch {
    // Closed since.
    return "";
  }
}
