/**
 * What stands where in a pool, decided before anything is signed: the order of the sets, and for any
 * stretch of them all that is needed to build it apart from the rest.
 */
import { ConfigError } from "../errors.ts";
import { POOL_SPAN_SEC, planCatalogue, timeOfSet } from "../events/catalogue.ts";
import {
  type Draft,
  type EventType,
  type Keys,
  MOST_PARTS,
  type Part,
  type PoolScope,
  type VideoIndex,
} from "../events/event-type.ts";
import { drawTypes, type Mix, sortMix } from "../events/mix.ts";
import { BUILDERS_VERSION, resolveTypes } from "../events/registry.ts";
import { randomHex } from "../events/text.ts";
import { seededRandom } from "../random.ts";
import { POOL_FORMAT } from "./format.ts";

/** 2026-01-01T00:00:00Z: the default epoch is the same on any day, and so are the ids. */
export const DEFAULT_EPOCH = 1_767_225_600;
/** A type is one character in a pool's lines: `a` to `z`. */
const MOST_TYPES = 26;

/** All that determines the events of a pool. */
export interface PoolRequest {
  readonly seed: string;
  readonly mix: Mix;
  /** The set that reaches this number is completed, so a pool may have a few events more. */
  readonly events: number;
  /** Unix seconds of the first event. */
  readonly epoch: number;
  /** `created_at` of the events lies within so many seconds from then on; a day if left out. */
  readonly spanSec?: number;
  /** Event types beyond the built-in ones: what a user's module gives. */
  readonly extra?: readonly EventType[];
  /** A digest of all that determines the extra types' events: part of the pool's id. */
  readonly extraDigest?: string;
}

export interface PoolPlan {
  readonly scope: PoolScope;
  /** Names of the types; a type goes by its place here. */
  readonly types: readonly string[];
  /** The type of every set, in the order of sending. */
  readonly order: Uint8Array;
  /** At least so many: a set whose length is known only when it is built counts as one event. */
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
  const { extraDigest, spanSec = POOL_SPAN_SEC } = request;
  const parts = [POOL_FORMAT, BUILDERS_VERSION, seed, Object.entries(sortMix(mix)), events, epoch];
  return JSON.stringify([
    ...parts,
    ...(extraDigest === undefined ? [] : [extraDigest]),
    ...(spanSec === POOL_SPAN_SEC ? [] : [{ spanSec }]),
  ]);
}

/** Draws the order of the sets. Throws `ConfigError` for a request that no pool can meet. */
export function planPool(request: PoolRequest): PoolPlan {
  const { seed, events, epoch, spanSec = POOL_SPAN_SEC } = request;
  checkRequest(request);
  const mix = sortMix(request.mix);
  const names = Object.keys(mix);
  const types = resolveTypes(names, request.extra);
  const sizes = types.map((type) => type.kinds?.length ?? 1);
  const draw = drawTypes(mix, seededRandom(seed, "mix"));
  const drawn = new Uint8Array(events);
  let sets = 0;
  let planned = 0;
  while (planned < events) {
    const type = draw();
    drawn[sets++] = type;
    planned += sizes[type] ?? 0;
  }
  const order = drawn.slice(0, sets);
  const videos = indexVideos(order, types);
  const catalogue = planCatalogue(events, videos.sets.length > 0);
  return {
    scope: { seed: seedOf(request), epoch, spanSec, sets, ...catalogue, videos },
    types: names,
    order,
    events: planned,
  };
}

/**
 * The seed of this pool's keys and events: pools of another mix or size share no address with it, so
 * that one does not replace what a relay holds of the other.
 */
function seedOf(request: PoolRequest): string {
  return `${request.seed}/${randomHex(seededRandom(poolKey(request), "pool"), 16)}`;
}

/** Where the videos are, in memory that signing threads share. */
function indexVideos(order: Uint8Array, types: readonly EventType[]): VideoIndex {
  const isVideo = types.map((type) => type.video !== undefined);
  let count = 0;
  for (const type of order) if (isVideo[type]) count++;
  const sets = new Uint32Array(new SharedArrayBuffer(4 * count));
  const rich = new Uint8Array(new SharedArrayBuffer(count));
  let number = 0;
  for (const [set, type] of order.entries()) {
    if (!isVideo[type]) continue;
    sets[number] = set;
    rich[number++] = types[type]?.video === "rich" ? 1 : 0;
  }
  return { sets, rich };
}

/** Sets of a plan that follow each other: from the first up to the one behind the last. */
export type Stretch = readonly [fromSet: number, toSet: number];

