/** `article`: a long text, kind 30023 (NIP-23), addressable; none is edited. */
import { checkTag, firstFault } from "./check.ts";
import type { EventType } from "./event-type.ts";
import { drawPerson, drawTopic } from "./people.ts";
import { randomBase36, randomDescription, randomTitle } from "./text.ts";

export const article: EventType = {
  name: "article",
  kinds: [[30_023]],
  maxBytes: [2_200],
  unique: true,
  build({ scope, ordinal, createdAt, random }) {
    const { tag, word } = drawTopic(scope, random);
    return [
      {
        author: drawPerson(random),
        template: {
          kind: 30_023,
          created_at: createdAt,
          tags: [
            ["d", `${ordinal}-${randomBase36(random, 8)}`],
            ["title", randomTitle(random)],
            ["published_at", String(createdAt)],
            ["t", tag],
          ],
          content: `${randomDescription(random, 1_400)} ${word}`,
        },
      },
    ];
  },
  check: (event) =>
    firstFault(
      checkTag(event, "d", /./),
      checkTag(event, "title", /./),
      event.content === "" ? "no content" : null,
    ),
};
