/**
 * The videos that a pool speaks of. A video is known by its number alone, so that a view can name a
 * video that another thread builds, or one that the pool does not contain.
 */
import { seededRandom } from "../random.ts";
import type { Author, BuildContext, PoolScope } from "./event-type.ts";
import { drawZipf, pairViewing, VIDEO_CLASSES } from "./popularity.ts";
import { randomBase36 } from "./text.ts";

/** A pool's events lie within so many seconds from its epoch on, where it does not say otherwise. */
export const POOL_SPAN_SEC = 86_400;
/** More than a pool can hold: numbers beyond name what no set of the pool publishes. */
const BEYOND = 200_000_000;
/** One video in four is never edited, and may be deleted. */
const DELETABLE = 4;

export interface VideoIdentity {
  readonly author: Author;
  /** `<milliseconds>-<base36>`: the `d` tag, unchanged over edits (bitvid at 126a613). */
  readonly rootId: string;
}

/**
 * Numbers of authors and of known videos for a pool of so many events: one author for 500 events, at
 * least 4 and at most 1,000. With videos in the mix, views point at those sent before them, and at
 * the first 32 as long as there are fewer; without, at one catalogue video for 10 events.
 */
export function planCatalogue(events: number, hasVideos: boolean) {
  const authors = Math.min(1_000, Math.max(4, Math.ceil(events / 500)));
  const catalogue = hasVideos ? 0 : Math.ceil(events / 10);
  return { authors, catalogue: Math.max(VIDEO_CLASSES, catalogue) };
}

/** Of each pool the videos met last: popular ones are spoken of again and again. */
const identities = new WeakMap<PoolScope, Map<number, VideoIdentity>>();
const MOST_IDENTITIES = 16_384;

/** The video of a number: the milliseconds hold the number, so no two root ids are the same. */
export function identifyVideo(scope: PoolScope, number: number): VideoIdentity {
  const known = identities.get(scope) ?? new Map<number, VideoIdentity>();
  if (known.size === 0) identities.set(scope, known);
  const met = known.get(number);
  if (met !== undefined) return met;
  const random = seededRandom(scope.seed, `root/${number}`);
  const identity: VideoIdentity = {
    author: { role: "author", index: drawZipf(random, scope.authors) },
    rootId: `${scope.epoch * 1_000 + number}-${randomBase36(random, 11)}`,
  };
  if (known.size >= MOST_IDENTITIES) known.clear();
  known.set(number, identity);
  return identity;
}

/** `created_at` of a pool's set. */
export function timeOfSet({ epoch, spanSec, sets }: PoolScope, set: number): number {
  return epoch + Math.floor((set / sets) * spanSec);
}

/** `created_at` of a video's first version. */
export function timeOfVideo(scope: PoolScope, number: number): number {
  const set = scope.videos.sets[number];
  return set === undefined ? scope.epoch : timeOfSet(scope, set);
}

/** Whether a video of the pool has NIP-71 metadata. */
export function isRich({ videos }: PoolScope, number: number): boolean {
  return videos.rich[number] === 1;
}

/** The viewer and the video of a view, a comment or the like: no pair comes twice in a type. */
export function pickViewing({ scope, ordinal, videosBefore, random }: BuildContext) {
  return pairViewing({
    seed: scope.seed,
    ordinal,
    reach: Math.max(videosBefore, scope.catalogue),
    videos: Math.max(scope.videos.sets.length, scope.catalogue),
    random,
  });
}

/**
 * The person whose turn it is: people come round in turns of at least 1,000, so far apart that an
 * address of theirs is written at most once a second.
 */
export function takeTurn({ scope, ordinal }: BuildContext): Author {
  return { role: "viewer", index: ordinal % Math.max(1_000, mostPerSecond(scope)) };
}

/**
 * The video that an edit changes: a recent one that was sent in an earlier second, never one that is
 * deleted, and never twice within a second. Without one, a video that was published before the pool.
 */
export function pickEdited(context: BuildContext): number {
  const { scope, ordinal, createdAt, random } = context;
  const turns = mostPerSecond(scope);
  let older = context.videosBefore;
  while (older > 0 && timeOfVideo(scope, older - 1) >= createdAt) older--;
  const editable = older - Math.floor(older / DELETABLE);
  // The newest place whose turn it is, or one of the seven such places before it.
  const newest = editable - 1 - mod(editable - 1 - ordinal, turns);
  const place = newest - turns * Math.floor(random() * 8);
  if (newest < 0) return BEYOND + (ordinal % Math.max(scope.catalogue, turns));
  const chosen = place < 0 ? newest : place;
  return chosen + Math.floor(chosen / (DELETABLE - 1));
}

/**
 * The video that a deletion names: each at most once, one that was sent before, and whose turn comes
 * when its neighbours are sent. Without one, a video that was published before the pool.
 */
export function pickDeleted({ scope, ordinal, total, videosBefore }: BuildContext): number {
  const deletable = Math.floor(scope.videos.sets.length / DELETABLE);
  // Chance puts a set earlier or later than its share by about the root of the number of its type.
  const margin = Math.ceil(Math.sqrt(deletable) + deletable / Math.sqrt(total));
  const place = Math.floor((ordinal * deletable) / total);
  const isFirst = ordinal === 0 || Math.floor(((ordinal - 1) * deletable) / total) < place;
  const number = (place - margin) * DELETABLE + DELETABLE - 1;
  const wasSent = place >= margin && number < videosBefore;
  return isFirst && wasSent ? number : 2 * BEYOND + ordinal;
}

/** The number of a file that belongs to no video. */
export function numberFile(ordinal: number): number {
  return 3 * BEYOND + ordinal;
}

/** No second has more sets than this. */
function mostPerSecond({ sets, spanSec }: PoolScope): number {
  return Math.ceil(sets / spanSec) + 1;
}

/** The remainder that is never negative. */
function mod(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