/** Cuts stretches of a plan, in rising order, into chunks of at most so many sets; by default the whole of it. */
export function* cutChunks(
  { order, types }: Pick<PoolPlan, "order" | "types">,
  setsPerChunk: number,
  stretches: readonly Stretch[] = [[0, order.length]],
): Generator<Chunk> {
  const before = types.map(() => 0);
  let counted = 0;
  const countTo = (set: number) => {
    for (const type of order.subarray(counted, set)) before[type] = (before[type] ?? 0) + 1;
    counted = set;
  };
  for (const [fromSet, toSet] of stretches) {
    for (let firstSet = fromSet; firstSet < toSet; firstSet += setsPerChunk) {
      countTo(firstSet);
      const endSet = Math.min(firstSet + setsPerChunk, toSet);
      yield { firstSet, order: order.slice(firstSet, endSet), before: [...before] };
    }
  }
}

/** What is left of stretches behind their first so many sets. */
export function dropSets(stretches: readonly Stretch[], sets: number): readonly Stretch[] {
  let left = sets;
  return stretches.flatMap(([fromSet, toSet]): readonly Stretch[] => {
    const dropped = Math.min(left, toSet - fromSet);
    left -= dropped;
    return fromSet + dropped < toSet ? [[fromSet + dropped, toSet]] : [];
  });
}

export interface PlannedSet {
  /** Place among the plan's types. */
  readonly type: number;
  readonly parts: readonly Part[];
}

/** What a chunk's sets need from the whole: it crosses to the worker threads. */
export interface ChunkScope extends PoolScope {
  readonly types: readonly string[];
  /** Sets of each type. */
  readonly totals: readonly number[];
}

/** The part of a plan that chunks are built with. */
export function scopeOf({ scope, types, order }: PoolPlan): ChunkScope {
  const totals = types.map(() => 0);
  for (const type of order) totals[type] = (totals[type] ?? 0) + 1;
  return { ...scope, types, totals };
}

/** Builds a chunk's sets one by one. `extra`: the types that the plan was made with. */
export function* buildSets(
  chunk: Chunk,
  scope: ChunkScope,
  keys: Keys,
  extra: readonly EventType[] = [],
): Generator<PlannedSet> {
  const types = resolveTypes(scope.types, extra);
  const counts = [...chunk.before];
  let videosBefore = types.reduce(
    (sum, type, place) => sum + (type.video === undefined ? 0 : (counts[place] ?? 0)),
    0,
  );
  for (const [i, place] of chunk.order.entries()) {
    const type = types[place];
    if (type === undefined) throw new Error(`a chunk holds the unknown type ${place}`);
    const ordinal = counts[place] ?? 0;
    const parts = type.build({
      ...keys,
      scope,
      ordinal,
      total: scope.totals[place] ?? 0,
      videosBefore,
      createdAt: timeOfSet(scope, chunk.firstSet + i),
      random: seededRandom(scope.seed, `${type.name}/${ordinal}`),
    });
    if (parts.length < 1 || parts.length > MOST_PARTS) {
      throw new Error(`\`${type.name}\` built ${parts.length} parts, 1 to ${MOST_PARTS} expected`);
    }
    counts[place] = ordinal + 1;
    if (type.video !== undefined) videosBefore++;
    yield { type: place, parts };
  }
}

/** A part as a draft, given the ids of the parts before it. */
export function resolvePart(part: Part, earlierIds: readonly string[]): Draft {
  return typeof part === "function" ? part(earlierIds) : part;
}

function checkRequest({ events, epoch, spanSec = POOL_SPAN_SEC, mix }: PoolRequest): void {
  const types = Object.keys(mix).length;
  if (types > MOST_TYPES) {
    throw new ConfigError(`a mix may name at most ${MOST_TYPES} types, got \`${types}\``);
  }
  if (!Number.isSafeInteger(events) || events < 1 || events > 100_000_000) {
    throw new ConfigError(
      `a pool needs a whole number of events from 1 to 100000000, got \`${events}\``,
    );
  }
  // Ten digits, so that the sizes of events do not depend on the epoch.
  if (!Number.isSafeInteger(epoch) || epoch < 1e9 || epoch + spanSec >= 1e10) {
    throw new ConfigError(`a pool's epoch must be Unix seconds of ten digits, got \`${epoch}\``);
  }
  if (!Number.isSafeInteger(spanSec) || spanSec < 1) {
    throw new ConfigError(`a pool's span must be a whole number of seconds, got \`${spanSec}\``);
  }
}
