import { hash } from "node:crypto";
import type { EventTemplate } from "../../nostr/wire.ts";

/** The id of an event (NIP-01): SHA-256 of its serialised form. */
export function hashEvent(
  pubkey: string,
  { created_at, kind, tags, content }: EventTemplate,
): string {
  const serialised = JSON.stringify([0, pubkey, created_at, kind, tags, content]);
  return hash("sha256", serialised);
}
