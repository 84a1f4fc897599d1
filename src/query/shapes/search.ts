import type { Shape } from "../shape.ts";

const LIMIT = 100;

/** Notes and articles with a word that was planted in a known few of them (NIP-50). */
export const search: Shape = {
  name: "search",
  verb: "REQ",
  ask(keys) {
    const word = keys.pick(keys.words);
    return word === undefined ? null : [{ kinds: [1, 30_023], search: word, limit: LIMIT }];
  },
};
