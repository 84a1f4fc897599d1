/**
 * The folder of a pool. It is written under a temporary name beside its place and moved there when it
 * is complete, so that a folder with a pool's name is a whole pool, whatever interrupted its maker.
 * What a stopped or killed maker left is taken up by the next one that makes the same pool.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { FRAMES_FILE, MANIFEST_FILE, PROBES_FILE } from "../../pool/format.ts";
import { ROWS_FILE } from "../../query/rows-file.ts";
import { makeFolder } from "../make-folder.ts";
import { readPool } from "./read.ts";

const ABANDONED_AFTER_MS = 3_600_000;
const STALE_AFTER_MS = 7 * 86_400_000;
const MOST_ATTEMPTS = 20;
/** Holds the id of the pool that is being made. */
const ID_FILE = "id.txt";
const STOPPED = "stopped-";

export interface Temporary {
  readonly path: string;
  /** Whether frames of an earlier maker are in it. */
  readonly begun: boolean;
}

/**
 * Gives the temporary folder for a pool: with `mayResume` one that a maker of the same pool had to leave,
 * else a new one. Removes what else killed makers left.
 */
export async function createTemporary(
  dir: string,
  id: string,
  mayResume: boolean,
): Promise<Temporary> {
  await refuseForeignFolder(dir);
  const parent = dirname(dir);
  const prefix = `.${basename(dir)}.tmp-`;
  await makeFolder(parent);
  const path = join(parent, `${prefix}${ownerName()}`);
  let begun = false;
  for (const name of await readdir(parent)) {
    const left = join(parent, name);
    if (!name.startsWith(prefix)) {
      if (/^\..+\.tmp-/.test(name)) await removeOlder(left, STALE_AFTER_MS);
    } else if (!isLeft(name.slice(prefix.length))) {
      await removeOlder(left, ABANDONED_AFTER_MS);
    } else if (mayResume && !begun && (await idOf(left)) === id) {
      begun = await claim(left, path);
    } else {
      await rm(left, { recursive: true, force: true });
    }
  }
  if (!begun) await beginFolder(path, id);
  return { path, begun };
}

async function beginFolder(path: string, id: string): Promise<void> {
  await mkdir(path);
  try {
    await writeFile(join(path, ID_FILE), id);
  } catch (error) {
    // A disk that is full takes a folder, and not a byte more.
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/** Leaves a folder to the next maker of its pool, if there is anything in it. */
export async function leaveTemporary(path: string, dir: string): Promise<void> {
  const frames = await stat(join(path, FRAMES_FILE)).catch(() => undefined);
  if (frames === undefined || frames.size === 0) return;
  await rename(path, join(dirname(dir), `.${basename(dir)}.tmp-${STOPPED}${randomUUID()}`));
}

/** Moves a complete pool into its place, unless the same pool has come there in the meantime. */
export async function moveIntoPlace(temporary: string, dir: string, sha256: string): Promise<void> {
  await rm(join(temporary, ID_FILE), { force: true });
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(temporary, dir);
      return;
    } catch (error) {
      const occupied = hasCode(error, "ENOTEMPTY", "EEXIST", "EPERM");
      if (!occupied || attempt === MOST_ATTEMPTS) throw error;
    }
    const present = await readPool(dir).catch(() => undefined);
    if (present?.manifest.sha256 === sha256) return;
    await removeFolder(dir, `${temporary}-old`);
  }
}

/** This process by name, for what it has under way: its host, its number, and once more by chance. */
export function ownerName(): string {
  return `${host()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Whether nobody works on it any more: it was left, or its maker's process is gone from this host. */
function isLeft(owner: string): boolean {
  return owner.startsWith(STOPPED) || isOwnerGone(owner);
}

/** Whether an owner's process is gone; of another host's it is not known. */
export function isOwnerGone(owner: string): boolean {
  const [machine, pid] = owner.split("-");
  if (machine !== host() || !/^\d+$/.test(pid ?? "")) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return hasCode(error, "ESRCH");
  }
}

function host(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

async function idOf(left: string): Promise<string | undefined> {
  return await readFile(join(left, ID_FILE), "utf8").catch(() => undefined);
}

/** In one step, so that only one of two makers gets it. */
async function claim(left: string, path: string): Promise<boolean> {
  try {
    await rename(left, path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function removeFolder(dir: string, aside: string): Promise<void> {
  try {
    // In one step, so that nobody sees half a pool.
    await rename(dir, aside);
  } catch (error) {
    // Another maker was faster.
    if (!hasCode(error, "ENOENT")) throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

async function removeOlder(temporary: string, ageMs: number): Promise<void> {
  // A maker at work writes to this file all the time.
  const written = await stat(join(temporary, FRAMES_FILE)).catch(() => undefined);
  if (written === undefined || Date.now() - written.mtimeMs < ageMs) return;
  await rm(temporary, { recursive: true, force: true });
}

async function refuseForeignFolder(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  const own: readonly string[] = [FRAMES_FILE, MANIFEST_FILE, PROBES_FILE, ROWS_FILE];
  if (names.every((name) => own.includes(name))) return;
  throw new ConfigError(`\`${dir}\` holds files that are not a pool's; give another folder`);
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
