/** Makes pools: plans, signs over all cores, and streams to the disk in the order of sending. */
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { sortMix } from "../../events/mix.ts";
import { findEventType } from "../../events/registry.ts";
import { FRAMES_FILE, MANIFEST_FILE, POOL_FORMAT, type PoolManifest } from "../../pool/format.ts";
import { type PoolPlan, type PoolRequest, planPool, poolKey } from "../../pool/plan.ts";
import { explainFailure } from "./disk-errors.ts";
import { type FramesSummary, FramesWriter } from "./frames-writer.ts";
import { createTemporary, moveIntoPlace } from "./place.ts";
import { type Progress, startProgress } from "./progress.ts";
import { signPlan } from "./sign-plan.ts";

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
    temporary = await createTemporary(dir);
    const frames = await writeFrames(join(temporary, FRAMES_FILE), plan, options);
    const manifest = describePool(options, plan, frames);
    await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(temporary, dir, manifest.sha256);
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
  const writer = await FramesWriter.open(path, plan.types);
  try {
    const progress = startProgress(plan.events, options.onProgress);
    for await (const chunk of signPlan(plan, options.workers ?? availableParallelism())) {
      options.signal?.throwIfAborted();
      await writer.write(chunk);
      progress(writer.events);
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function describePool(request: PoolRequest, plan: PoolPlan, frames: FramesSummary): PoolManifest {
  return {
    format: POOL_FORMAT,
    id: poolId(request),
    seed: request.seed,
    mix: sortMix(request.mix),
    types: plan.types,
    kinds: Object.fromEntries(plan.types.map((name) => [name, findEventType(name)?.kinds ?? null])),
    sets: plan.order.length,
    ...frames,
  };
}
