/** From lines of an export to a pool's lines: what every thread does with every stretch of a file. */
import { MOST_EVENT_BYTES } from "../../events/event-type.ts";
import { countCharacters } from "../../nostr/characters.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { markEvent } from "../../pool/expected.ts";
import { formatLine } from "../../pool/format.ts";
import { describeReason, type LeftOutReason } from "../../pool/left-out.ts";
import type { VerifyEvent } from "../relay/signatures.ts";
import {
  expiryOf,
  findRefusal,
  halveBackslashes,
  MOST_LINE_BYTES,
  type ReplayTimes,
  readEvent,
} from "./replay-event.ts";

export interface SoundLine {
  readonly id: string;
  readonly kind: number;
  readonly createdAt: number;
  /** Unix seconds; `Infinity`: never. */
  readonly expiresAt: number;
  readonly tags: number;
  /** Unicode characters. */
  readonly contentLength: number;
  readonly marks: readonly number[];
  /** A pool's line with its line feed; the type is not set yet. */
  readonly text: string;
}

export type CheckedLine =
  | SoundLine
  | { readonly reason: LeftOutReason; readonly fault: string }
  /** An empty line. */
  | null;

/** `times`: what no relay takes again is left out; `null`: form, id and signature are all that counts. */
export function checkLines(
  lines: readonly Uint8Array[],
  verify: VerifyEvent,
  times: ReplayTimes | null,
): readonly CheckedLine[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return lines.map((bytes) => {
    if (bytes.length > MOST_LINE_BYTES) return tooLarge(`more than ${MOST_LINE_BYTES}`);
    let text: string;
    try {
      text = decoder.decode(bytes).trim();
    } catch {
      return { reason: "not-json", fault: "not UTF-8" };
    }
    return text === "" ? null : checkLine(text, verify, times);
  });
}

function checkLine(text: string, verify: VerifyEvent, times: ReplayTimes | null): CheckedLine {
  const read = readEvent(text);
  if ("fault" in read) {
    return read.reason === "not-json" && isDoubled(text, verify) ? DOUBLED : read;
  }
  const { event } = read;
  const refusal = times === null ? null : findRefusal(event, times);
  if (refusal !== null) return { reason: refusal, fault: describeReason(refusal) };
  const fault = verify(event);
  if (fault !== undefined) {
    const bytes = Buffer.byteLength(text);
    if (fault.startsWith("error: ") && bytes > MOST_EVENT_BYTES) return tooLarge(String(bytes));
    if (isDoubled(text, verify)) return DOUBLED;
    return { reason: "signature", fault: fault.replace(/^(invalid|error): /, "") };
  }
  return {
    id: event.id,
    kind: event.kind,
    createdAt: event.created_at,
    expiresAt: expiryOf(event),
    tags: event.tags.length,
    contentLength: countCharacters(event.content),
    marks: markEvent(event.pubkey, event),
    text: `${formatLine({ type: 0, part: 0, lastPart: 0 }, event)}\n`,
  };
}

const DOUBLED = { reason: "doubled-backslashes", fault: "its backslashes are doubled" } as const;

/** Whether the line is right once its backslashes are halved. */
function isDoubled(text: string, verify: VerifyEvent): boolean {
  const halved: NostrEvent | null = halveBackslashes(text);
  return halved !== null && verify(halved) === undefined;
}

function tooLarge(bytes: string): CheckedLine {
  const fault = `an event of ${bytes} bytes, which can't be verified: at most ${MOST_EVENT_BYTES}`;
  return { reason: "size", fault };
}
