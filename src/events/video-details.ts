/** What a video is made of, by its number: the same wherever in a pool it is spoken of. */
import { type Random, randomInt, seededRandom } from "../random.ts";
import { identifyVideo, isRich } from "./catalogue.ts";
import type { Author, PoolScope } from "./event-type.ts";
import { type Metadata, planMetadata } from "./metadata.ts";
import { randomDescription, randomHashtags, randomHex, randomTitle } from "./text.ts";

export interface VideoDetails {
  readonly pubkey: string;
  readonly rootId: string;
  readonly createdAt: number;
  readonly title: string;
  readonly description: string;
  readonly hashtags: readonly string[];
  /** 40 hex digits. */
  readonly infoHash: string;
  /** SHA-256 of the file, and of the file before the media host changed it. */
  readonly fileSha256: string;
  readonly originalFileSha256: string;
  readonly width: number;
  readonly height: number;
  /** Seconds. */
  readonly duration: number;
  /** NIP-71 metadata, where the author gave it. */
  readonly metadata?: Metadata;
}

export interface VideoOrigin {
  readonly scope: PoolScope;
  /** The number of the video. */
  readonly number: number;
  readonly createdAt: number;
  readonly publicKey: (author: Author) => string;
}

/** One video in five is taller than wide: a short one, in NIP-71's words. */
function isShort(number: number): boolean {
  return number % 5 === 4;
}

export interface Video {
  readonly author: Author;
  readonly details: VideoDetails;
}

/** Everything about the first version of the video of a number. */
export function inventVideo({ scope, number, createdAt, publicKey }: VideoOrigin): Video {
  const { author, rootId } = identifyVideo(scope, number);
  const random = seededRandom(scope.seed, `video/${number}`);
  const short = isShort(number);
  const details: VideoDetails = {
    pubkey: publicKey(author),
    rootId,
    createdAt,
    ...inventTexts(random),
    infoHash: randomHex(random, 40),
    fileSha256: randomHex(random, 64),
    originalFileSha256: randomHex(random, 64),
    width: short ? 1080 : 1920,
    height: short ? 1920 : 1080,
    duration: (6_000 + randomInt(random, 300_000)) / 100,
  };
  if (!isRich(scope, number)) return { author, details };
  const participant = publicKey({ role: "viewer", index: randomInt(random, 1_000) });
  const { duration } = details;
  const metadata = planMetadata({
    random,
    participant,
    short,
    duration,
    publishedAt: createdAt,
  });
  return { author, details: { ...details, metadata } };
}

/** The words of a version of a video: what an edit changes. */
export function inventTexts(random: Random) {
  return {
    title: randomTitle(random),
    description: randomDescription(random, 208),
    hashtags: randomHashtags(random, 3),
  } satisfies Partial<VideoDetails>;
}

/** Where a video's files are. */
export function locateMedia({ pubkey, rootId, title, infoHash }: VideoDetails) {
  const base = `https://media.example.com/u/${pubkey.slice(0, 16)}/${rootId}`;
  const url = `${base}.mp4`;
  const torrent = `${base}.torrent`;
  const name = encodeURIComponent(`${title}.mp4`);
  const tracker = encodeURIComponent("wss://tracker.example.com");
  const sources = `&ws=${encodeURIComponent(url)}&xs=${encodeURIComponent(torrent)}`;
  const magnet = `magnet:?xt=urn:btih:${infoHash}&dn=${name}&tr=${tracker}${sources}`;
  return { base, url, torrent, magnet, thumbnail: `${base}.jpg` };
}
