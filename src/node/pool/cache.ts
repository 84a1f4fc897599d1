/** Pools are kept under their id, so that a run with the same seed, mix and size signs nothing. */
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { mayBeCut } from "../../pool/part.ts";
import { folderName, type MakeOptions, makePool, poolId } from "./make.ts";
import type { Progress } from "./progress.ts";
import { type Pool, readPool } from "./read.ts";
import { touchPool } from "./shelf.ts";

export interface EnsureOptions extends Omit<MakeOptions, "dir"> {
  /** The folder that holds pools. */
  readonly root: string;
  /** Makes the pool even if it is there. */
  readonly force?: boolean;
  /** How far the reading of a kept pool has got, in bytes, when it takes more than 2 s. */
  readonly onReading?: (progress: Progress) => void;
}

/** Opens the pool of a request after checking it whole, or makes it: also when the one kept is damaged. */
export async function ensurePool(
  options: EnsureOptions,
): Promise<Pool & { readonly made: boolean }> {
  const { root, onReading } = options;
  const id = poolId(options);
  const hasLengths = mayBeCut(Object.keys(options.mix), options.extra);
  const part = hasLengths ? options.part : undefined;
  const dir = join(root, folderName(options, part));
  // Who has the whole needs no part of it.
  const places = part === undefined ? [dir] : [join(root, id), dir];
  for (const place of options.force ? [] : places) {
    const kept = await readKept(place, id, onReading);
    if (kept !== undefined) return { ...kept, made: false };
  }
  const manifest = await makePool({ ...options, part, dir, resume: !options.force });
  return { dir, manifest, made: true };
}

async function readKept(
  dir: string,
  id: string,
  onReading: EnsureOptions["onReading"],
): Promise<Pool | undefined> {
  await touchPool(dir);
  try {
    const pool = await readPool(dir, onReading);
    return pool.manifest.id === id ? pool : undefined;
  } catch (error) {
    // What cannot be used is made anew in its place.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
