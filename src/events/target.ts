/** A video that somebody reacts to, as the tags of the reaction name it. */
import { pickViewing } from "./catalogue.ts";
import type { Author, BuildContext, Draft } from "./event-type.ts";
import { rebuildPost } from "./video-post.ts";

/** The hint of where the target may be found. */
export const RELAY_HINT = "wss://relay.example.com";
export const TARGET_ADDRESS = /^30078:[0-9a-f]{64}:./;
export const HEX_64 = /^[0-9a-f]{64}$/;

export interface Target {
  /** `30078:<pubkey>:<d>` of the post. */
  readonly address: string;
  /** Id of the post's first version. */
  readonly postId: string;
  /** Hex public key of the author of the post. */
  readonly author: string;
}

export interface Reaction {
  /** A viewer who is logged in. */
  readonly viewer: Author;
  readonly target: Target;
  readonly post: Draft;
}

/**
 * Who reacts to which video: by Zipf's law, no pair twice within a type. The id of the post costs its
 * building and a hash, since the set that publishes it may be signed by another thread.
 */
export function pickTarget(context: BuildContext): Reaction {
  const { viewer, video } = pickViewing(context);
  const post = rebuildPost(context, video);
  const author = context.publicKey(post.author);
  const d = post.template.tags.find(([name]) => name === "d")?.[1];
  const target = { address: `30078:${author}:${d}`, postId: context.identify(post), author };
  return { viewer: { role: "viewer", index: viewer }, target, post };
}
