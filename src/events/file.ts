/** `file`: metadata of a file by itself, NIP-94. The same event mirrors a video within its set. */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import { numberFile } from "./catalogue.ts";
import { checkTag, firstFault } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { inventVideo, locateMedia, type VideoDetails } from "./video-details.ts";

const HEX_64 = /^[0-9a-f]{64}$/;
/** Bytes of the largest. */
export const MIRROR_BYTES = 1_470;

/** Builds the file metadata event that follows a post. Source: bitvid js/nostr/publishHelpers.js at 126a613; NIP-94. */
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

/** The schema of file metadata: NIP-94. */
export function checkVideoMirror(event: NostrEvent): string | null {
  return firstFault(
    checkTag(event, "url", /^https?:\/\/./),
    checkTag(event, "m", /^[a-z]+\/[a-z0-9.+-]+$/),
    checkTag(event, "x", HEX_64),
    checkTag(event, "ox", HEX_64),
  );
}

export const file: EventType = {
  name: "file",
  kinds: [[1063]],
  maxBytes: [MIRROR_BYTES],
  build({ scope, ordinal, createdAt, publicKey }) {
    const number = numberFile(ordinal);
    const { author, details } = inventVideo({ scope, number, createdAt, publicKey });
    return [{ author, template: buildVideoMirror(details) }];
  },
  check: checkVideoMirror,
};
