import type { NostrEvent, Tag } from "./wire.ts";

export type EventParse = { readonly event: NostrEvent } | { readonly problem: string };

const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_128 = /^[0-9a-f]{128}$/;

/**
 * Checks the structure of an event as it came off the wire (NIP-01): its seven members and their
 * types. Id and signature are not verified here. Members beyond the seven are left out of the event.
 */
export function parseEvent(value: unknown): EventParse {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: "an event must be an object" };
  }
  const { id, pubkey, created_at, kind, tags, content, sig } = value as Record<string, unknown>;
  if (!isHex(id, HEX_64)) return { problem: "id must be 64 lowercase hex digits" };
  if (!isHex(pubkey, HEX_64)) return { problem: "pubkey must be 64 lowercase hex digits" };
  if (!isIntegerUpTo(created_at, Number.MAX_SAFE_INTEGER)) {
    return { problem: "created_at must be an integer of Unix seconds" };
  }
  if (!isIntegerUpTo(kind, 65_535)) return { problem: "kind must be an integer, 0 to 65535" };
  if (!isTagList(tags)) return { problem: "tags must be lists of strings, none of them empty" };
  if (typeof content !== "string") return { problem: "content must be a string" };
  if (!isHex(sig, HEX_128)) return { problem: "sig must be 128 lowercase hex digits" };
  return { event: { id, pubkey, created_at, kind, tags, content, sig } };
}

function isHex(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isIntegerUpTo(value: unknown, limit: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= limit;
}

function isTagList(value: unknown): value is readonly Tag[] {
  return Array.isArray(value) && value.every(isTag);
}

function isTag(value: unknown): value is Tag {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
  );
}
