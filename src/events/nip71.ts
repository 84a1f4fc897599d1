/**
 * NIP-71 video events: the metadata tags that they share with bitvid's rich posts, kinds 21 and 22,
 * and the addressable mirrors, kinds 34235 and 34236.
 */
import type { EventTemplate, NostrEvent, Tag } from "../nostr/wire.ts";
import { checkTag, firstFault, tagValues } from "./check.ts";
import type { Metadata, Variant } from "./metadata.ts";
import { locateMedia, type VideoDetails } from "./video-details.ts";

const HEX_64 = /^[0-9a-f]{64}$/;

/** The tags of a post that has metadata. Source: bitvid js/nostr/nip71.js at 126a613. */
export function metadataTags(details: VideoDetails, metadata: Metadata): readonly Tag[] {
  const { base } = locateMedia(details);
  const tags: Tag[] = [
    ["published_at", String(metadata.publishedAt)],
    ["alt", metadata.alt],
    ...metadata.variants.map((variant) => imetaTag(base, variant, details.duration)),
    ...metadata.tracks.map(({ type, language }): Tag => {
      return ["text-track", `${base}/${type}.${language}.vtt`, type, language];
    }),
    ...metadata.segments.map(({ start, end, title }, i): Tag => {
      const thumbnail = `${base}/seg${i + 1}.jpg`;
      return ["segment", formatTime(start), formatTime(end), title, thumbnail];
    }),
    ...details.hashtags.map((tag): Tag => ["t", tag]),
    ...metadata.participants.map((key): Tag => ["p", key, "wss://relay.example.com"]),
    ...metadata.references.map((url): Tag => ["r", url]),
  ];
  return tags;
}

export interface Nip71Input {
  readonly details: VideoDetails;
  readonly metadata: Metadata;
  /** Id of the post of kind 30078. */
  readonly postId: string;
  readonly createdAt: number;
}

/** Builds the NIP-71 event, kind 21, or 22 when it is taller than wide. Source: `buildNip71VideoEvent`, ibid. */
export function buildNip71Video(input: Nip71Input): EventTemplate {
  const { details, metadata, postId, createdAt } = input;
  return {
    kind: details.height > details.width ? 22 : 21,
    created_at: createdAt,
    tags: [
      ["title", details.title],
      ...metadataTags(details, metadata),
      ["a", `30078:${details.pubkey}:${details.rootId}`],
      ["video-root", details.rootId],
      ["e", postId],
      ["d", details.rootId],
    ],
    content: details.description,
  };
}

/**
 * Builds the addressable mirror, kind 34235, or 34236 when it is taller than wide.
 * Source: bitvid js/nostr/nip71Mirror.js at 126a613.
 */
export function buildNip71Mirror(details: VideoDetails, createdAt: number): EventTemplate {
  const media = locateMedia(details);
  const { title, rootId, width, height } = details;
  return {
    kind: height > width ? 34_236 : 34_235,
    created_at: createdAt,
    tags: [
      ["title", title],
      ["published_at", String(details.createdAt)],
      ["alt", title],
      [
        "imeta",
        `dim ${width}x${height}`,
        `url ${media.url}`,
        `x ${details.fileSha256}`,
        `ox ${details.originalFileSha256}`,
        "m video/mp4",
        `magnet ${media.magnet}`,
        `i ${details.infoHash}`,
        `duration ${details.duration}`,
        `image ${media.thumbnail}`,
      ],
      ...details.hashtags.map((tag): Tag => ["t", tag]),
      ["d", rootId],
      ["a", `30078:${details.pubkey}:${rootId}`],
      ["origin", "bitvid", rootId, `https://bitvid.example/?v=${rootId}`],
      ["client", "bitvid"],
    ],
    content: details.description,
  };
}

/** The schema of kinds 21, 22, 34235 and 34236 (NIP-71), with bitvid's pointer to the post. */
export function checkNip71(event: NostrEvent): string | null {
  const imetas = event.tags.filter(([name]) => name === "imeta");
  const isWhole = (tag: Tag) => ["url", "m", "x", "dim"].every((key) => imetaValue(tag, key));
  return firstFault(
    checkTag(event, "title", /./),
    checkTag(event, "published_at", /^\d{10}$/),
    imetas.length > 0 && imetas.every(isWhole) ? null : "an `imeta` without url, m, x or dim",
    checkTag(event, "d", /./),
    checkTag(event, "a", /^30078:[0-9a-f]{64}:./),
    tagValues(event, "e").every((id) => HEX_64.test(id)) ? null : "an `e` that is no id",
  );
}

/** The value of a key within an `imeta` tag (NIP-92). */
function imetaValue(tag: Tag, key: string): string | undefined {
  const entry = tag.find((text, i) => i > 0 && text.startsWith(`${key} `));
  return entry?.slice(key.length + 1);
}

function imetaTag(base: string, variant: Variant, duration: number): Tag {
  const { file, mime, width, height, bitrate, sha256 } = variant;
  const [stem, extension] = file.split(".");
  return [
    "imeta",
    `dim ${width}x${height}`,
    `url ${base}/${file}`,
    `x ${sha256}`,
    `m ${mime}`,
    `duration ${duration}`,
    `bitrate ${bitrate}`,
    `image ${base}/${stem}.jpg`,
    `fallback https://mirror-a.example.net/${sha256}.${extension}`,
    `fallback https://mirror-b.example.org/${sha256}.${extension}`,
  ];
}

/** `HH:MM:SS.sss`. */
function formatTime(seconds: number): string {
  const ms = Math.round(seconds * 1_000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const rest = String(ms % 1_000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}.${rest}`;
}
