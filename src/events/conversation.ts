/**
 * `conversation`: a note, what was answered to it, and who liked it: one event of kind 1, three replies in the
 * form of NIP-10, and four reactions of NIP-25 to the note or to one of the replies. A client that shows
 * the thread asks for all of them by `#e`.
 */
import type { Tag } from "../nostr/wire.ts";
import { randomInt } from "../random.ts";
import { checkTag, tagValues } from "./check.ts";
import type { EventType, Part } from "./event-type.ts";
import { drawPerson, drawTopic } from "./people.ts";
import { HEX_64, RELAY_HINT } from "./target.ts";
import { randomDescription } from "./text.ts";

const REPLIES = 3;
const LIKES = 4;

export const conversation: EventType = {
  name: "conversation",
  kinds: [
    [1],
    ...Array.from({ length: REPLIES }, () => [1]),
    ...Array.from({ length: LIKES }, () => [7]),
  ],
  maxBytes: [
    620,
    ...Array.from({ length: REPLIES }, () => 840),
    ...Array.from({ length: LIKES }, () => 620),
  ],
  build({ scope, createdAt, random, publicKey }) {
    const { tag, word } = drawTopic(scope, random);
    /** Each a second behind the one before: few events share a second, and no two are the same. */
    const firstSec = Math.min(createdAt, scope.epoch + scope.spanSec - 1 - REPLIES - LIKES);
    const timeOf = (part: number) => firstSec + part;
    const root = drawPerson(random);
    const authors = [root];
    const parts: Part[] = [
      {
        author: root,
        template: {
          kind: 1,
          created_at: timeOf(0),
          tags: [["t", tag]],
          content: `${randomDescription(random, 200)} ${word} #${tag}`,
        },
      },
    ];
    for (let part = 1; part <= REPLIES; part++) {
      const author = drawPerson(random);
      const parent = randomInt(random, part);
      const content = randomDescription(random, 120);
      const mentioned = [...new Set([root, authors[parent] ?? root].map(publicKey))];
      authors.push(author);
      parts.push((ids) => {
        const [rootId = "", parentId = ""] = [ids[0], ids[parent]];
        const tags: Tag[] = [["e", rootId, RELAY_HINT, "root"]];
        if (parent > 0) tags.push(["e", parentId, RELAY_HINT, "reply"]);
        tags.push(...mentioned.map((key): Tag => ["p", key]));
        return { author, template: { kind: 1, created_at: timeOf(part), tags, content } };
      });
    }
    for (let part = REPLIES + 1; part <= REPLIES + LIKES; part++) {
      const author = drawPerson(random);
      const target = Math.max(0, randomInt(random, 2 * REPLIES) - REPLIES + 1);
      const key = publicKey(authors[target] ?? root);
      parts.push((ids) => {
        const tags: Tag[] = [
          ["e", ids[target] ?? "", RELAY_HINT],
          ["p", key],
          ["k", "1"],
        ];
        return { author, template: { kind: 7, created_at: timeOf(part), tags, content: "+" } };
      });
    }
    return parts;
  },
  check(event, part) {
    if (event.content === "") return "no content";
    if (part === 0) return checkTag(event, "t", /./);
    const pointers = [...tagValues(event, "e"), ...tagValues(event, "p")];
    const isWhole = tagValues(event, "e").length > 0 && tagValues(event, "p").length > 0;
    return isWhole && pointers.every((id) => HEX_64.test(id)) ? null : "an `e` or `p` that is none";
  },
};
