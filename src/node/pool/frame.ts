/** Events as they come from outside, checked for their form before anything else looks at them. */
import type { NostrEvent, Tag } from "../../nostr/wire.ts";

/** The event of a frame `["EVENT",{…}]`. Throws when it is none. */
export function parseFrame(frame: string): NostrEvent {
  const value: unknown = JSON.parse(frame);
  const event: unknown = Array.isArray(value) && value[0] === "EVENT" ? value[1] : undefined;
  if (!isEvent(event)) throw new Error("the frame holds no event");
  return event;
}

/** Whether a value has all members of a signed event, each of its type. */
export function isEvent(value: unknown): value is NostrEvent {
  if (typeof value !== "object" || value === null) return false;
  const event = value as Partial<NostrEvent>;
  return (
    [event.id, event.pubkey, event.sig, event.content].every((text) => typeof text === "string") &&
    Number.isSafeInteger(event.kind) &&
    Number.isSafeInteger(event.created_at) &&
    areTags(event.tags)
  );
}

/** Whether a value is a list of lists of texts, none of them empty (NIP-01). */
export function areTags(value: unknown): value is readonly Tag[] {
  return (
    Array.isArray(value) &&
    value.every((tag) => {
      const isTag = Array.isArray(tag) && tag.length > 0;
      return isTag && tag.every((item) => typeof item === "string");
    })
  );
}
