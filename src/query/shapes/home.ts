import type { Shape } from "../shape.ts";

const AUTHORS = 500;
const LIMIT = 500;

/**
 * What the people say whom somebody follows: notes and reposts, articles, and reactions, in one REQ of several
 * filters over up to 500 authors. Source: damus HomeModel.swift (kinds, 500 authors a filter, limit 500).
 */
export const home: Shape = {
  name: "home",
  verb: "REQ",
  ask(keys) {
    const authors = keys.pickSome(keys.authors, AUTHORS);
    if (authors.length === 0) return null;
    return [
      { kinds: [1, 6], authors, limit: LIMIT },
      { kinds: [30_023], authors, limit: LIMIT },
      { kinds: [7], authors, limit: LIMIT },
    ];
  },
};
