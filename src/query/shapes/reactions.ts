import type { Shape } from "../shape.ts";

const POSTS = 30;
const LIMIT = 500;

/** Reactions to and reposts of the notes on the screen, by many `#e`. Source: amethyst (limits 100 to 1,000). */
export const reactions: Shape = {
  name: "reactions",
  verb: "REQ",
  ask(keys) {
    const ids = keys.pickSome(keys.posts, POSTS);
    return ids.length === 0 ? null : [{ kinds: [6, 7], "#e": ids, limit: LIMIT }];
  },
};
