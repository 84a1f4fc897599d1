/** `note`: a short text note, kind 1 (NIP-01), by one of the authors. */
import type { EventType } from "./event-type.ts";
import { drawZipf } from "./popularity.ts";
import { randomDescription, randomHashtags } from "./text.ts";

export const note: EventType = {
  name: "note",
  kinds: [[1]],
  maxBytes: [580],
  build({ scope, createdAt, random }) {
    const [tag = "video"] = randomHashtags(random, 1);
    return [
      {
        author: { role: "author", index: drawZipf(random, scope.authors) },
        template: {
          kind: 1,
          created_at: createdAt,
          tags: [["t", tag]],
          content: `${randomDescription(random, 200)} #${tag}`,
        },
      },
    ];
  },
  check: (event) => (event.content === "" ? "no content" : null),
};
