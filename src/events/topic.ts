/**
 * `topic:<topics>x<parts>`: short notes of so many authors in turn, each a topic that may be subscribed to by its
 * author or its hashtag. The pool is cut into equal parts, as the VUs of a run read it, and each part has topics of
 * its own: its first events are one of each. `topic-kind:` tells topics by a kind each, too; `topic-social:` has reactions
 * and reposts among the notes, `topic-ephemeral:` events that no relay keeps (NIP-01).
 */
import { ConfigError } from "../errors.ts";
import { FIRST_TOPIC_KIND } from "../plan/fanout.ts";
import { type Random, randomInt } from "../random.ts";
import { checkTag } from "./check.ts";
import type { BuildContext, EventType } from "./event-type.ts";
import { randomDescription } from "./text.ts";

const NAME = /^topic(-kind|-social|-ephemeral)?:([1-9]\d{0,6})x([1-9]\d{0,3})$/;
/** Of ten events in a row, as archives have them: notes, reactions (NIP-25), reposts (NIP-18). */
const SOCIAL_KINDS = [1, 7, 1, 7, 1, 7, 1, 1, 6, 1] as const;
/** No NIP has a use for it. */
const EPHEMERAL_KIND = 23_457;
/** Digits of the author that are the hashtag: no other pool has it. */
const TAG_LENGTH = 16;

/** The type of a name such as `topic:100x2`; `undefined` for any other. Throws `ConfigError` for no such numbers. */
export function findTopic(name: string): EventType | undefined {
  if (!/^topic(-[a-z]+)?:/.test(name)) return undefined;
  const [, what = "", topics = "", parts = ""] = NAME.exec(name) ?? [];
  if (parts === "" || Number(topics) % Number(parts) !== 0) {
    throw new ConfigError(
      `MIX names \`${name}\`: \`topic:<topics>x<parts>\` takes whole numbers, as many topics in each part; example: \`topic:100x2:1\``,
    );
  }
  return createTopic(name, {
    topics: Number(topics),
    parts: Number(parts),
    what,
  });
}

interface Topics {
  readonly topics: number;
  readonly parts: number;
  /** Of the name: `-kind`, `-social`, `-ephemeral` or nothing. */
  readonly what: string;
}

function createTopic(name: string, { topics, parts, what }: Topics): EventType {
  const kindOf = (topic: number, ordinal: number): number => {
    if (what === "-kind") return FIRST_TOPIC_KIND + topic;
    if (what === "-ephemeral") return EPHEMERAL_KIND;
    // Each topic has all of them in turn, whatever the number of topics.
    const turn = Math.floor(ordinal / topics) + topic;
    return what === "-social" ? (SOCIAL_KINDS[turn % SOCIAL_KINDS.length] ?? 1) : 1;
  };
  const kinds =
    what === "-kind"
      ? Array.from({ length: topics }, (_, i) => FIRST_TOPIC_KIND + i)
      : what === "-social"
        ? [...new Set(SOCIAL_KINDS)]
        : [kindOf(0, 0)];
  return {
    name,
    kinds: [kinds],
    maxBytes: [600],
    build(context) {
      const topic = topicOf(context, topics, parts);
      const author = { role: "author", index: topic } as const;
      const tag = context.publicKey(author).slice(0, TAG_LENGTH);
      // The ordinal keeps the events apart.
      const text = `${context.ordinal.toString(36)} ${randomDescription(context.random, 160)}`;
      const kind = kindOf(topic, context.ordinal);
      const isAbout = kind === 6 || kind === 7;
      const template = {
        kind,
        created_at: context.createdAt,
        tags: [["t", tag] as const, ...(isAbout ? aboutAnother(context) : [])],
        content: isAbout ? (kind === 7 ? "+" : "") : text,
      };
      return [{ author, template }];
    },
    check: (event) => checkTag(event, "t", new RegExp(`^${event.pubkey.slice(0, TAG_LENGTH)}$`)),
  };
}

/** An event of somebody that is on no relay: the reaction to it is an event all the same. */
function aboutAnother(context: BuildContext): (readonly [string, string])[] {
  const author = context.publicKey({ role: "viewer", index: context.ordinal % 1_000 });
  return [
    ["e", randomHex(context.random)],
    ["p", author],
  ];
}

function randomHex(random: Random): string {
  const words = Array.from({ length: 16 }, () => randomInt(random, 65_536).toString(16));
  return words.map((word) => word.padStart(4, "0")).join("");
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
