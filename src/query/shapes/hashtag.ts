import type { Shape } from "../shape.ts";

const LIMIT = 100;

/** A topic, by `#t`. Source: damus (limit 100). */
export const hashtag: Shape = {
  name: "hashtag",
  verb: "REQ",
  isPaged: true,
  ask(keys) {
    const tag = keys.pick(keys.hashtags);
    return tag === undefined ? null : [{ kinds: [1], "#t": [tag], limit: LIMIT }];
  },
};
