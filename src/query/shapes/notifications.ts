import type { Shape } from "../shape.ts";

const LIMIT = 500;

/** What others said to somebody or of them, by `#p`. Source: damus, amethyst (limit 500). */
export const notifications: Shape = {
  name: "notifications",
  verb: "REQ",
  isPaged: true,
  ask(keys) {
    const key = keys.pick(keys.mentioned);
    return key === undefined ? null : [{ kinds: [1, 6, 7], "#p": [key], limit: LIMIT }];
  },
};
