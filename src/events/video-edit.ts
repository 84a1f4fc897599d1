/**
 * `video-edit`: a newer version of a recent video of the pool: the same `d`, other words, a later
 * `created_at`; the NIP-94 mirror follows, as with every post that has a URL. `pickEdited` says which
 * video, and why no version of an address shares a second with another.
 */
import { pickEdited, timeOfVideo } from "./catalogue.ts";
import type { EventType } from "./event-type.ts";
import { buildVideoMirror, checkVideoMirror, MIRROR_BYTES } from "./file.ts";
import { inventTexts, inventVideo } from "./video-details.ts";
import { buildVideoPost, checkVideoPost, RICH_POST_BYTES } from "./video-post.ts";

export const videoEdit: EventType = {
  name: "video-edit",
  kinds: [[30_078], [1063]],
  maxBytes: [RICH_POST_BYTES, MIRROR_BYTES],
  overwrites: true,
  build(context) {
    const { scope, createdAt, random, publicKey } = context;
    const number = pickEdited(context);
    const first = { scope, number, createdAt: timeOfVideo(scope, number), publicKey };
    const { author, details } = inventVideo(first);
    const edited = { ...details, ...inventTexts(random), createdAt };
    return [
      { author, template: buildVideoPost(edited) },
      { author, template: buildVideoMirror(edited) },
    ];
  },
  check: (event, part) => (part === 0 ? checkVideoPost(event) : checkVideoMirror(event)),
};
