/**
 * Checks of one signed event against its type. A check gives what is wrong, or `null`; it looks at
 * structure alone: id and signature are the pool's business.
 */
import type { NostrEvent } from "../nostr/wire.ts";
import type { EventType } from "./event-type.ts";

/**
 * What is wrong with a part of a set, by kind, size and the type's own schema; `null` when it is right.
 * `bytes` is the length of the signed event's JSON in UTF-8.
 */
export function findFault(
  type: EventType,
  event: NostrEvent,
  { part, bytes }: { readonly part: number; readonly bytes: number },
): string | null {
  if (type.kinds !== null) {
    const kinds = type.kinds[part];
    if (kinds === undefined) return `part ${part}, where a set has ${type.kinds.length}`;
    if (!kinds.includes(event.kind)) return `kind ${event.kind}, expected ${kinds.join(" or ")}`;
  }
  const limit = type.maxBytes?.[part];
  if (limit !== undefined && bytes > limit) return `${bytes} bytes, at most ${limit} expected`;
  return type.check(event, part);
}

/** The values of the tags of a name. */
export function tagValues(event: NostrEvent, name: string): readonly string[] {
  return event.tags.flatMap(([tag, value]) => (tag === name && value !== undefined ? [value] : []));
}

/** The first fault of a list of checks. */
export function firstFault(...faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null;
}

/** Whether a text is base64 (RFC 4648). */
export function isBase64(text: string): boolean {
  const padding = text.endsWith("==") ? 2 : Number(text.endsWith("="));
  const digits = text.slice(0, text.length - padding);
  return digits !== "" && text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(digits);
}

/** Exactly one tag of a name, with a value that matches. */
export function checkTag(event: NostrEvent, name: string, pattern: RegExp): string | null {
  const [value, ...more] = tagValues(event, name);
  if (value === undefined) return `no \`${name}\` tag`;
  if (more.length > 0) return `${more.length + 1} \`${name}\` tags, expected one`;
  return pattern.test(value) ? null : `\`${name}\` tag with \`${value.slice(0, 80)}\``;
}

/** Content that is JSON of an object; its members are then checked by `check`. */
export function checkJson(
  event: NostrEvent,
  check: (content: Readonly<Record<string, unknown>>) => string | null,
): string | null {
  let content: unknown;
  try {
    content = JSON.parse(event.content);
  } catch {
    return "content that is not JSON";
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    return "content that is no JSON object";
  }
  return check(content as Readonly<Record<string, unknown>>);
}
