/**
 * `repost`: a viewer shares a video. One event of kind 16 that embeds the signed post, which costs a
 * second signature when the pool is made.
 */
import type { EventTemplate, NostrEvent } from "../nostr/wire.ts";
import { checkJson, checkTag, firstFault, tagValues } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { HEX_64, pickTarget, RELAY_HINT, TARGET_ADDRESS } from "./target.ts";

/** Builds a repost. Source: NIP-18; bitvid js/nostrEventSchemas.js (`buildRepostEvent`) at 126a613. */
export function buildRepost(post: NostrEvent, createdAt: number): EventTemplate {
  const { kind, pubkey, created_at, tags, content, id, sig } = post;
  const d = tags.find(([name]) => name === "d")?.[1];
  return {
    kind: 16,
    created_at: createdAt,
    tags: [
      ["e", id, RELAY_HINT],
      ["a", `${kind}:${pubkey}:${d}`, RELAY_HINT],
      ["p", pubkey],
      ["k", String(kind)],
    ],
    content: JSON.stringify({ kind, pubkey, created_at, tags, content, id, sig }),
  };
}

export const repost: EventType = {
  name: "repost",
  kinds: [[16]],
  maxBytes: [7_800],
  build(context) {
    const { viewer, post } = pickTarget(context);
    const template = buildRepost(context.sign(post), context.createdAt);
    return [{ author: viewer, template }];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "e", HEX_64),
      checkTag(event, "a", TARGET_ADDRESS),
      checkTag(event, "p", HEX_64),
      checkTag(event, "k", /^30078$/),
      checkJson(event, ({ id }) => {
        return id === tagValues(event, "e")[0] ? null : "content that is not the event of `e`";
      }),
    ),
};
