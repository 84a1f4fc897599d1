import type { Shape } from "../shape.ts";

/** How many follow somebody (NIP-45). */
export const countFollowers: Shape = {
  name: "count-followers",
  verb: "COUNT",
  ask(keys) {
    const key = keys.pick(keys.followed);
    return key === undefined ? null : [{ kinds: [3], "#p": [key] }];
  },
};
