/**
 * Who is popular, and who is busy. Zipf's law with the exponent 1: the second is met half as often as
 * the first, the third a third as often. Only sums, products and quotients are used, which every
 * machine rounds alike, so that the same seed gives the same draws everywhere.
 */
import { type Random, randomInt, seededRandom } from "../random.ts";

/** A number in [0, limit), 0 the likeliest: with a chance in proportion to 1 / (number + 1). */
export function drawZipf(random: Random, limit: number): number {
  const octaves = 32 - Math.clz32(limit);
  for (;;) {
    // Each octave weighs about the same; within one, 1 / rank falls from 1 / base to half of that.
    const base = 2 ** randomInt(random, octaves);
    const rank = base + randomInt(random, base);
    if (rank <= limit && random() * rank < base) return rank - 1;
  }
}

/** Viewers that take turns; the next ones follow when these have seen what they will see. */
const VIEWERS_A_BLOCK = 32;
/** Videos fall into so many classes by number, and a viewer watches at most one of each. */
export const VIDEO_CLASSES = 32;
/** The idlest viewer's views: fewer would need more keys than signing can spare the time for. */
const FEWEST_VIEWS = 8;
/** Takes the 290 views of a block out of the order of its viewers: no divisor in common. */
const STRIDE = 97;

/** Who watches what, such that no pair comes twice. */
export interface Viewing {
  readonly viewer: number;
  readonly video: number;
}

interface Slot {
  readonly viewer: number;
  /** How many views of the same viewer come before, in the order of the classes. */
  readonly earlier: number;
}

/** A block's views: the viewer of rank r has 32 / r of them, at least 8. */
const slots: readonly Slot[] = Array.from({ length: VIEWERS_A_BLOCK }, (_, viewer) => {
  const views = Math.max(FEWEST_VIEWS, Math.floor(VIDEO_CLASSES / (viewer + 1)));
  return Array.from({ length: views }, (_, earlier) => ({ viewer, earlier }));
}).flat();

export interface PairingOptions {
  readonly seed: string;
  /** Which view, comment or the like of its type this is. */
  readonly ordinal: number;
  /** How many videos there are to choose from: at least 32. */
  readonly reach: number;
  /** How many there will be in all: the same for the whole pool. */
  readonly videos: number;
  readonly random: Random;
}

/**
 * The pair of the `ordinal`-th view. The video is drawn by Zipf's law among those of one class, and a
 * viewer's views have a class each, so the pairs differ whatever the number of videos to choose from.
 * Whoever builds a stretch of views needs few keys.
 */
export function pairViewing(options: PairingOptions): Viewing {
  const { seed, ordinal, reach, videos, random } = options;
  const block = Math.floor(ordinal / slots.length);
  const slot = slots[((ordinal % slots.length) * STRIDE) % slots.length];
  if (slot === undefined) throw new Error(`no slot for view ${ordinal}`);
  const viewer = block * VIEWERS_A_BLOCK + slot.viewer;
  const videoClass = findClass({ seed, viewer, videos }, slot.earlier);
  for (;;) {
    const video = drawZipf(random, reach);
    if (video % VIDEO_CLASSES === videoClass) return { viewer, video };
  }
}

interface Taste {
  readonly random: Random;
  /** The classes of the viewer's views, in their order. */
  readonly classes: number[];
}

/** Of the viewers met last: each has 8 to 32 views, one soon after the other. */
const tastes = new Map<string, Taste>();
const MOST_TASTES = 4_096;

/** The class of a viewer's view: the classes in the order in which popular videos bring them up. */
function findClass(
  { seed, viewer, videos }: { seed: string; viewer: number; videos: number },
  earlier: number,
): number {
  const name = `${seed}\n${videos}/${viewer}`;
  const known = tastes.get(name);
  const { random, classes } = known ?? {
    random: seededRandom(seed, `watched/${viewer}`),
    classes: [],
  };
  if (known === undefined) {
    if (tastes.size >= MOST_TASTES) tastes.clear();
    tastes.set(name, { random, classes });
  }
  for (;;) {
    const found = classes[earlier];
    if (found !== undefined) return found;
    const videoClass = drawZipf(random, Math.max(videos, VIDEO_CLASSES)) % VIDEO_CLASSES;
    if (!classes.includes(videoClass)) classes.push(videoClass);
  }
}
