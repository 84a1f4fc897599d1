import type { Shape } from "../shape.ts";

/** How many reactions a note has (NIP-45). */
export const countReactions: Shape = {
  name: "count-reactions",
  verb: "COUNT",
  ask(keys) {
    const id = keys.pick(keys.posts);
    return id === undefined ? null : [{ kinds: [7], "#e": [id] }];
  },
};
