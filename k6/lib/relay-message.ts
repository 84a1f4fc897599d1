/** What a relay sends besides the plain OK, read with a parse: off the hot path. */

export type ReadMessage =
  | { readonly type: "OK"; readonly id: string; readonly accepted: boolean; readonly text: string }
  | { readonly type: "NOTICE"; readonly text: string }
  | { readonly type: "AUTH" }
  | { readonly type: "EVENT"; readonly id: string }
  | { readonly type: "EOSE"; readonly id: string }
  | { readonly type: "CLOSED"; readonly id: string; readonly text: string }
  /** COUNT: nothing that was asked for. */
  | { readonly type: "other" }
  | { readonly type: "malformed"; readonly code: string; readonly example: string };

const EVENT_HEAD = '["EVENT","';

/** Reads a message leniently (NIP-01: relays differ in spaces and further elements). */
export function readMessage(data: string | ArrayBuffer): ReadMessage {
  if (typeof data !== "string") return malformed("binary frame", `${data.byteLength} bytes`);
  // Of an event that was asked for, only its subscription is looked at: a parse costs 20 µs and more.
  if (data.startsWith(EVENT_HEAD)) {
    const end = data.indexOf('"', EVENT_HEAD.length);
    return { type: "EVENT", id: data.substring(EVENT_HEAD.length, end) };
  }
  const message = parseArray(data);
  if (message === null) return malformed("not a JSON array", data);
  const [type, first, second, third] = message;
  switch (type) {
    case "OK":
      return typeof first === "string" && typeof second === "boolean"
        ? { type, id: first, accepted: second, text: typeof third === "string" ? third : "" }
        : malformed("bad OK", data);
    case "NOTICE":
      return typeof first === "string" ? { type, text: first } : malformed("bad NOTICE", data);
    case "AUTH":
      return typeof first === "string" ? { type } : malformed("bad AUTH", data);
    case "EVENT":
    case "EOSE":
      return typeof first === "string" ? { type, id: first } : malformed(`bad ${type}`, data);
    case "CLOSED":
      return typeof first === "string"
        ? { type, id: first, text: typeof second === "string" ? second : "" }
        : malformed("bad CLOSED", data);
    case "COUNT":
      return { type: "other" };
    default:
      return malformed("unknown message", data);
  }
}

function malformed(code: string, example: string): ReadMessage {
  return { type: "malformed", code, example };
}

function parseArray(data: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(data);
    return Array.isArray(value) ? value : null;
  } catch {
    // Counted as malformed by the caller.
    return null;
  }
}
