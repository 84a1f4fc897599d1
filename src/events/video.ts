/**
 * `video`: the multipart set that bitvid publishes for a video with a URL, sharing author and root
 * id: the post (kind 30078, content schema 3) and its NIP-94 mirror (kind 1063).
 */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import { randomInt, seededRandom } from "../random.ts";
import { identifyVideo } from "./catalogue.ts";
import { checkJson, checkTag, firstFault, tagValues } from "./check.ts";
import type { Author, EventType, PoolScope } from "./event-type.ts";
import { randomDescription, randomHashtags, randomHex, randomTitle } from "./text.ts";

const HEX_64 = /^[0-9a-f]{64}$/;

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
}

/**
 * Builds the post. The order of tags and of content members is bitvid's.
 * Source: bitvid js/nostr/videoPayloadBuilder.js and js/nostrEventSchemas.js at 126a613; NIP-78.
 */
export function buildVideoPost(details: VideoDetails): EventTemplate {
  const media = locateMedia(details);
  const content = {
    version: 3,
    title: details.title,
    url: media.url,
    magnet: media.magnet,
    thumbnail: media.thumbnail,
    description: details.description,
    mode: "live",
    videoRootId: details.rootId,
    deleted: false,
    isPrivate: false,
    isNsfw: false,
    isForKids: false,
    enableComments: true,
    infoHash: details.infoHash,
    fileSha256: details.fileSha256,
    originalFileSha256: details.originalFileSha256,
    ws: media.url,
    xs: media.torrent,
    hashtags: details.hashtags,
    width: details.width,
    height: details.height,
    duration: details.duration,
  };
  return {
    kind: 30_078,
    created_at: details.createdAt,
    tags: [
      ["t", "video"],
      ["d", details.rootId],
      ["s", `url:${media.base}`],
      ...details.hashtags.map((tag) => ["t", tag] as const),
    ],
    content: JSON.stringify(content),
  };
}

/** Builds the file metadata event (NIP-94) that follows a post. Source: bitvid js/nostr/publishHelpers.js at 126a613. */
export function buildVideoMirror(details: VideoDetails): EventTemplate {
  const media = locateMedia(details);
  return {
    kind: 1063,
    created_at: details.createdAt,
    tags: [
      ["url", media.url],
      ["m", "video/mp4"],
      ["thumb", media.thumbnail],
      ["alt", details.description],
      ["magnet", media.magnet],
      ["x", details.fileSha256],
      ["ox", details.originalFileSha256],
    ],
    content: details.description,
  };
}

export const video: EventType = {
  name: "video",
  kinds: [[30_078], [1063]],
  maxBytes: [2_100, 1_500],
  video: "plain",
  build({ scope, videosBefore, createdAt, publicKey }) {
    const { author, details } = inventVideo({ scope, number: videosBefore, createdAt, publicKey });
    return [
      { author, template: buildVideoPost(details) },
      { author, template: buildVideoMirror(details) },
    ];
  },
  check: (event, part) => (part === 0 ? checkVideoPost(event) : checkVideoMirror(event)),
};

export interface VideoOrigin {
  readonly scope: PoolScope;
  /** The number of the video. */
  readonly number: number;
  readonly createdAt: number;
  readonly publicKey: (author: Author) => string;
}

/** Everything about the video of a number: the same wherever it is asked for. */
export function inventVideo({ scope, number, createdAt, publicKey }: VideoOrigin) {
  const { author, rootId } = identifyVideo(scope, number);
  const random = seededRandom(scope.seed, `video/${number}`);
  const details: VideoDetails = {
    pubkey: publicKey(author),
    rootId,
    createdAt,
    title: randomTitle(random),
    description: randomDescription(random, 208),
    hashtags: randomHashtags(random, 3),
    infoHash: randomHex(random, 40),
    fileSha256: randomHex(random, 64),
    originalFileSha256: randomHex(random, 64),
    width: 1920,
    height: 1080,
    duration: (6_000 + randomInt(random, 300_000)) / 100,
  };
  return { author, details };
}

/** The schema of a post: bitvid js/nostrEventSchemas.js at 126a613 (`videoPost`), and what its reader wants. */
export function checkVideoPost(event: NostrEvent): string | null {
  const content = checkJson(event, ({ version, title, url, magnet, videoRootId }) => {
    if (typeof version !== "number" || version < 2) return "content without `version` 2 or more";
    if (typeof title !== "string" || title === "") return "content without `title`";
    if (typeof videoRootId !== "string") return "content without `videoRootId`";
    if (typeof url === "string" || typeof magnet === "string") {
      return tagValues(event, "d")[0] === videoRootId ? null : "a `d` that is not `videoRootId`";
    }
    return "content without `url` and `magnet`";
  });
  const isVideo = tagValues(event, "t").includes("video") ? null : "no tag `t` = `video`";
  return firstFault(isVideo, checkTag(event, "d", /./), checkTag(event, "s", /^[a-z]+:./), content);
}

/** The schema of file metadata: NIP-94. */
export function checkVideoMirror(event: NostrEvent): string | null {
  return firstFault(
    checkTag(event, "url", /^https?:\/\/./),
    checkTag(event, "m", /^[a-z]+\/[a-z0-9.+-]+$/),
    checkTag(event, "x", HEX_64),
    checkTag(event, "ox", HEX_64),
  );
}

function locateMedia({ pubkey, rootId, title, infoHash }: VideoDetails) {
  const base = `https://media.example.com/u/${pubkey.slice(0, 16)}/${rootId}`;
  const url = `${base}.mp4`;
  const torrent = `${base}.torrent`;
  const name = encodeURIComponent(`${title}.mp4`);
  const tracker = encodeURIComponent("wss://tracker.example.com");
  const sources = `&ws=${encodeURIComponent(url)}&xs=${encodeURIComponent(torrent)}`;
  const magnet = `magnet:?xt=urn:btih:${infoHash}&dn=${name}&tr=${tracker}${sources}`;
  return { base, url, torrent, magnet, thumbnail: `${base}.jpg` };
}
