/**
 * What stands where in a pool, decided before anything is signed: the order of the sets, and for any
 * stretch of them all that is needed to build it apart from the rest.
 */
import { ConfigError } from "../errors.ts";
import { planCatalogue } from "../events/catalogue.ts";
import type { Author, Draft, EventType, Part, PoolScope } from "../events/event-type.ts";
import { drawTypes, type Mix, sortMix } from "../events/mix.ts";
import { BUILDERS_VERSION, findEventType } from "../events/registry.ts";
import { seededRandom } from "../random.ts";
import { POOL_FORMAT } from "./format.ts";

/** 2026-01-01T00:00:00Z: the default epoch is the same on any day, and so are the ids. */
export const DEFAULT_EPOCH = 1_767_225_600;
/** A pool's events lie within so many seconds from its epoch on. */
const POOL_SPAN_SEC = 86_400;

/** All that determines the events of a pool. */
export interface PoolRequest {
  readonly seed: string;
  readonly mix: Mix;
  /** The set that reaches this number is completed, so a pool may have a few events more. */
  readonly events: number;
  /** Unix seconds of the first event. */
  readonly epoch: number;
}

export interface PoolPlan {
  readonly scope: PoolScope;
  /** Names of the types; a type goes by its place here. */
  readonly types: readonly string[];
  /** The type of every set, in the order of sending. */
  readonly order: Uint8Array;
  readonly events: number;
}

/** A stretch of sets that can be built on its own, in another thread. */
export interface Chunk {
  readonly firstSet: number;
  readonly order: Uint8Array;
  /** Sets of each type before this chunk. */
  readonly before: readonly number[];
}

/** The text of all that determines a pool's events. Its SHA-256 begins with the pool's id. */
export function poolKey(request: PoolRequest): string {
  const { seed, mix, events, epoch } = request;
  const parts = [POOL_FORMAT, BUILDERS_VERSION, seed, Object.entries(sortMix(mix)), events, epoch];
  return JSON.stringify(parts);
}

/** Draws the order of the sets. Throws `ConfigError` for a request that no pool can meet. */
export function planPool(request: PoolRequest): PoolPlan {
  const { seed, events, epoch } = request;
  checkRequest(request);
  const mix = sortMix(request.mix);
  const types = Object.keys(mix);
  const sizes = resolveTypes(types).map((type) => type.kinds.length);
  const draw = drawTypes(mix, seededRandom(seed, "mix"));
  const order = new Uint8Array(events);
  let sets = 0;
  let planned = 0;
  while (planned < events) {
    const type = draw();
    order[sets++] = type;
    planned += sizes[type] ?? 0;
  }
  const scope = { seed, epoch, ...planCatalogue(events, types.includes("video")) };
  return { scope, types, order: order.slice(0, sets), events: planned };
}

/** Cuts a plan into chunks of at most so many sets, in the order of sending. */
export function* cutChunks({ order, types }: PoolPlan, setsPerChunk: number): Generator<Chunk> {
  const before = types.map(() => 0);
  for (let firstSet = 0; firstSet < order.length; firstSet += setsPerChunk) {
    const part = order.slice(firstSet, firstSet + setsPerChunk);
    yield { firstSet, order: part, before: [...before] };
    for (const type of part) before[type] = (before[type] ?? 0) + 1;
  }
}

export interface PlannedSet {
  /** Place among the plan's types. */
  readonly type: number;
  readonly parts: readonly Part[];
}

/** What a chunk's sets need from the whole: it crosses to the worker threads. */
export type ChunkScope = PoolScope & { readonly types: readonly string[]; readonly sets: number };

/** The part of a plan that chunks are built with. */
export function scopeOf({ scope, types, order }: PoolPlan): ChunkScope {
  return { ...scope, types, sets: order.length };
}

/** Builds a chunk's sets one by one. */
export function* buildSets(
  chunk: Chunk,
  scope: ChunkScope,
  publicKey: (author: Author) => string,
): Generator<PlannedSet> {
  const types = resolveTypes(scope.types);
  const videoType = scope.types.indexOf("video");
  const counts = [...chunk.before];
  for (const [i, place] of chunk.order.entries()) {
    const type = types[place];
    if (type === undefined) throw new Error(`a chunk holds the unknown type ${place}`);
    const ordinal = counts[place] ?? 0;
    const share = (chunk.firstSet + i) / scope.sets;
    const parts = type.build({
      scope,
      ordinal,
      videosBefore: counts[videoType] ?? 0,
      createdAt: scope.epoch + Math.floor(share * POOL_SPAN_SEC),
      random: seededRandom(scope.seed, `${type.name}/${ordinal}`),
      publicKey,
    });
    counts[place] = ordinal + 1;
    yield { type: place, parts };
  }
}

/** A part as a draft, given the ids of the parts before it. */
export function resolvePart(part: Part, earlierIds: readonly string[]): Draft {
  return typeof part === "function" ? part(earlierIds) : part;
}

function checkRequest({ events, epoch }: PoolRequest): void {
  if (!Number.isSafeInteger(events) || events < 1 || events > 100_000_000) {
    throw new ConfigError(
      `a pool needs a whole number of events from 1 to 100000000, got \`${events}\``,
    );
  }
  // Ten digits, so that the sizes of events do not depend on the epoch.
  if (!Number.isSafeInteger(epoch) || epoch < 1e9 || epoch + POOL_SPAN_SEC >= 1e10) {
    throw new ConfigError(`a pool's epoch must be Unix seconds of ten digits, got \`${epoch}\``);
  }
}

function resolveTypes(names: readonly string[]): readonly EventType[] {
  if (names.length === 0) throw new ConfigError("a pool needs a mix of at least one event type");
  return names.map((name) => {
    const type = findEventType(name);
    if (type === undefined) throw new ConfigError(`the mix names \`${name}\`, no event type`);
    return type;
  });
}
