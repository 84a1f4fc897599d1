/**
 * The videos that a pool speaks of. A video is known by its number alone, so that a view can name a
 * video that another thread builds, or one that the pool does not contain.
 */
import { randomInt, seededRandom } from "../random.ts";
import type { Author, PoolScope } from "./event-type.ts";
import { randomBase36 } from "./text.ts";

/** How many different videos one viewer watches. */
const VIDEOS_PER_VIEWER = 32;

/** A pool's events lie within so many seconds from its epoch on. */
export const POOL_SPAN_SEC = 86_400;

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
  return { authors, catalogue: Math.max(VIDEOS_PER_VIEWER, catalogue) };
}

/** The video of a number: the milliseconds hold the number, so no two root ids are the same. */
export function identifyVideo(scope: PoolScope, number: number): VideoIdentity {
  const random = seededRandom(scope.seed, `root/${number}`);
  return {
    author: { role: "author", index: number % scope.authors },
    rootId: `${scope.epoch * 1_000 + number}-${randomBase36(random, 11)}`,
  };
}

/** `created_at` of a pool's set. */
export function timeOfSet({ epoch, sets }: PoolScope, set: number): number {
  return epoch + Math.floor((set / sets) * POOL_SPAN_SEC);
}

/** Who watches what, such that no pair comes twice. */
export interface Viewing {
  readonly viewer: number;
  readonly video: number;
}

/**
 * The pair of the `ordinal`-th view. 32 viewers take turns for 1,024 views, then the next 32 follow:
 * each watches 32 videos, and whoever builds a stretch of views needs few keys. A viewer's n-th video
 * has its own remainder modulo 32, so the pairs differ whatever the number of videos to choose from.
 */
export function pairViewing(ordinal: number, reach: number, random: () => number): Viewing {
  const group = Math.floor(ordinal / VIDEOS_PER_VIEWER ** 2);
  const slot = ordinal % VIDEOS_PER_VIEWER ** 2;
  const viewer = group * VIDEOS_PER_VIEWER + (slot % VIDEOS_PER_VIEWER);
  const remainder = (Math.floor(slot / VIDEOS_PER_VIEWER) + viewer) % VIDEOS_PER_VIEWER;
  const choices = Math.ceil((reach - remainder) / VIDEOS_PER_VIEWER);
  return { viewer, video: remainder + VIDEOS_PER_VIEWER * randomInt(random, choices) };
}
