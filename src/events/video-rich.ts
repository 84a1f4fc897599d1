/**
 * `video-rich`: all that bitvid can publish for one video, about 46 kB in five events of one author.
 * The torrent companion comes first, at the upload; the others follow, and point back to the post.
 */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import { seededRandom } from "../random.ts";
import { checkJson, checkTag, firstFault, isBase64 } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { buildVideoMirror, checkVideoMirror, MIRROR_BYTES } from "./file.ts";
import { buildNip71Mirror, buildNip71Video, checkNip71 } from "./nip71.ts";
import { randomBase64 } from "./text.ts";
import { inventVideo } from "./video-details.ts";
import { buildVideoPost, checkVideoPost, RICH_POST_BYTES } from "./video-post.ts";

/** A torrent file of a video of some GB, in base64. */
const TORRENT_LENGTH = 30_000;

interface CompanionInput {
  /** 40 hex digits. */
  readonly infoHash: string;
  readonly torrent: string;
  readonly createdAt: number;
}

/**
 * Builds the torrent companion, kind 30078.
 * Source: bitvid js/nostrEventSchemas.js (`buildTorrentMetadataEvent`) at 126a613.
 */
function buildCompanion({ infoHash, torrent, createdAt }: CompanionInput): EventTemplate {
  return {
    kind: 30_078,
    created_at: createdAt,
    tags: [
      ["d", `bitvid:torrent:${infoHash}`],
      ["x", infoHash],
      ["client", "bitvid"],
    ],
    content: JSON.stringify({ v: 1, infohash: infoHash, torrent }),
  };
}

export const videoRich: EventType = {
  name: "video-rich",
  kinds: [[30_078], [30_078], [1063], [21, 22], [34_235, 34_236]],
  maxBytes: [30_580, RICH_POST_BYTES, MIRROR_BYTES, 5_520, 1_740],
  video: "rich",
  build({ scope, videosBefore, createdAt, publicKey }) {
    const { author, details } = inventVideo({ scope, number: videosBefore, createdAt, publicKey });
    const { infoHash, metadata } = details;
    if (metadata === undefined) throw new Error("a rich video has metadata");
    const random = seededRandom(scope.seed, `torrent/${videosBefore}`);
    const torrent = randomBase64(random, TORRENT_LENGTH);
    return [
      { author, template: buildCompanion({ infoHash, torrent, createdAt }) },
      { author, template: buildVideoPost(details) },
      { author, template: buildVideoMirror(details) },
      ([, postId = ""]) => ({
        author,
        template: buildNip71Video({ details, metadata, postId, createdAt }),
      }),
      { author, template: buildNip71Mirror(details, createdAt) },
    ];
  },
  check(event, part) {
    if (part === 0) return checkCompanion(event);
    if (part === 1) return checkVideoPost(event);
    return part === 2 ? checkVideoMirror(event) : checkNip71(event);
  },
};

function checkCompanion(event: NostrEvent): string | null {
  return firstFault(
    checkTag(event, "d", /^bitvid:torrent:[0-9a-f]{40}$/),
    checkTag(event, "x", /^[0-9a-f]{40}$/),
    checkTag(event, "client", /^bitvid$/),
    checkJson(event, ({ v, torrent }) => {
      const isTorrent = typeof torrent === "string" && isBase64(torrent);
      return v === 1 && isTorrent ? null : "content that is no torrent of version 1";
    }),
  );
}
