/**
 * `topic:<topics>x<parts>`: short notes of so many authors in turn, each a topic that may be subscribed to by its
 * author or its hashtag. The pool is cut into equal parts, as the VUs of a run read it, and each part has topics of
 * its own: its first events are one of each. `topic-kind:` tells topics by a kind each, too.
 */
import { ConfigError } from "../errors.ts";
import { FIRST_TOPIC_KIND } from "../plan/fanout.ts";
import { checkTag } from "./check.ts";
import type { BuildContext, EventType } from "./event-type.ts";
import { randomDescription } from "./text.ts";

const NAME = /^topic(-kind)?:([1-9]\d{0,6})x([1-9]\d{0,3})$/;
/** Digits of the author that are the hashtag: no other pool has it. */
const TAG_LENGTH = 16;

/** The type of a name such as `topic:100x2`; `undefined` for any other. Throws `ConfigError` for no such numbers. */
export function findTopic(name: string): EventType | undefined {
  if (!/^topic(-kind)?:/.test(name)) return undefined;
  const [, hasKinds, topics = "", parts = ""] = NAME.exec(name) ?? [];
  if (parts === "" || Number(topics) % Number(parts) !== 0) {
    throw new ConfigError(
      `MIX names \`${name}\`: \`topic:<topics>x<parts>\` takes whole numbers, as many topics in each part; example: \`topic:100x2:1\``,
    );
  }
  return createTopic(name, {
    topics: Number(topics),
    parts: Number(parts),
    hasKinds: hasKinds !== undefined,
  });
}

interface Topics {
  readonly topics: number;
  readonly parts: number;
  readonly hasKinds: boolean;
}

function createTopic(name: string, { topics, parts, hasKinds }: Topics): EventType {
  const kinds = hasKinds ? Array.from({ length: topics }, (_, i) => FIRST_TOPIC_KIND + i) : [1];
  return {
    name,
    kinds: [kinds],
    maxBytes: [600],
    build(context) {
      const topic = topicOf(context, topics, parts);
      const author = { role: "author", index: topic } as const;
      const tag = context.publicKey(author).slice(0, TAG_LENGTH);
      // The ordinal keeps the events apart.
      const content = `${context.ordinal.toString(36)} ${randomDescription(context.random, 160)}`;
      const kind = hasKinds ? FIRST_TOPIC_KIND + topic : 1;
      const template = {
        kind,
        created_at: context.createdAt,
        tags: [["t", tag]] as const,
        content,
      };
      return [{ author, template }];
    },
    check: (event) => checkTag(event, "t", new RegExp(`^${event.pubkey.slice(0, TAG_LENGTH)}$`)),
  };
}

/** As `createFrameSource` cuts a pool: part p has the events from total × p / parts on. */
function topicOf(
  { ordinal, total }: Pick<BuildContext, "ordinal" | "total">,
  topics: number,
  parts: number,
): number {
  const startOf = (part: number) => Math.floor((total * part) / parts);
  let part = Math.floor((ordinal * parts) / Math.max(1, total));
  while (startOf(part + 1) <= ordinal) part++;
  const each = topics / parts;
  return part * each + ((ordinal - startOf(part)) % each);
}
