/** What a relay sends besides the plain OK, read with a parse: off the hot path. */

/** What EOSE says of further rows (NIP-67); `null`: nothing. */
export type Hint = "finish" | "more" | null;

/** The answer to a COUNT (NIP-45). */
export interface Counted {
  readonly count: number;
  /** Of a sketch, as HyperLogLog. */
  readonly isApproximate: boolean;
  /** strfry: there was more to count than it counts. */
  readonly isLimited: boolean;
}

export type ReadMessage =
  | { readonly type: "OK"; readonly id: string; readonly accepted: boolean; readonly text: string }
  | { readonly type: "NOTICE"; readonly text: string }
  | { readonly type: "AUTH"; readonly challenge: string }
  /** `data`: the whole frame. */
  | { readonly type: "EVENT"; readonly id: string; readonly data: string }
  | { readonly type: "EOSE"; readonly id: string; readonly hint: Hint }
  | { readonly type: "CLOSED"; readonly id: string; readonly text: string }
  | ({ readonly type: "COUNT"; readonly id: string } & Counted)
  | { readonly type: "malformed"; readonly code: string; readonly example: string };

const EVENT_HEAD = '["EVENT","';
const EOSE_HEAD = '["EOSE","';
const BACKSLASH = 92;

/** Reads a message leniently (NIP-01: relays differ in spaces and further elements). */
export function readMessage(data: string | ArrayBuffer): ReadMessage {
  if (typeof data !== "string") return malformed("binary frame", `${data.byteLength} bytes`);
  // Of an event that was asked for, only its subscription is looked at: a parse costs 20 µs and more.
  if (data.startsWith(EVENT_HEAD)) {
    const end = data.indexOf('"', EVENT_HEAD.length);
    return { type: "EVENT", id: data.substring(EVENT_HEAD.length, end), data };
  }
  if (data.startsWith(EOSE_HEAD)) {
    const end = data.indexOf('"', EOSE_HEAD.length);
    // With a hint, or a space, it is longer.
    if (end === data.length - 2 && data.endsWith("]") && data.charCodeAt(end - 1) !== BACKSLASH) {
      return { type: "EOSE", id: data.substring(EOSE_HEAD.length, end), hint: null };
    }
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
      return typeof first === "string" ? { type, challenge: first } : malformed("bad AUTH", data);
    case "EVENT":
      return typeof first === "string" ? { type, id: first, data } : malformed("bad EVENT", data);
    case "EOSE":
      return typeof first === "string"
        ? { type, id: first, hint: readHint(second) }
        : malformed("bad EOSE", data);
    case "CLOSED":
      return typeof first === "string"
        ? { type, id: first, text: typeof second === "string" ? second : "" }
        : malformed("bad CLOSED", data);
    case "COUNT":
      return readCount(first, second) ?? malformed("bad COUNT", data);
    default:
      return malformed("unknown message", data);
  }
}

/** NIP-67: an array of words behind the id. */
function readHint(words: unknown): Hint {
  if (!Array.isArray(words)) return null;
  if (words.includes("more")) return "more";
  return words.includes("finish") ? "finish" : null;
}

/** NIP-45; `limited` is strfry's own. */
function readCount(id: unknown, result: unknown): (ReadMessage & { type: "COUNT" }) | null {
  if (typeof id !== "string" || typeof result !== "object" || result === null) return null;
  const { count, approximate, limited } = result as Readonly<Record<string, unknown>>;
  if (typeof count !== "number") return null;
  const isApproximate = approximate === true;
  return { type: "COUNT", id, count, isApproximate, isLimited: limited === true };
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
