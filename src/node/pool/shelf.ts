/**
 * The folder that holds pools, kept within a bound: what was used longest ago goes first. A pool in use by any
 * run stays, and one that a person made or named. Who uses or names which pool is noted in files beside the
 * pools, so that runs at the same time, and after a crash, know of each other.
 */
import { lstat, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MANIFEST_FILE } from "../../pool/format.ts";
import { makeFolder } from "../make-folder.ts";
import { isOwnerGone, ownerName } from "./place.ts";

/** Files `<pool's id>.<owner>`. */
const USES = ".uses";
/** Files `<pool's id>`. */
const NAMES = ".named";
const POOL_ID = /^[0-9a-f]{16}$/;
/** A pool that was found so lately may be in the hands of a run that has not said so yet. */
const LATELY_MS = 600_000;
/** The owner on another host can't be looked up; no run is as long as this. */
const LONGEST_USE_MS = 7 * 86_400_000;

export interface Removed {
  readonly pools: number;
  readonly bytes: number;
}

/** Notes that a pool is in use. Gives what ends the use. */
export async function usePool(dir: string): Promise<() => Promise<void>> {
  const { root, id } = placeOf(dir);
  const mark = join(root, USES, `${id}.${ownerName()}`);
  try {
    await makeFolder(dirname(mark));
    await writeFile(mark, "");
  } catch {
    // Where nothing can be written, nothing can be removed.
    return async () => {};
  }
  await touchPool(dir);
  return async () => {
    await rm(mark, { force: true });
    await touchPool(dir);
  };
}

/** Notes that a person made a pool, or named it: it is never removed. */
export async function namePool(dir: string): Promise<void> {
  const { root, id } = placeOf(dir);
  try {
    await makeFolder(join(root, NAMES));
    await writeFile(join(root, NAMES, id), "");
  } catch {
    // Where nothing can be written, nothing can be removed.
  }
}

/** Removes pools that nobody uses and nobody named until the others of that kind take no more than so many bytes. */
export async function trimPools(
  root: string,
  { mostBytes, nowMs = Date.now() }: { readonly mostBytes: number; readonly nowMs?: number },
): Promise<Removed> {
  const named = new Set(await list(join(root, NAMES)));
  const ids = (await list(root)).filter((name) => POOL_ID.test(name) && !named.has(name));
  const pools = (await Promise.all(ids.map((id) => measure(join(root, id), id)))).flatMap(
    (pool) => pool ?? [],
  );
  let left = pools.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed = { pools: 0, bytes: 0 };
  for (const { id, bytes, usedMs } of pools.sort((a, b) => a.usedMs - b.usedMs)) {
    if (left <= mostBytes) break;
    if (nowMs - usedMs < LATELY_MS || !(await removePool(root, id, nowMs))) continue;
    left -= bytes;
    removed.pools++;
    removed.bytes += bytes;
  }
  return removed;
}

/** Removes one pool, unless it is in use; gives whether it did. */
export async function removePool(root: string, id: string, nowMs = Date.now()): Promise<boolean> {
  if (await isUsed(root, id, nowMs)) return false;
  const aside = join(root, `.${id}.tmp-${ownerName()}`);
  // In one step, so that nobody sees half a pool.
  if (!(await tryRename(join(root, id), aside))) return false;
  // Whoever took it up in between gets it back.
  if ((await isUsed(root, id, nowMs)) && (await tryRename(aside, join(root, id)))) return false;
  await rm(aside, { recursive: true, force: true });
  return true;
}

/** Notes that a pool was looked for just now. */
export async function touchPool(dir: string): Promise<void> {
  const now = new Date();
  // A pool that may only be read, or is gone by now, is used all the same.
  await utimes(join(dir, MANIFEST_FILE), now, now).catch(() => undefined);
}

function placeOf(dir: string): { readonly root: string; readonly id: string } {
  const place = resolve(dir);
  return { root: dirname(place), id: place.slice(dirname(place).length + 1) };
}

/** `null` for what is no pool. */
async function measure(dir: string, id: string) {
  try {
    if (!(await lstat(dir)).isDirectory()) return null;
    const files = await Promise.all((await readdir(dir)).map((name) => lstat(join(dir, name))));
    const { mtimeMs } = await stat(join(dir, MANIFEST_FILE));
    return { id, bytes: files.reduce((sum, { size }) => sum + size, 0), usedMs: mtimeMs };
  } catch {
    // No manifest, or somebody removed it.
    return null;
  }
}

async function isUsed(root: string, id: string, nowMs: number): Promise<boolean> {
  for (const name of await list(join(root, USES))) {
    if (!name.startsWith(`${id}.`)) continue;
    const mark = join(root, USES, name);
    const since = await stat(mark).catch(() => null);
    if (since === null) continue;
    const isOver = nowMs - since.mtimeMs > LONGEST_USE_MS;
    if (!isOver && !isOwnerGone(name.slice(id.length + 1))) return true;
    await rm(mark, { force: true });
  }
  return false;
}

async function tryRename(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch {
    // Another was faster.
    return false;
  }
}

async function list(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}
