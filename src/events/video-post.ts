/** The post of a video: kind 30078 with content schema 3, as bitvid publishes it. */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import { timeOfVideo } from "./catalogue.ts";
import { checkJson, checkTag, firstFault, tagValues } from "./check.ts";
import type { BuildContext, Draft } from "./event-type.ts";
import { metadataTags } from "./nip71.ts";
import { inventVideo, locateMedia, type VideoDetails } from "./video-details.ts";

/** Bytes of the largest, without and with NIP-71 metadata. */
export const POST_BYTES = 2_040;
export const RICH_POST_BYTES = 6_680;

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
      ...(details.metadata === undefined ? [] : metadataTags(details, details.metadata)),
    ],
    content: JSON.stringify(content),
  };
}

/** The first version of the post of any video of the pool, as the set of that video has it. */
export function rebuildPost({ scope, publicKey }: BuildContext, number: number): Draft {
  const createdAt = timeOfVideo(scope, number);
  const { author, details } = inventVideo({ scope, number, createdAt, publicKey });
  return { author, template: buildVideoPost(details) };
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
