/**
 * The folder of a pool. It is written under a temporary name beside its place and moved there when it
 * is complete, so that a folder with a pool's name is a whole pool, whatever interrupted its maker.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { FRAMES_FILE, MANIFEST_FILE } from "../../pool/format.ts";
import { readPool } from "./read.ts";

const ABANDONED_AFTER_MS = 3_600_000;
const MOST_ATTEMPTS = 20;

/** Creates the temporary folder for a pool, and removes those that killed makers left for it. */
export async function createTemporary(dir: string): Promise<string> {
  await refuseForeignFolder(dir);
  const parent = dirname(dir);
  const prefix = `.${basename(dir)}.tmp-`;
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await removeAbandoned(join(parent, name));
  }
  const temporary = join(parent, prefix + randomUUID());
  await mkdir(temporary);
  return temporary;
}

/** Moves a complete pool into its place, unless the same pool has come there in the meantime. */
export async function moveIntoPlace(temporary: string, dir: string, sha256: string): Promise<void> {
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

async function removeAbandoned(temporary: string): Promise<void> {
  // A maker at work writes to this file all the time.
  const written = await stat(join(temporary, FRAMES_FILE)).catch(() => undefined);
  if (written === undefined || Date.now() - written.mtimeMs < ABANDONED_AFTER_MS) return;
  await rm(temporary, { recursive: true, force: true });
}

async function refuseForeignFolder(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  if (names.every((name) => name === FRAMES_FILE || name === MANIFEST_FILE)) return;
  throw new ConfigError(`\`${dir}\` holds files that are not a pool's; give another folder`);
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
