/** `video-delete`: its author asks for a video of the pool to be deleted. One event of kind 5. */
import type { EventTemplate } from "../nostr/wire.ts";
import { pickDeleted } from "./catalogue.ts";
import { checkTag, firstFault } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { rebuildPost } from "./video-post.ts";

export interface DeletionInput {
  readonly postId: string;
  /** `30078:<pubkey>:<d>`. */
  readonly address: string;
  readonly createdAt: number;
}

/** Builds a deletion request. Source: bitvid js/nostrEventSchemas.js at 126a613, with the `k` tag of NIP-09. */
export function buildDeletion({ postId, address, createdAt }: DeletionInput): EventTemplate {
  return {
    kind: 5,
    created_at: createdAt,
    tags: [
      ["e", postId],
      ["a", address],
      ["k", "30078"],
    ],
    content: "reverted",
  };
}

export const videoDelete: EventType = {
  name: "video-delete",
  kinds: [[5]],
  maxBytes: [560],
  build(context) {
    const post = rebuildPost(context, pickDeleted(context));
    const d = post.template.tags.find(([name]) => name === "d")?.[1];
    const template = buildDeletion({
      postId: context.identify(post),
      address: `30078:${context.publicKey(post.author)}:${d}`,
      createdAt: context.createdAt,
    });
    return [{ author: post.author, template }];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "e", /^[0-9a-f]{64}$/),
      checkTag(event, "a", new RegExp(`^30078:${event.pubkey}:.`)),
      checkTag(event, "k", /^30078$/),
    ),
};
