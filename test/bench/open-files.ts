/** What a process has open: of a sink, one each connection, beside a few of its own. */
import { readdirSync, statSync } from "node:fs";

/** The folder's size is their number (Linux 6.2); before that, who wants it counts them. */
export function openFiles(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return statSync(folder).size || readdirSync(folder).length;
}
