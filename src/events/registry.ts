/**
 * The event types that a mix may name. A new type is one module and one entry here. Types that come
 * from elsewhere, a user's module, are handed to every lookup.
 */
import { ConfigError } from "../errors.ts";
import { article } from "./article.ts";
import { comment } from "./comment.ts";
import { contacts } from "./contacts.ts";
import { conversation } from "./conversation.ts";
import type { EventType } from "./event-type.ts";
import { file } from "./file.ts";
import { note } from "./note.ts";
import { findPadded } from "./padded.ts";
import { readReceipt, typing } from "./presence.ts";
import { profile } from "./profile.ts";
import { reaction } from "./reaction.ts";
import { relayList } from "./relay-list.ts";
import { repost } from "./repost.ts";
import { findTopic } from "./topic.ts";
import { video } from "./video.ts";
import { videoDelete } from "./video-delete.ts";
import { videoEdit } from "./video-edit.ts";
import { videoRich } from "./video-rich.ts";
import { view } from "./view.ts";
import { watchHistory } from "./watch-history.ts";

/** Goes up whenever a builder gives other events for the same seed: pools made before are made anew. */
export const BUILDERS_VERSION = 2;

/** All but `padded:<bytes>` and `topic:<topics>x<parts>`, which are one type for each size. */
export const eventTypes: readonly EventType[] = [
  view,
  video,
  videoRich,
  videoEdit,
  videoDelete,
  file,
  comment,
  reaction,
  repost,
  note,
  profile,
  relayList,
  contacts,
  conversation,
  article,
  watchHistory,
  typing,
  readReceipt,
];

/**
 * The type of a name, or `undefined`. Throws `ConfigError` for a `padded:` of no size. One of `extra` goes before a built-in type of its name.
 */
export function findEventType(
  name: string,
  extra: readonly EventType[] = [],
): EventType | undefined {
  const isNamed = (type: EventType) => type.name === name;
  return extra.find(isNamed) ?? eventTypes.find(isNamed) ?? findPadded(name) ?? findTopic(name);
}

/** The types of a mix's names, in their order. Throws `ConfigError` for a name that is no type. */
export function resolveTypes(
  names: readonly string[],
  extra: readonly EventType[] = [],
): readonly EventType[] {
  if (names.length === 0) throw new ConfigError("a pool needs a mix of at least one event type");
  return names.map((name) => {
    const type = findEventType(name, extra);
    if (type === undefined) throw new ConfigError(`the mix names \`${name}\`, no event type`);
    return type;
  });
}

/** How a mix names the types there are, for an error message or a help text. */
export function listTypeNames(extra: readonly EventType[] = []): readonly string[] {
  return [...[...eventTypes, ...extra].map(({ name }) => name), "padded:<bytes>"];
}
