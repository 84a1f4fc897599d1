/** From lines of an export to a pool's lines: what every thread does with every stretch of a file. */
import { MOST_EVENT_BYTES } from "../../events/event-type.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { markEvent } from "../../pool/expected.ts";
import { formatLine } from "../../pool/format.ts";
import type { VerifyEvent } from "../relay/signatures.ts";
import { isEvent } from "./frame.ts";

export type CheckedLine =
  | {
      readonly id: string;
      readonly kind: number;
      readonly createdAt: number;
      readonly marks: readonly number[];
      /** A pool's line with its line feed; the type is not set yet. */
      readonly text: string;
    }
  | { readonly fault: string }
  /** An empty line. */
  | null;

export function checkLines(
  lines: readonly Uint8Array[],
  verify: VerifyEvent,
): readonly CheckedLine[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return lines.map((bytes) => {
    try {
      return checkLine(decoder.decode(bytes), verify);
    } catch {
      return { fault: "not UTF-8" };
    }
  });
}

function checkLine(line: string, verify: VerifyEvent): CheckedLine {
  const text = line.trim();
  if (text === "") return null;
  const event = readEvent(text);
  if (typeof event === "string") return { fault: event };
  const fault = verify(event);
  if (fault?.startsWith("error: ")) {
    const bytes = Buffer.byteLength(text);
    return {
      fault: `an event of ${bytes} bytes, which can't be verified: at most ${MOST_EVENT_BYTES}`,
    };
  }
  if (fault !== undefined) return { fault: fault.replace(/^invalid: /, "") };
  return {
    id: event.id,
    kind: event.kind,
    createdAt: event.created_at,
    marks: markEvent(event.pubkey, event),
    text: `${formatLine({ type: 0, part: 0, lastPart: 0 }, event)}\n`,
  };
}

/** The event of a line, or what is wrong with it. */
function readEvent(text: string): NostrEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `not JSON: \`${text.slice(0, 40)}\``;
  }
  const event: unknown = Array.isArray(value) && value[0] === "EVENT" ? value.at(-1) : value;
  if (!isEvent(event)) return "no event with id, pubkey, created_at, kind, tags, content and sig";
  const isHex = (hex: string, digits: number) => hex.length === digits && !/[^0-9a-f]/.test(hex);
  if (!isHex(event.id, 64) || !isHex(event.pubkey, 64)) return "id or pubkey not of 64 hex digits";
  if (!isHex(event.sig, 128)) return "sig not of 128 hex digits";
  if (event.kind < 0 || event.kind > 65_535) return `kind ${event.kind}, expected 0 to 65535`;
  return event.created_at < 0 ? `created_at ${event.created_at}` : event;
}
