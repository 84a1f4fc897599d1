/**
 * The proof that a relay is dedicated to load tests: a text its owner writes by hand and serves under
 * the relay's own host at `/.well-known/nostr-load-test`, or the same keys as the member `load_test`
 * of the relay's information document (NIP-11):
 *
 *     # we load-test this relay
 *     host: relay.example.com
 *     until: 2027-01-31
 *     max-rate: 500
 *     max-connections: 2000
 *
 * `until` is the last day, in UTC. The two limits may be left out. An unknown or repeated key makes the
 * proof void: a limit with a typo must not turn into no limit.
 */
import { ConfigError } from "../errors.ts";
import type { Refusal } from "./guard.ts";
import { parseDedicatedHost } from "./relay-url.ts";

export const PROOF_PATH = "/.well-known/nostr-load-test";
export const PROOF_MEMBER = "load_test";

export interface Proof {
  /** Normalised as `RelayUrl.host` is. */
  readonly host: string;
  /** Last day, `YYYY-MM-DD`, UTC. */
  readonly until: string;
  /** Events, or queries, per second over all clients. */
  readonly maxRateEps?: number;
  readonly maxConnections?: number;
}

export type ParsedProof =
  | { readonly status: "parsed"; readonly proof: Proof }
  | { readonly status: "malformed"; readonly reason: string };

export interface ProofQuestion {
  readonly host: string;
  readonly nowMs: number;
  readonly rateEps: number;
  readonly clients: number;
}

const KEYS = ["host", "until", "max-rate", "max-connections"];
const DAY_MS = 86_400_000;

/** Reads the text form: `key: value` lines, `#` comments and empty lines. */
export function parseProof(text: string): ParsedProof {
  const entries: [key: string, value: string][] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([a-z-]+)[ \t]*:[ \t]*(\S+)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) {
      return malformed(`line ${index + 1} must read \`key: value\``);
    }
    entries.push([match[1], match[2]]);
  }
  return readEntries(entries);
}

/** Reads the member `load_test` of a parsed NIP-11 document: the same keys, limits as numbers. */
export function parseProofMember(value: unknown): ParsedProof {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed(`\`${PROOF_MEMBER}\` must be a JSON object`);
  }
  const entries: [key: string, value: string][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== "string" && typeof member !== "number") {
      return malformed(`every member of \`${PROOF_MEMBER}\` must be a string or a number`);
    }
    entries.push([key, String(member)]);
  }
  return readEntries(entries);
}

/** Holds a proof against the host, the clock and the plan. */
export function checkProof(
  proof: Proof,
  question: ProofQuestion,
): { readonly status: "ok"; readonly reason: string } | Refusal {
  const { maxRateEps, maxConnections } = proof;
  if (proof.host !== question.host) {
    return refuse(`the proof names \`${proof.host}\``, `it must name \`${question.host}\``);
  }
  if (question.nowMs >= Date.parse(`${proof.until}T00:00:00Z`) + DAY_MS) {
    return refuse(`the proof ended on ${proof.until} (UTC)`, "ask the relay's owner to renew it");
  }
  if (maxRateEps !== undefined && question.rateEps > maxRateEps) {
    return refuse(
      `the relay's owner allows ${maxRateEps} events or queries a second, the plan has ${question.rateEps}`,
      `lower the rate to ${maxRateEps}: \`--rate\`, or \`--query-rate\` of queries`,
    );
  }
  if (maxConnections !== undefined && question.clients > maxConnections) {
    return refuse(
      `the relay's owner allows ${maxConnections} connections, the plan has ${question.clients}`,
      `lower the clients: \`--clients ${maxConnections}\``,
    );
  }
  return { status: "ok", reason: `the owner of \`${proof.host}\` allows it until ${proof.until}` };
}

function readEntries(entries: readonly [key: string, value: string][]): ParsedProof {
  const byKey = new Map(entries);
  if (byKey.size < entries.length) return malformed("a key must not stand there twice");
  if (entries.some(([key]) => !KEYS.includes(key))) {
    return malformed(`the keys are ${KEYS.map((key) => `\`${key}\``).join(", ")} and no other`);
  }
  const host = readHost(byKey.get("host"));
  if (host === undefined) return malformed("`host` must be the relay's host name, without port");
  const until = byKey.get("until");
  if (until === undefined || !isDate(until)) {
    return malformed("`until` must be a date, as in `2027-01-31`");
  }
  const rate = byKey.get("max-rate");
  if (rate !== undefined && !(/^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(rate) && Number(rate) > 0)) {
    return malformed("`max-rate` must be a number above 0 (events per second)");
  }
  const connections = byKey.get("max-connections");
  if (connections !== undefined && !/^[1-9][0-9]{0,8}$/.test(connections)) {
    return malformed("`max-connections` must be a whole number above 0");
  }
  const proof = {
    host,
    until,
    ...(rate === undefined ? {} : { maxRateEps: Number(rate) }),
    ...(connections === undefined ? {} : { maxConnections: Number(connections) }),
  };
  return { status: "parsed", proof };
}

function readHost(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return parseDedicatedHost(text);
  } catch (error) {
    // What a relay serves is a value: a host that can't be read makes the proof void.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function isDate(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  const atMs = Date.parse(`${text}T00:00:00Z`);
  // Engines differ on 30 February: invalid, or rolled over into March.
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(text);
}

function malformed(reason: string): ParsedProof {
  return { status: "malformed", reason };
}

function refuse(reason: string, remedy: string): Refusal {
  return { status: "refused", reason, remedy };
}
