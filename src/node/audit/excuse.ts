/**
 * Why an event that a relay acknowledged need not be there any more. Everything here is decided by
 * events that were seen, the pool's accepted ones or those the relay returned; never by the kind of
 * relay.
 */
import { compareNewestFirst } from "../../nostr/filter.ts";
import { addressOf, deletionTargets, expirationOf } from "../../nostr/retention.ts";
import { classifyKind, type NostrEvent } from "../../nostr/wire.ts";

export type Excuse = "ephemeral" | "expired" | "replaced" | "deleted";

const DELETION_KIND = 5;

export function isEphemeral(event: NostrEvent): boolean {
  return classifyKind(event.kind) === "ephemeral";
}

/** The newest version of each address and the deletion requests, out of the events that were seen. */
export class Witnesses {
  readonly #newest = new Map<string, NostrEvent>();
  /** `<pubkey> <id>` of what its author asked to be deleted. */
  readonly #deletedIds = new Set<string>();
  /** Address → `created_at` of the newest request to delete it. */
  readonly #deletedAddresses = new Map<string, number>();

  add(event: NostrEvent): void {
    const address = addressOf(event);
    if (address !== undefined) {
      const newest = this.#newest.get(address);
      if (newest === undefined || compareNewestFirst(event, newest) < 0) {
        this.#newest.set(address, event);
      }
    }
    if (event.kind !== DELETION_KIND) return;
    const { ids, addresses } = deletionTargets(event);
    for (const id of ids) this.#deletedIds.add(`${event.pubkey} ${id}`);
    for (const target of addresses) {
      const before = this.#deletedAddresses.get(target) ?? 0;
      this.#deletedAddresses.set(target, Math.max(before, event.created_at));
    }
  }

  /** Why a relay may rightly not have the event (NIP-01, NIP-09, NIP-40); null when it must. */
  excuseOf(event: NostrEvent, nowSec: number): Excuse | null {
    if (isEphemeral(event)) return "ephemeral";
    const expiration = expirationOf(event);
    if (expiration !== undefined && expiration <= nowSec) return "expired";
    const address = addressOf(event);
    const newest = address === undefined ? undefined : this.#newest.get(address);
    if (newest !== undefined && compareNewestFirst(newest, event) < 0) return "replaced";
    if (this.#deletedIds.has(`${event.pubkey} ${event.id}`)) return "deleted";
    const deletedAt = address === undefined ? undefined : this.#deletedAddresses.get(address);
    return deletedAt !== undefined && deletedAt >= event.created_at ? "deleted" : null;
  }
}
