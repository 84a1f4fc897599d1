/** What a relay sends besides the plain OK, read with a parse: off the hot path. */

export type ReadMessage =
  | { readonly type: "OK"; readonly id: string; readonly accepted: boolean; readonly text: string }
  | { readonly type: "NOTICE"; readonly text: string }
  | { readonly type: "AUTH" }
  /** EVENT, EOSE, CLOSED, COUNT: nothing that a publish waits for. */
  | { readonly type: "other" }
  | { readonly type: "malformed"; readonly code: string; readonly example: string };

/** Reads a message leniently (NIP-01: relays differ in spaces and further elements). */
export function readMessage(data: string | ArrayBuffer): ReadMessage {
  if (typeof data !== "string") return malformed("binary frame", `${data.byteLength} bytes`);
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
    case "CLOSED":
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
