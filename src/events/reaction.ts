/** `reaction`: a viewer likes a video. One event of kind 7. */
import type { EventTemplate } from "../nostr/wire.ts";
import { checkTag, firstFault } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { HEX_64, pickTarget, RELAY_HINT, TARGET_ADDRESS, type Target } from "./target.ts";

/** Builds a reaction. Source: NIP-25; bitvid js/nostrEventSchemas.js (`buildReactionEvent`) at 126a613. */
export function buildReaction(target: Target, createdAt: number): EventTemplate {
  return {
    kind: 7,
    created_at: createdAt,
    tags: [
      ["a", target.address, RELAY_HINT],
      ["e", target.postId, RELAY_HINT],
      ["p", target.author, RELAY_HINT],
    ],
    content: "+",
  };
}

export const reaction: EventType = {
  name: "reaction",
  kinds: [[7]],
  maxBytes: [680],
  build(context) {
    const { viewer, target } = pickTarget(context);
    return [{ author: viewer, template: buildReaction(target, context.createdAt) }];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "e", HEX_64),
      checkTag(event, "a", TARGET_ADDRESS),
      checkTag(event, "p", HEX_64),
      event.content === "" ? "no content" : null,
    ),
};
