import { randomBytes } from "node:crypto";
import { AUTH_KIND } from "../../nostr/auth.ts";
import { tagValue } from "../../nostr/retention.ts";
import type { NostrEvent } from "../../nostr/wire.ts";

const MAX_AGE_SEC = 600;

/** A challenge that nobody can foresee (NIP-42). */
export function makeChallenge(): string {
  return randomBytes(16).toString("hex");
}

export interface AuthContext {
  readonly challenge: string;
  /** `host:port` spellings under which this relay is known. */
  readonly authorities: readonly string[];
  readonly nowSec: number;
}

/** What is wrong with an AUTH event besides its signature, as the text of an OK (NIP-42). */
export function findAuthProblem(event: NostrEvent, context: AuthContext): string | undefined {
  if (event.kind !== AUTH_KIND) return `invalid: AUTH takes kind ${AUTH_KIND}`;
  if (Math.abs(event.created_at - context.nowSec) > MAX_AGE_SEC) {
    return `invalid: created_at is more than ${MAX_AGE_SEC} s away from now`;
  }
  if (tagValue(event, "challenge") !== context.challenge) return "invalid: another challenge";
  const relay = tagValue(event, "relay") ?? "";
  const isThisRelay = URL.canParse(relay) && context.authorities.includes(new URL(relay).host);
  return isThisRelay ? undefined : "invalid: the relay tag names another relay";
}
