/**
 * `video`: the multipart set that bitvid publishes for a video with a URL, sharing author and root
 * id: the post (kind 30078, content schema 3) and its NIP-94 mirror (kind 1063).
 */
import type { EventTemplate } from "../nostr/wire.ts";
import { randomInt } from "../random.ts";
import { identifyVideo } from "./catalogue.ts";
import type { BuildContext, EventType } from "./event-type.ts";
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
  kinds: [30_078, 1063],
  build(context) {
    const { author, rootId } = identifyVideo(context.scope, context.ordinal);
    const details = inventVideo(context, context.publicKey(author), rootId);
    return [
      { author, template: buildVideoPost(details) },
      { author, template: buildVideoMirror(details) },
    ];
  },
};

function inventVideo({ createdAt, random }: BuildContext, pubkey: string, rootId: string) {
  return {
    pubkey,
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
  } satisfies VideoDetails;
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
