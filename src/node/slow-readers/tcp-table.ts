/**
 * What the system knows of TCP connections that nobody reads: who does not read learns of no end, but the table of this
 * machine has it, and what waits in its buffers. Linux: Documentation/networking/proc_net_tcp.rst.
 */
import { readFile } from "node:fs/promises";

const ESTABLISHED = "01";

/** One end of a connection. */
export interface TcpEnd {
  readonly localPort: number;
  readonly remotePort: number;
  readonly isEstablished: boolean;
  /** Bytes that the other end has not taken, and that this one has not read. */
  readonly unsent: number;
  readonly unread: number;
}

/** The ends that have one of the ports at either end. */
export function parseTcpTable(text: string, ports: ReadonlySet<number>): readonly TcpEnd[] {
  return text.split("\n").flatMap((line) => {
    const row =
      /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]{8}):([0-9A-F]{8})/.exec(
        line,
      );
    if (row === null) return [];
    const [, local = "", remote = "", state, unsent = "", unread = ""] = row;
    const localPort = Number.parseInt(local, 16);
    const remotePort = Number.parseInt(remote, 16);
    if (!ports.has(localPort) && !ports.has(remotePort)) return [];
    return [
      {
        localPort,
        remotePort,
        isEstablished: state === ESTABLISHED,
        unsent: Number.parseInt(unsent, 16),
        unread: Number.parseInt(unread, 16),
      },
    ];
  });
}

/** `null` where the system has no such table. */
export async function readTcpTable(ports: ReadonlySet<number>): Promise<readonly TcpEnd[] | null> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => null)),
  );
  const known = tables.filter((text) => text !== null);
  return known.length === 0 ? null : known.flatMap((text) => parseTcpTable(text, ports));
}

/** The two ends of one connection, as far as they are on this machine. */
export interface Watched {
  /** Of the one that does not read; `undefined`: it is closed. */
  readonly own: TcpEnd | undefined;
  readonly relays: TcpEnd | undefined;
}

export function endsOf(
  table: readonly TcpEnd[],
  { port, relayPort }: { readonly port: number; readonly relayPort: number },
): Watched {
  return {
    own: table.find((end) => end.localPort === port && end.remotePort === relayPort),
    relays: table.find((end) => end.localPort === relayPort && end.remotePort === port),
  };
}

/** `sawRelays`: the relay's end was in the table before. A proxy, or another machine, has it elsewhere. */
export function isCut({ own, relays }: Watched, sawRelays: boolean): boolean {
  if (own?.isEstablished !== true) return true;
  return sawRelays && relays?.isEstablished !== true;
}
