/** `contacts`: whom a person follows, kind 3 (NIP-02): the next of the same person replaces it. */
import type { Tag } from "../nostr/wire.ts";
import { randomInt } from "../random.ts";
import { takeTurn } from "./catalogue.ts";
import { tagValues } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { drawPerson } from "./people.ts";
import { HEX_64 } from "./target.ts";

const FEWEST = 10;
const MOST = 100;

export const contacts: EventType = {
  name: "contacts",
  kinds: [[3]],
  maxBytes: [7_700],
  overwrites: true,
  build(context) {
    const { createdAt, random, publicKey } = context;
    const draws = FEWEST + randomInt(random, MOST - FEWEST + 1);
    const followed = new Set(Array.from({ length: draws }, () => publicKey(drawPerson(random))));
    const tags = [...followed].map((key): Tag => ["p", key]);
    const template = { kind: 3, created_at: createdAt, tags, content: "" };
    return [{ author: takeTurn(context), template }];
  },
  check(event) {
    const keys = tagValues(event, "p");
    return keys.length > 0 && keys.every((key) => HEX_64.test(key)) ? null : "a `p` that is no key";
  },
};
