/** How much a relay's files take: those that its process holds open for writing, logs and pipes left out. */
import { readdir, readFile, stat } from "node:fs/promises";

const STANDARD = ["0", "1", "2"];
/** O_WRONLY and O_RDWR. */
const WRITES = 0b11;

/** `null` where the process is not known, or another user's. */
export async function databaseBytes(pid: number | undefined): Promise<number | null> {
  if (pid === undefined) return null;
  const folder = `/proc/${pid}/fd`;
  const numbers = await readdir(folder).catch(() => null);
  if (numbers === null) return null;
  const sizes = new Map<number, number>();
  for (const number of numbers.filter((one) => !STANDARD.includes(one))) {
    const info = await readFile(`/proc/${pid}/fdinfo/${number}`, "utf8").catch(() => "");
    const flags = Number.parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? "0", 8);
    if ((flags & WRITES) === 0) continue;
    const file = await stat(`${folder}/${number}`).catch(() => null);
    // Of a file that is mapped and not full, what it takes on the disk.
    if (file?.isFile()) sizes.set(file.ino, file.blocks * 512);
  }
  return sizes.size === 0 ? null : [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
