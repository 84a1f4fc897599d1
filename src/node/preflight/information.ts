/** A relay's information document (NIP-11), read leniently: any member may be missing or wrong. */
import type { Admission } from "../guard/gate.ts";
import { type GetLimits, pinnedGet } from "../guard/pinned-get.ts";

const LIMITS: GetLimits = { timeoutMs: 5_000, maxBytes: 262_144 };

/** Members of `limitation` that a run is held against; what the relay left out is not there. */
export interface Limitation {
  readonly max_message_length?: number;
  readonly max_event_tags?: number;
  readonly max_content_length?: number;
  readonly min_pow_difficulty?: number;
  /** Seconds into the past and the future; 0 means no limit (nostream). */
  readonly created_at_lower_limit?: number;
  readonly created_at_upper_limit?: number;
  readonly auth_required?: boolean;
  readonly payment_required?: boolean;
  readonly restricted_writes?: boolean;
}

export interface Information {
  /** `null` where the relay served no document that can be read. */
  readonly limitation: Limitation | null;
  readonly software: string | null;
  /** It announces COUNT (NIP-45). */
  readonly counts: boolean;
  readonly problem: string | null;
  /** The relay's clock minus ours in ms (its `Date` has whole seconds), `null` without a `Date`. */
  readonly clockSkewMs: number | null;
}

const NUMBERS = [
  "max_message_length",
  "max_event_tags",
  "max_content_length",
  "min_pow_difficulty",
  "created_at_lower_limit",
  "created_at_upper_limit",
] as const satisfies readonly (keyof Limitation)[];
const SWITCHES = [
  "auth_required",
  "payment_required",
  "restricted_writes",
] as const satisfies readonly (keyof Limitation)[];

/** Asks the relay's admitted address. The header is exactly one value: strfry and khatru compare it whole. */
export async function fetchInformation(
  { url, addresses, headers = {} }: Admission,
  limits: GetLimits = LIMITS,
): Promise<Information> {
  const askedMs = Date.now();
  const body = await pinnedGet({
    url,
    address: addresses[0],
    limits,
    port: url.port,
    path: url.path,
    accept: "application/nostr+json",
    headers,
  });
  const middleMs = (askedMs + Date.now()) / 2;
  const clockSkewMs = body.date === undefined ? null : body.date + 500 - middleMs;
  const read = body.status === "read" ? parseInformation(body.text) : null;
  if (read !== null) return { ...read, problem: null, clockSkewMs };
  const problem = body.status === "read" ? "the document is not a JSON object" : body.reason;
  return { limitation: null, software: null, counts: false, problem, clockSkewMs };
}

/** Reads a document; members of a wrong type count as missing. `null` for what is no JSON object. */
export function parseInformation(
  text: string,
): Pick<Information, "limitation" | "software" | "counts"> | null {
  const document = readObject(text);
  if (document === null) return null;
  const { software, supported_nips: nips } = document;
  const given = isObject(document.limitation) ? document.limitation : {};
  const numbers = NUMBERS.flatMap((name) => {
    const value = given[name];
    return typeof value === "number" && Number.isFinite(value) ? [[name, value]] : [];
  });
  const switches = SWITCHES.flatMap((name) =>
    typeof given[name] === "boolean" ? [[name, given[name]]] : [],
  );
  return {
    limitation: Object.fromEntries([...numbers, ...switches]),
    software: typeof software === "string" ? printable(software) : null,
    counts: Array.isArray(nips) && nips.includes(45),
  };
}

/** A relay's words, short and without control characters, so that they can be printed. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").slice(0, 120);
}

function readObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    // Any text may come from a relay.
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
