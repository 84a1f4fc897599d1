/**
 * `video`: the multipart set that bitvid publishes for a video with a URL, sharing author and root
 * id: the post (kind 30078) and its NIP-94 mirror (kind 1063), in this order.
 */
import type { EventType } from "./event-type.ts";
import { buildVideoMirror, checkVideoMirror, MIRROR_BYTES } from "./file.ts";
import { inventVideo } from "./video-details.ts";
import { buildVideoPost, checkVideoPost, POST_BYTES } from "./video-post.ts";

export const video: EventType = {
  name: "video",
  kinds: [[30_078], [1063]],
  maxBytes: [POST_BYTES, MIRROR_BYTES],
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
