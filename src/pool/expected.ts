/**
 * How many events of each kind a relay should hold when it was sent a whole pool: every regular event,
 * of a replaceable or addressable kind one for each address, none of an ephemeral kind (NIP-01). What
 * a deletion names by its address is counted apart, since not every relay deletes (NIP-09); what it
 * names by id alone is not counted. The order of the events is of no matter: a deletion covers versions up
 * to its own time. The events are counted where they are signed, as marks.
 */
import { classifyKind, type EventTemplate, type KindClass, type Tag } from "../nostr/wire.ts";
import { AddressSet, hashAddress } from "./address-set.ts";

interface KindExpectation {
  readonly class: KindClass;
  readonly events: number;
  /** What a relay holds that deletes nothing. */
  readonly stored: number;
  /** So many of those are gone where deletions are carried out. */
  readonly deleted: number;
}

/** By kind, the lowest first. */
export type Expected = Readonly<Record<string, KindExpectation>>;

/** Nothing to be remembered: a regular or ephemeral event, or one whose address comes but once. */
const NO_ADDRESS = 0;
const DELETION_KIND = 5;

/** Numbers of a mark: kind, hash of an address, `created_at`. */
const MARK_LENGTH = 3;

/**
 * The marks of an event, three numbers each: its kind, the hash of its address and its time, then for each
 * address that it deletes the kind, negative, the hash and the time. `isUnique`: its address comes but
 * once, and nothing deletes it, so that it need not be remembered.
 */
export function markEvent(
  pubkey: string,
  { kind, tags, created_at }: Pick<EventTemplate, "kind" | "tags" | "created_at">,
  isUnique = false,
): readonly number[] {
  const kindClass = classifyKind(kind);
  if (kind === DELETION_KIND) {
    const deleted = tags.flatMap((tag) => markDeleted(pubkey, tag, created_at));
    return [kind, NO_ADDRESS, created_at, ...deleted];
  }
  if (isUnique || kindClass === "regular" || kindClass === "ephemeral") {
    return [kind, NO_ADDRESS, created_at];
  }
  const d = kindClass === "addressable" ? tags.find(([name]) => name === "d")?.[1] : "";
  return [kind, hashAddress(`${kind}:${pubkey}:${d ?? ""}`), created_at];
}

/** An `a` tag of a deletion; those of other authors delete nothing. */
function markDeleted(author: string, [name, address]: Tag, until: number): readonly number[] {
  if (name !== "a" || address === undefined) return [];
  const [kind, pubkey] = address.split(":", 2);
  const isOwn = pubkey === author && /^[1-9]\d{0,4}$|^0$/.test(kind ?? "");
  // Kind 0 has no negative: -1 is kind 0, -2 kind 1.
  return isOwn ? [-1 - Number(kind), hashAddress(address), until] : [];
}

interface Count {
  events: number;
  stored: number;
  deleted: number;
}

/** Adds up the marks of a pool's events. */
export class ExpectedCounter {
  readonly #counts = new Map<number, Count>();
  readonly #addresses = new AddressSet();

  add(marks: ArrayLike<number>): void {
    for (let i = 0; i < marks.length; i += MARK_LENGTH) {
      const mark = marks[i] ?? 0;
      const address = marks[i + 1] ?? NO_ADDRESS;
      const createdAt = marks[i + 2] ?? 0;
      if (mark < 0) this.#delete(-1 - mark, address, createdAt);
      else this.#count(mark, address, createdAt);
    }
  }

  finish(): Expected {
    const kinds = [...this.#counts].sort(([a], [b]) => a - b);
    return Object.fromEntries(
      kinds.map(([kind, count]) => [kind, { class: classifyKind(kind), ...count }]),
    );
  }

  #count(kind: number, address: number, createdAt: number): void {
    const count = this.#countOf(kind);
    count.events++;
    if (classifyKind(kind) === "ephemeral") return;
    const change = address === NO_ADDRESS ? "new" : this.#addresses.add(address, createdAt);
    if (change === "new" || change === "new-deleted") count.stored++;
    if (change === "new-deleted") count.deleted++;
    if (change === "restored") count.deleted--;
  }

  #delete(kind: number, address: number, until: number): void {
    if (this.#addresses.delete(address, until) === "deleted") this.#countOf(kind).deleted++;
  }

  #countOf(kind: number): Count {
    const count = this.#counts.get(kind) ?? { events: 0, stored: 0, deleted: 0 };
    this.#counts.set(kind, count);
    return count;
  }
}
