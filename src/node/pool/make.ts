/**
 * Makes pools. A pool is written into a temporary folder beside its place and moved there when it is
 * complete: whatever interrupts a maker, or however many make the same pool at once, a folder that
 * holds a manifest is a whole pool.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../../errors.ts";
import { sortMix } from "../../events/mix.ts";
import { FRAMES_FILE, MANIFEST_FILE, POOL_FORMAT, type PoolManifest } from "../../pool/format.ts";
import {
  type ChunkScope,
  cutChunks,
  type PoolPlan,
  type PoolRequest,
  planPool,
  poolKey,
} from "../../pool/plan.ts";
import { explainFailure } from "./disk-errors.ts";
import { type FramesSummary, FramesWriter } from "./frames-writer.ts";
import { type Progress, startProgress } from "./progress.ts";
import type { SignedChunk } from "./sign-chunk.ts";
import { startSigners } from "./signers.ts";

export interface MakeOptions extends PoolRequest {
  /** The pool's folder. One that is there already is replaced if it is a pool. */
  readonly dir: string;
  /** Called at most 5 times a second, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Signing threads; by default one for every core. */
  readonly workers?: number;
  /** Stops the making and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/** The id of the pool that a request leads to: 16 hex digits. */
export function poolId(request: PoolRequest): string {
  return createHash("sha256").update(poolKey(request)).digest("hex").slice(0, 16);
}

/**
 * Makes a pool of at least `events` events: the last multipart set is completed, and the manifest
 * says the number. The same request gives the same bytes on any machine, with any number of workers.
 * Throws `ConfigError` for a request that cannot be met and for a disk that does not take the pool.
 */
export async function makePool(options: MakeOptions): Promise<PoolManifest> {
  const plan = planPool(options);
  const dir = resolve(options.dir);
  let temporary: string | undefined;
  try {
    await refuseForeignFolder(dir);
    await mkdir(dirname(dir), { recursive: true });
    temporary = join(dirname(dir), `.${basename(dir)}.tmp-${randomUUID()}`);
    await mkdir(temporary);
    const frames = await writeFrames(join(temporary, FRAMES_FILE), plan, options);
    const manifest = describePool(options, plan, frames);
    await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(temporary, dir);
    return manifest;
  } catch (error) {
    throw explainFailure(error, options.dir);
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

async function writeFrames(
  path: string,
  plan: PoolPlan,
  options: MakeOptions,
): Promise<FramesSummary> {
  const count = options.workers ?? availableParallelism();
  const scope: ChunkScope = { ...plan.scope, types: plan.types, sets: plan.order.length };
  const setsPerChunk = chunkSize(scope.sets, count);
  const writer = await FramesWriter.open(path, plan.types);
  try {
    const signers = await startSigners(
      scope,
      Math.min(count, Math.ceil(scope.sets / setsPerChunk)),
    );
    const progress = startProgress(plan.events, options.onProgress);
    try {
      // Two chunks a thread: none waits for the disk, and memory stays bounded.
      const underWay: Promise<SignedChunk>[] = [];
      const writeNext = async (): Promise<void> => {
        const signed = await underWay.shift();
        options.signal?.throwIfAborted();
        if (signed !== undefined) await writer.write(signed);
        progress(writer.events);
      };
      for (const chunk of cutChunks(plan, setsPerChunk)) {
        const signed = signers.sign(chunk);
        // Its failure is met when its turn comes; until then it must not count as unhandled.
        signed.catch(() => undefined);
        underWay.push(signed);
        if (underWay.length >= 2 * count) await writeNext();
      }
      while (underWay.length > 0) await writeNext();
    } finally {
      await signers.close();
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Large enough to use a key several times, small enough that all threads end at about one time. */
function chunkSize(sets: number, workers: number): number {
  return Math.min(512, Math.max(32, Math.ceil(sets / (8 * workers))));
}

function describePool(request: PoolRequest, plan: PoolPlan, frames: FramesSummary): PoolManifest {
  return {
    format: POOL_FORMAT,
    id: poolId(request),
    seed: request.seed,
    mix: sortMix(request.mix),
    types: plan.types,
    sets: plan.order.length,
    ...frames,
  };
}

async function refuseForeignFolder(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (names.every((name) => name === FRAMES_FILE || name === MANIFEST_FILE)) return;
  throw new ConfigError(`\`${dir}\` holds files that are not a pool's; give another folder`);
}

/** The last maker wins: makers of one pool write the same bytes, so it does not matter which. */
async function moveIntoPlace(temporary: string, dir: string): Promise<void> {
  const attempts = 20;
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(temporary, dir);
      return;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      const occupied = code === "ENOTEMPTY" || code === "EEXIST" || code === "EPERM";
      if (!occupied || attempt === attempts) throw error;
    }
    const old = `${temporary}-old`;
    await rename(dir, old).catch((error: NodeJS.ErrnoException) => {
      // Another maker is at the same point and has moved it already.
      if (error.code !== "ENOENT") throw error;
    });
    await rm(old, { recursive: true, force: true });
  }
}
