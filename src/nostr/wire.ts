/** The wire protocol as types: reading them is reading NIP-01, NIP-42, NIP-45 and NIP-67. */

export type Tag = readonly [string, ...string[]];

/** What an author signs; `id`, `pubkey` and `sig` come with the signature (NIP-01). */
export interface EventTemplate {
  readonly kind: number;
  /** Unix seconds. */
  readonly created_at: number;
  readonly tags: readonly Tag[];
  readonly content: string;
}

/** A signed event (NIP-01): `id` and `pubkey` are 64, `sig` is 128 lowercase hex digits. */
export interface NostrEvent extends EventTemplate {
  readonly id: string;
  readonly pubkey: string;
  readonly sig: string;
}

/** A filter of a REQ or COUNT (NIP-01): members AND together, filters OR together. */
export interface Filter {
  readonly ids?: readonly string[];
  readonly authors?: readonly string[];
  readonly kinds?: readonly number[];
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  /** Full-text search (NIP-50). */
  readonly search?: string;
  readonly [tag: `#${string}`]: readonly string[] | undefined;
}

export type ClientMessage =
  | readonly [type: "EVENT", event: NostrEvent]
  | readonly [type: "REQ", subscriptionId: string, ...filters: Filter[]]
  | readonly [type: "CLOSE", subscriptionId: string]
  | readonly [type: "AUTH", event: NostrEvent]
  | readonly [type: "COUNT", queryId: string, ...filters: Filter[]];

export type RelayMessage =
  | readonly [type: "EVENT", subscriptionId: string, event: NostrEvent]
  | readonly [type: "OK", eventId: string, accepted: boolean, message: string]
  | readonly [type: "EOSE", subscriptionId: string, hints?: readonly string[]]
  | readonly [type: "CLOSED", subscriptionId: string, message: string]
  | readonly [type: "NOTICE", message: string]
  | readonly [type: "AUTH", challenge: string]
  | readonly [type: "COUNT", queryId: string, result: { readonly count: number }];

/** What a relay does with a kind (NIP-01, "Kinds"). */
export type KindClass = "regular" | "replaceable" | "ephemeral" | "addressable";

/** Classifies a kind by NIP-01's ranges; kinds outside every range count as regular. */
export function classifyKind(kind: number): KindClass {
  if (kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000)) return "replaceable";
  if (kind >= 20_000 && kind < 30_000) return "ephemeral";
  if (kind >= 30_000 && kind < 40_000) return "addressable";
  return "regular";
}
