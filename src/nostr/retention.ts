import { classifyKind, type NostrEvent } from "./wire.ts";

/** What a tag filter can find: a single-letter tag name with the tag's first value (NIP-01). */
export interface IndexedTag {
  readonly letter: string;
  readonly value: string;
}

/** What a deletion request names (NIP-09): events by id, addresses up to the request's time. */
export interface DeletionTargets {
  readonly ids: readonly string[];
  readonly addresses: readonly string[];
}

const SINGLE_LETTER = /^[a-zA-Z]$/;
const UNIX_SECONDS = /^\d{1,15}$/;

/**
 * The address under which one event replaces another, `<kind>:<pubkey>:<d>` with an empty d for
 * plain replaceable kinds; undefined for an event that nothing replaces (NIP-01).
 */
export function addressOf(event: NostrEvent): string | undefined {
  switch (classifyKind(event.kind)) {
    case "replaceable":
      return `${event.kind}:${event.pubkey}:`;
    case "addressable":
      return `${event.kind}:${event.pubkey}:${tagValue(event, "d") ?? ""}`;
    default:
      return undefined;
  }
}

/** When an event expires, in Unix seconds (NIP-40); a value that is no number expires nothing. */
export function expirationOf(event: NostrEvent): number | undefined {
  const value = tagValue(event, "expiration");
  return value !== undefined && UNIX_SECONDS.test(value) ? Number(value) : undefined;
}

/** Whether only its author may publish the event (NIP-70). */
export function isProtected(event: NostrEvent): boolean {
  return event.tags.some((tag) => tag.length === 1 && tag[0] === "-");
}

/** The tags that filters can find, each once. */
export function indexedTags(event: NostrEvent): readonly IndexedTag[] {
  const found = new Map<string, IndexedTag>();
  for (const [letter, value] of event.tags) {
    if (value !== undefined && SINGLE_LETTER.test(letter)) {
      found.set(`${letter}${value}`, { letter, value });
    }
  }
  return [...found.values()];
}

/** The targets of a kind 5 event; addresses of other authors are left out (NIP-09). */
export function deletionTargets(event: NostrEvent): DeletionTargets {
  const ids: string[] = [];
  const addresses: string[] = [];
  for (const [name, value] of event.tags) {
    if (value === undefined) continue;
    if (name === "e") ids.push(value);
    if (name === "a" && value.split(":", 2)[1] === event.pubkey) addresses.push(value);
  }
  return { ids, addresses };
}

/** The first value of the first tag with this name; undefined when there is no such tag. */
export function tagValue(event: NostrEvent, name: string): string | undefined {
  return event.tags.find((tag) => tag[0] === name)?.[1];
}
