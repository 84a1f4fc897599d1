/**
 * Makes a folder and those above it. `mkdir` of Node 20 with `recursive` never returns where a file system
 * answers ENOENT below a folder that is there, as `/proc` does: one step at a time ends.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Throws what the file system says when the folder can't be made, or something else has its name. */
export async function makeFolder(path: string): Promise<void> {
  const place = resolve(path);
  if (await makeOne(place)) return;
  const parent = dirname(place);
  if (parent !== place && !(await isThere(parent))) await makeFolder(parent);
  if (await makeOne(place)) return;
  throw Object.assign(new Error(`\`${place}\` can't be made`), { code: "ENOENT" });
}

/** Makes one folder; `false` when what it would be in is not there. */
async function makeOne(place: string): Promise<boolean> {
  try {
    await mkdir(place);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    if (code === "EEXIST" && (await stat(place)).isDirectory()) return true;
    throw cause;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // Not there: it is made first.
    return false;
  }
}
