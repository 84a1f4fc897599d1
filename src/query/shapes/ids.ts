import type { Shape } from "../shape.ts";

const IDS = 20;

/** Events that others point at and that the client has not got, by id. */
export const ids: Shape = {
  name: "ids",
  verb: "REQ",
  ask(keys) {
    const wanted = keys.pickSome(keys.posts, IDS);
    return wanted.length === 0 ? null : [{ ids: wanted, limit: wanted.length }];
  },
};
