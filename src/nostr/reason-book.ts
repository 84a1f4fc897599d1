/**
 * The reasons of texts that come by the thousand. To class one costs k6 half a millisecond, so answers are
 * kept; figures and ids within a text make no new one, and a relay that words each refusal anew gets the
 * reason that its prefix had last.
 */
import { messagePrefix } from "./ok.ts";
import { type Reason, reasonOf } from "./reason.ts";

const MOST_TEXTS = 512;
/** What stands behind it decides no class; a relay may send a megabyte. */
const LONGEST = 200;
/** Ids, and figures that are no status of HTTP. */
const CHANGING = /[0-9a-f]{16,}|\b(?![45]\d\d\b)\d+/gi;

export function createReasonBook(): (text: string) => Reason {
  const known = new Map<string, Reason>();
  const byPrefix = new Map<string, Reason>();
  const keep = (key: string, reason: Reason): Reason => {
    if (known.size < MOST_TEXTS) known.set(key, reason);
    return reason;
  };
  return (text) => {
    const exactly = known.get(text);
    if (exactly !== undefined) return exactly;
    const short = text.slice(0, LONGEST);
    const shape = short.replace(CHANGING, "0");
    const alike = known.get(shape);
    if (alike !== undefined) return alike;
    const prefix = messagePrefix(short);
    if (known.size >= MOST_TEXTS) return byPrefix.get(prefix) ?? "other";
    const reason = reasonOf(short);
    byPrefix.set(prefix, reason);
    if (text === short) keep(text, reason);
    return keep(shape, reason);
  };
}
