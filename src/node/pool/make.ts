/** Makes pools: plans, signs over all cores, and streams to the disk in the order of sending. */
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { sortMix } from "../../events/mix.ts";
import { findEventType } from "../../events/registry.ts";
import {
  FRAMES_FILE,
  MANIFEST_FILE,
  POOL_FORMAT,
  type PoolManifest,
  type PoolPart,
} from "../../pool/format.ts";
import { cutPart, type PartRequest, type ShareSets } from "../../pool/part.ts";
import {
  dropSets,
  type PoolPlan,
  type PoolRequest,
  planPool,
  poolKey,
  type Stretch,
} from "../../pool/plan.ts";
import { explainFailure } from "./disk-errors.ts";
import { type FramesSummary, FramesWriter } from "./frames-writer.ts";
import { createTemporary, leaveTemporary, moveIntoPlace, type Temporary } from "./place.ts";
import { type Progress, startProgress } from "./progress.ts";
import { signPlan } from "./sign-plan.ts";
import { takeUp } from "./take-up.ts";
import { tryBuilders } from "./try-builders.ts";

export interface MakeOptions extends PoolRequest {
  /** The pool's folder. One that is there already is replaced if it is a pool. */
  readonly dir: string;
  /** Called at most 5 times a second, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Signing threads; by default one for every core. */
  readonly workers?: number;
  /** Stops the making; what is signed is left for the next maker of the same pool. */
  readonly signal?: AbortSignal;
  /** Goes on where a maker of the same pool was stopped or killed; on unless it is `false`. */
  readonly resume?: boolean;
  /** Called with the events that a stopped maker had signed. */
  readonly onResume?: (events: number) => void;
  /** URL of the module that `extra` comes from. */
  readonly module?: string | undefined;
  /** The largest frame in bytes that will be taken: own builders' events are held against it. */
  readonly mostFrameBytes?: number | undefined;
  /** Makes one instance's part of the pool alone; of types whose sets are all of a known length. */
  readonly part?: PartRequest | undefined;
}

/** The id of the pool that a request leads to: 16 hex digits. */
export function poolId(request: PoolRequest): string {
  return digits(poolKey(request));
}

/** What the folder of a pool, or of a part of it, is called. */
export function folderName(request: PoolRequest, part?: PartRequest): string {
  if (part === undefined) return poolId(request);
  const { instance, instances, vus } = part;
  return digits(JSON.stringify([poolKey(request), instance, instances, vus]));
}

function digits(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Makes a pool of at least `events` events: the last multipart set is completed, and the manifest
 * says the number. The same request gives the same bytes on any machine, with any number of workers.
 * Throws `ConfigError` for a request that cannot be met and for a disk that does not take the pool.
 */
export async function makePool(options: MakeOptions): Promise<PoolManifest> {
  const plan = planPool(options);
  await tryBuilders(plan, options);
  const dir = resolve(options.dir);
  let temporary: Temporary | undefined;
  try {
    const name = folderName(options, options.part);
    temporary = await createTemporary(dir, name, options.resume ?? true);
    const manifest = describePool(options, plan, await writeFrames(temporary, plan, options));
    await writeFile(join(temporary.path, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(temporary.path, dir, manifest.sha256);
    return manifest;
  } catch (error) {
    if (temporary !== undefined && options.signal?.aborted) {
      await leaveTemporary(temporary.path, dir);
    }
    throw explainFailure(error, options.dir);
  } finally {
    if (temporary !== undefined) await rm(temporary.path, { recursive: true, force: true });
  }
}

async function writeFrames(
  { path: folder, begun }: Temporary,
  plan: PoolPlan,
  options: MakeOptions,
): Promise<Written> {
  const { part, extra = [], module, signal } = options;
  const path = join(folder, FRAMES_FILE);
  const shares = part === undefined ? null : cutPart(plan, part, extra);
  const all = shares?.map(({ fromSet, toSet }): Stretch => [fromSet, toSet]);
  const stretches = all ?? [[0, plan.order.length]];
  const order = all === undefined ? plan.order : joinOrder(plan, all);
  const planned = shares?.reduce((sum, { events }) => sum + events, 0) ?? plan.events;
  const writer = await FramesWriter.open(path, plan.types, marksOf(stretches));
  try {
    const { types } = plan;
    const from = begun ? await takeUp(path, { order, types, extra, writer }) : 0;
    if (from > 0) options.onResume?.(writer.events);
    const progress = startProgress(planned, options.onProgress, { done: writer.events });
    const threads = options.workers ?? availableParallelism();
    const left = dropSets(stretches, from);
    for await (const chunk of signPlan(plan, { threads, stretches: left, module })) {
      signal?.throwIfAborted();
      await writer.write(chunk);
      progress(writer.events, options.extra ? foreseeEvents(planned, order, writer) : planned);
    }
    const frames = await writer.finish();
    if (part === undefined || shares === null) return { ...frames, sets: order.length };
    const { starts } = writer;
    return { ...frames, sets: order.length, part: describePart(part, shares, starts) };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Sets of a user's builders show their length only when they are built: the rest will be like those. */
function foreseeEvents(events: number, order: Uint8Array, written: FramesWriter): number {
  return Math.max(events, Math.round((written.events * order.length) / written.sets));
}

/** The places of stretches' first sets, where they stand one behind the other. */
function marksOf(stretches: readonly Stretch[]): readonly number[] {
  let before = 0;
  return stretches.map(([fromSet, toSet]) => {
    before += toSet - fromSet;
    return before - (toSet - fromSet);
  });
}

function joinOrder({ order }: PoolPlan, stretches: readonly Stretch[]): Uint8Array {
  const joined = new Uint8Array(stretches.reduce((sum, [from, to]) => sum + to - from, 0));
  for (const [i, mark] of marksOf(stretches).entries()) {
    joined.set(order.subarray(...(stretches[i] ?? [0, 0])), mark);
  }
  return joined;
}

function describePart(
  part: PartRequest,
  shares: readonly ShareSets[],
  starts: readonly number[],
): PoolPart {
  return {
    ...part,
    shares: shares.map(({ share, events }, i) => [share, starts[i] ?? 0, events] as const),
  };
}

type Written = FramesSummary & Pick<PoolManifest, "sets" | "part">;

function describePool(request: PoolRequest, plan: PoolPlan, frames: Written): PoolManifest {
  return {
    format: POOL_FORMAT,
    id: poolId(request),
    seed: request.seed,
    mix: sortMix(request.mix),
    types: plan.types,
    kinds: Object.fromEntries(
      plan.types.map((name) => [name, findEventType(name, request.extra)?.kinds ?? null]),
    ),
    ...(request.extraDigest === undefined ? {} : { source: { builders: request.extraDigest } }),
    ...frames,
  };
}
