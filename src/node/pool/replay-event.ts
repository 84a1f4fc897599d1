/** The event of a line of an export, or why the line can't be replayed. No signature is looked at. */
import { MOST_EVENT_BYTES } from "../../events/event-type.ts";
import { classifyKind, type NostrEvent } from "../../nostr/wire.ts";
import type { LeftOutReason } from "../../pool/left-out.ts";
import { areTags } from "./frame.ts";

/** When a replay will be, and which ages the relay takes; Unix seconds. */
export interface ReplayTimes {
  readonly nowSec: number;
  readonly oldestSec?: number | undefined;
  readonly newestSec?: number | undefined;
}

export type ReadEvent =
  | { readonly event: NostrEvent }
  | { readonly reason: LeftOutReason; readonly fault: string };

/** An escape takes six bytes for one: no event that can be verified has a longer line. */
export const MOST_LINE_BYTES = 6 * MOST_EVENT_BYTES + 65_536;
/** Whoever replays a file within an hour of its pool's making sends nothing that has expired. */
export const EXPIRY_MARGIN_SEC = 3_600;
const MOST_CREATED_AT = 2 ** 32 - 1;
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_128 = /^[0-9a-f]{128}$/;
/** A second event's first member right behind what ends the first. */
const SECOND_EVENT = /\}\s*,?\s*\{\s*"(?:id|pubkey|created_at|kind|tags|content|sig)"\s*:/;
/** Sent again, one wipes a key, another is for one connection alone, the third belongs in a gift wrap. */
const KINDS: ReadonlyMap<number, LeftOutReason> = new Map([
  [62, "vanish"],
  [22_242, "auth"],
  [13, "seal"],
]);

/** Reads a line that is not empty: the event, or the frame `["EVENT",{…}]`, with or without more in it. */
export function readEvent(text: string): ReadEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return describeBroken(text);
  }
  const event: unknown = Array.isArray(value) && value[0] === "EVENT" ? value.at(-1) : value;
  const fault = findFault(event);
  if (fault !== null) return fault;
  const sound = event as NostrEvent;
  return SURROGATE_ESCAPE.test(text) && [...sound.tags.flat(), sound.content].some(isCut)
    ? { reason: "text", fault: "a text that is cut within a character" }
    : { event: sound };
}

/** Why a relay would refuse a sound event that is sent again now; `null` where nothing says it would. */
export function findRefusal(event: NostrEvent, times: ReplayTimes): LeftOutReason | null {
  const { kind, created_at, tags } = event;
  const { nowSec, oldestSec = 0, newestSec = MOST_CREATED_AT } = times;
  const byKind = KINDS.get(kind);
  if (byKind !== undefined) return byKind;
  if (classifyKind(kind) === "ephemeral") return "ephemeral";
  if (tags.some(([name]) => name === "-")) return "protected";
  if (expiryOf(event) <= nowSec + EXPIRY_MARGIN_SEC) return "expired";
  if (created_at < oldestSec) return "too-old";
  return created_at > newestSec ? "too-new" : null;
}

/** Unix seconds from which on an event has expired (NIP-40); `Infinity` for one that never does. */
export function expiryOf({ tags }: NostrEvent): number {
  const text = tags.find(([name]) => name === "expiration")?.[1] ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

/** The same line with half its backslashes: an export by SQL doubles them. */
export function halveBackslashes(text: string): NostrEvent | null {
  if (!text.includes("\\\\")) return null;
  try {
    const value: unknown = JSON.parse(text.replaceAll("\\\\", "\\"));
    return findFault(value) === null ? (value as NostrEvent) : null;
  } catch {
    return null;
  }
}

function describeBroken(text: string): ReadEvent {
  const shown = `\`${text.slice(0, 40)}\``;
  if (SECOND_EVENT.test(text)) {
    return { reason: "several-events", fault: `several events on one line: ${shown}` };
  }
  if (text.endsWith(",") && isJson(text.slice(0, -1))) {
    return { reason: "trailing-comma", fault: `a comma behind the event: ${shown}` };
  }
  return { reason: "not-json", fault: `not JSON: ${shown}` };
}

/** What keeps a value from being a signed event (NIP-01). */
function findFault(value: unknown): { reason: LeftOutReason; fault: string } | null {
  const unfit = (fault: string, reason: LeftOutReason = "not-event") => ({ reason, fault });
  if (Array.isArray(value)) return unfit("a list, no event");
  if (typeof value !== "object" || value === null) return unfit("no event");
  const { id, pubkey, sig, kind, created_at, content, tags } = value as Partial<NostrEvent>;
  if (!isText(id, HEX_64)) return unfit("`id` is no text of 64 lowercase hex digits");
  if (!isText(pubkey, HEX_64)) return unfit("`pubkey` is no text of 64 lowercase hex digits");
  if (!isText(sig, HEX_128)) return unfit("`sig` is no text of 128 lowercase hex digits");
  if (typeof content !== "string") return unfit("`content` is no text");
  if (!Number.isInteger(kind)) return unfit("`kind` is no whole number");
  if (!Number.isInteger(created_at)) return unfit("`created_at` is no whole number");
  if (!Array.isArray(tags)) return unfit("`tags` is no list");
  if (!areTags(tags)) return unfit("`tags` holds a tag that is no list of texts, or empty", "tags");
  if (Number(kind) < 0 || Number(kind) > 65_535) return unfit(`kind ${kind}`, "kind");
  const isTime = Number(created_at) >= 0 && Number(created_at) <= MOST_CREATED_AT;
  return isTime ? null : unfit(`created_at ${created_at}`, "created-at");
}

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === "string" && form.test(value);
}

function isCut(text: string): boolean {
  return LONE_SURROGATE.test(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
