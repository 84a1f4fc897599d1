import { randomInt } from "../../random.ts";
import type { Shape } from "../shape.ts";

const LIMIT = 50;

/** A page of somebody's notes: the first one, or one further back, whose `until` is inclusive (NIP-01). */
export const author: Shape = {
  name: "author",
  verb: "REQ",
  isPaged: true,
  ask(keys) {
    const key = keys.pick(keys.authors);
    if (key === undefined) return null;
    const filter = { kinds: [1], authors: [key], limit: LIMIT };
    const notes = keys.corpus.select(filter);
    const pages = Math.max(1, Math.ceil(notes.length / LIMIT));
    const first = notes[randomInt(keys.random, pages) * LIMIT];
    const newest = first === undefined ? undefined : keys.corpus.events[first];
    return [newest === undefined ? filter : { ...filter, until: newest.created_at }];
  },
};
