/**
 * Which process listens on a port of this machine, from Linux's own tables: the listening socket's
 * inode, then the process that has it open.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { processName } from "../proc.ts";

const LISTEN = "0A";
/** These hold a port for a process that they are not. */
const PROXIES = /^(docker-proxy|rootlessport|ssh|nginx|caddy|haproxy|traefik|envoy)/;

export type PortOwner =
  | { readonly status: "found"; readonly pid: number; readonly name: string }
  | { readonly status: "unknown"; readonly why: string };

/** Finds who listens on a TCP port of loopback or of all addresses. */
export async function findPortOwner(port: number): Promise<PortOwner> {
  const inodes = new Set([
    ...(await listeningInodes("/proc/net/tcp", port)),
    ...(await listeningInodes("/proc/net/tcp6", port)),
  ]);
  if (inodes.size === 0)
    return unknown("no listener found: not Linux, or another network namespace");
  const pid = await findHolder(inodes);
  if (pid === undefined) return unknown("its listener belongs to another user; give --relay-pid");
  const name = (await processName(pid)) ?? "?";
  if (PROXIES.test(name)) return unknown(`\`${name}\` holds the port for it; give --relay-pid`);
  return { status: "found", pid, name };
}

function unknown(why: string): PortOwner {
  return { status: "unknown", why };
}

async function listeningInodes(path: string, port: number): Promise<readonly string[]> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  try {
    const rows = (await readFile(path, "utf8")).split("\n").slice(1);
    return rows.flatMap((row) => {
      const fields = row.trim().split(/\s+/);
      const isOurs = fields[1]?.endsWith(`:${hex}`) && fields[3] === LISTEN;
      return isOurs && fields[9] !== undefined ? [fields[9]] : [];
    });
  } catch {
    // No such table here.
    return [];
  }
}

/** The oldest of the processes that have the socket: a parent that shares it with its workers. */
async function findHolder(inodes: ReadonlySet<string>): Promise<number | undefined> {
  const pids = (await list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids.sort((a, b) => a - b)) {
    for (const file of await list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(await linkOf(`/proc/${pid}/fd/${file}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return pid;
    }
  }
  return undefined;
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
