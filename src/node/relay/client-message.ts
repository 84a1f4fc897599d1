/**
 * A message of a client with its outer shape checked; events and filters are not looked into yet.
 * `raw` is the event's text as it came, undefined where it cannot be passed on as it is. A malformed
 * message says in `problem` what it should be.
 */
export type IncomingMessage =
  | { readonly type: "EVENT"; readonly event: unknown; readonly raw: string | undefined }
  | { readonly type: "AUTH"; readonly event: unknown }
  | { readonly type: "REQ" | "COUNT"; readonly id: string; readonly filters: readonly unknown[] }
  | { readonly type: "CLOSE"; readonly id: string }
  | { readonly type: "malformed"; readonly problem: string };

const EVENT_OPENING = /^\s*\[\s*"EVENT"\s*,/;
const EVENT_MEMBERS = 7;

/** Reads one text frame (NIP-01, NIP-42, NIP-45). Never throws. */
export function parseClientMessage(text: string): IncomingMessage {
  const message = parseJson(text);
  if (!Array.isArray(message)) return malformed("a message must be a JSON array");
  const [type, second, ...rest]: unknown[] = message;
  switch (type) {
    case "EVENT":
      return { type, event: second, raw: sliceEvent(text, second, message.length) };
    case "AUTH":
      return { type, event: second };
    case "REQ":
    case "COUNT":
      if (typeof second !== "string") return malformed(`${type} needs a subscription id`);
      return { type, id: second, filters: rest };
    case "CLOSE":
      if (typeof second !== "string") return malformed("CLOSE needs a subscription id");
      return { type, id: second };
    default:
      return malformed("the message type must be EVENT, REQ, CLOSE, AUTH or COUNT");
  }
}

/** The id of something that should be an event; undefined when no OK could name it. */
export function claimedId(event: unknown): string | undefined {
  if (typeof event !== "object" || event === null || !("id" in event)) return undefined;
  return typeof event.id === "string" ? event.id : undefined;
}

/** Only the seven members of NIP-01 are passed on, so the text counts only if it holds no others. */
function sliceEvent(text: string, event: unknown, length: number): string | undefined {
  const opening = EVENT_OPENING.exec(text);
  const isPlain = typeof event === "object" && event !== null;
  if (opening === null || length !== 2 || !isPlain) return undefined;
  if (Object.keys(event).length !== EVENT_MEMBERS) return undefined;
  return text.slice(opening[0].length, text.lastIndexOf("]")).trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is one way of not being an array, which the caller reports.
    return undefined;
  }
}

function malformed(problem: string): IncomingMessage {
  return { type: "malformed", problem: `invalid: ${problem}` };
}
