import type { Shape } from "../shape.ts";

const LIMIT = 500;

/** A note and all that was answered to it. */
export const thread: Shape = {
  name: "thread",
  verb: "REQ",
  ask(keys) {
    const id = keys.pick(keys.posts);
    if (id === undefined) return null;
    return [
      { ids: [id], limit: 1 },
      { kinds: [1], "#e": [id], limit: LIMIT },
    ];
  },
};
