/** A relay's information document (NIP-11), read leniently: any member may be missing or wrong. */
import type { Admission } from "../guard/gate.ts";
import { type GetLimits, pinnedGet } from "../guard/pinned-get.ts";

const LIMITS: GetLimits = { timeoutMs: 5_000, maxBytes: 262_144 };

/** Members of `limitation` that are numbers; a limit of 0 is none (nostream). */
const NUMBERS = [
  "max_message_length",
  "max_event_tags",
  "max_content_length",
  "min_pow_difficulty",
  /** Seconds into the past and the future; from a billion on, a moment in Unix seconds. */
  "created_at_lower_limit",
  "created_at_upper_limit",
  "max_subscriptions",
  "max_filters",
  "max_limit",
  "max_subid_length",
  "default_limit",
  /** Of no NIP: publishers of limits use them, with the seconds in which so many are taken. */
  "max_events_per_ip",
  "max_events_per_pubkey",
  "rate_limit_window",
] as const;
const SWITCHES = ["auth_required", "payment_required", "restricted_writes"] as const;

/** What a run is held against; what the relay left out is not there. */
export type Limitation = { readonly [K in (typeof NUMBERS)[number]]?: number } & {
  readonly [K in (typeof SWITCHES)[number]]?: boolean;
} & {
  /** The only kinds whose `created_at` is limited; all where it is left out. */
  readonly created_at_window_kinds?: readonly number[];
};

export interface Information {
  /** `null` where the relay served no document that can be read. */
  readonly limitation: Limitation | null;
  readonly software: string | null;
  readonly version: string | null;
  /** It announces COUNT (NIP-45). */
  readonly counts: boolean;
  readonly problem: string | null;
  /** The relay's clock minus ours in ms (its `Date` has whole seconds), `null` without a `Date`. */
  readonly clockSkewMs: number | null;
}

export const NO_INFORMATION: Information = {
  limitation: null,
  software: null,
  version: null,
  counts: false,
  problem: null,
  clockSkewMs: null,
};

/** Asks the relay's admitted address. The header is exactly one value: strfry and khatru compare it whole. */
export async function fetchInformation(
  { url, addresses, headers = {}, ca }: Admission,
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
    ca,
  });
  const middleMs = (askedMs + Date.now()) / 2;
  const clockSkewMs = body.date === undefined ? null : body.date + 500 - middleMs;
  const read = body.status === "read" ? parseInformation(body.text) : null;
  if (read !== null) return { ...NO_INFORMATION, ...read, clockSkewMs };
  const problem = body.status === "read" ? describeText(body.text) : body.reason;
  return { ...NO_INFORMATION, problem, clockSkewMs };
}

/** Reads a document; members of a wrong type count as missing. `null` for what is no JSON object. */
export function parseInformation(
  text: string,
): Pick<Information, "limitation" | "software" | "version" | "counts"> | null {
  const document = readObject(text);
  if (document === null) return null;
  const { software, version, supported_nips: nips } = document;
  const given = isObject(document.limitation) ? document.limitation : {};
  const numbers = NUMBERS.flatMap((name) => {
    const value = readNumber(given[name]);
    return value === null ? [] : [[name, value]];
  });
  const switches = SWITCHES.flatMap((name) => {
    const value = readSwitch(given[name]);
    return value === null ? [] : [[name, value]];
  });
  const { created_at_window_kinds: kinds } = given;
  const windows = Array.isArray(kinds) ? kinds.flatMap((kind) => readNumber(kind) ?? []) : [];
  return {
    limitation: {
      ...Object.fromEntries([...numbers, ...switches]),
      ...(windows.length > 0 ? { created_at_window_kinds: windows } : {}),
    },
    software: readText(software),
    version: readText(version),
    counts: Array.isArray(nips) && nips.some((nip) => readNumber(nip) === 45),
  };
}

/** A relay's words, short and without control characters, so that they can be printed. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").slice(0, 120);
}

/** A number, or the text of one: some documents are made of settings that are all texts. */
function readNumber(value: unknown): number | null {
  const isText = typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value);
  const number = isText ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

function readSwitch(value: unknown): boolean | null {
  const text = String(value).trim().toLowerCase();
  if (text === "true" || text === "1") return true;
  return text === "false" || text === "0" ? false : null;
}

function readText(value: unknown): string | null {
  const text = typeof value === "string" ? printable(value).trim() : "";
  return text === "" ? null : text;
}

/** What is served in place of a document. */
function describeText(text: string): string {
  return /^\s*</.test(text) ? "it answers with a web page" : "what it answers is not a JSON object";
}

function readObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    return isObject(value) ? value : null;
  } catch {
    // Any text may come from a relay.
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
