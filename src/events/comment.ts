/** `comment`: a viewer comments on a video. One event of kind 1111. */
import type { EventTemplate } from "../nostr/wire.ts";
import { checkTag, firstFault } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { HEX_64, pickTarget, RELAY_HINT, TARGET_ADDRESS, type Target } from "./target.ts";
import { randomDescription } from "./text.ts";

export interface CommentInput {
  readonly target: Target;
  readonly content: string;
  readonly createdAt: number;
}

/**
 * Builds a comment at the top of a thread in the strict form of NIP-22: the root in upper case, the
 * parent, here the same, in lower case. bitvid's own builder uses upper case for both.
 */
export function buildComment({ target, content, createdAt }: CommentInput): EventTemplate {
  const { address, postId, author } = target;
  return {
    kind: 1111,
    created_at: createdAt,
    tags: [
      ["A", address, RELAY_HINT],
      ["K", "30078"],
      ["P", author, RELAY_HINT],
      ["a", address, RELAY_HINT],
      ["e", postId, RELAY_HINT],
      ["k", "30078"],
      ["p", author, RELAY_HINT],
    ],
    content,
  };
}

export const comment: EventType = {
  name: "comment",
  kinds: [[1111]],
  maxBytes: [1_060],
  build(context) {
    const { viewer, target } = pickTarget(context);
    const content = randomDescription(context.random, 120);
    const template = buildComment({ target, content, createdAt: context.createdAt });
    return [{ author: viewer, template }];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "A", TARGET_ADDRESS),
      checkTag(event, "K", /^\d+$/),
      checkTag(event, "P", HEX_64),
      checkTag(event, "a", TARGET_ADDRESS),
      checkTag(event, "e", HEX_64),
      checkTag(event, "k", /^\d+$/),
      checkTag(event, "p", HEX_64),
      event.content === "" ? "no content" : null,
    ),
};
