/** Connections open to a port of this machine, as Linux lists them. */
import { readFile } from "node:fs/promises";

const ESTABLISHED = "01";

/** How many clients are connected to a port of 127.0.0.1. Source: proc(5), `/proc/net/tcp`. */
export async function connectionsTo(port: number): Promise<number> {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").slice(1);
  return lines.filter((line) => {
    const [, , to = "", state] = line.trim().split(/\s+/);
    return to.endsWith(remote) && state === ESTABLISHED;
  }).length;
}
