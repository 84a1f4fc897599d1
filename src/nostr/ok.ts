/** What an OK says (NIP-01, NIP-42), read leniently: real relays use prefixes that no NIP names. */

/** How a publish that was answered ended. */
export type AnsweredOutcome = "accepted" | "duplicate" | "superseded" | "unheard" | "rejected";

/**
 * The machine-readable prefix of an OK or CLOSED message: the word before the first colon in lower
 * case, `other` where there is none. strfry puts `ERROR: ` before some texts; it is skipped.
 */
export function messagePrefix(message: string): string {
  const match = /^(?:ERROR: )?([a-z][a-z-]{0,23}):/.exec(message);
  return match?.[1] ?? "other";
}

/**
 * Classifies an OK. An older version of a replaceable or addressable event that was turned down is
 * `superseded`: strfry says so with `replaced:`, others with `duplicate:` and a text that speaks of a
 * newer one. nostr-rs-relay has the same `duplicate: ` for both, which stays `duplicate`. Whether a refused
 * event was only `unheard` is for the caller to know, who knows its kind.
 */
export function classifyOk(
  accepted: boolean,
  message: string,
): Exclude<AnsweredOutcome, "unheard"> {
  const prefix = messagePrefix(message);
  if (prefix === "duplicate") return /\bnewer\b/.test(message) ? "superseded" : "duplicate";
  if (accepted) return "accepted";
  return prefix === "replaced" ? "superseded" : "rejected";
}
