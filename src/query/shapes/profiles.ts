import type { Shape } from "../shape.ts";

const AUTHORS = 100;

/** The profiles of those whose notes are on the screen. Source: amethyst (chunks of 100 authors). */
export const profiles: Shape = {
  name: "profiles",
  verb: "REQ",
  ask(keys) {
    const authors = keys.pickSome(keys.people, AUTHORS);
    return authors.length === 0 ? null : [{ kinds: [0], authors, limit: authors.length }];
  },
};
