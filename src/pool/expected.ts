/**
 * How many events of each kind a relay should hold when it was sent a whole pool: every regular event,
 * of a replaceable or addressable kind one for each address, none of an ephemeral kind (NIP-01). What
 * a deletion names by its address is counted apart, since not every relay deletes (NIP-09); what it
 * names by id alone is not counted. The events are counted where they are signed, as marks.
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

/**
 * The marks of an event, pairs of numbers: its kind and the hash of its address, then for each address
 * that it deletes the kind, negative, and the hash. `isUnique`: its address comes but once, and nothing
 * deletes it, so that it need not be remembered.
 */
export function markEvent(
  pubkey: string,
  { kind, tags }: Pick<EventTemplate, "kind" | "tags">,
  isUnique = false,
): readonly number[] {
  const kindClass = classifyKind(kind);
  if (kind === DELETION_KIND) return [kind, NO_ADDRESS, ...tags.flatMap(markDeleted, pubkey)];
  if (isUnique || kindClass === "regular" || kindClass === "ephemeral") return [kind, NO_ADDRESS];
  const d = kindClass === "addressable" ? tags.find(([name]) => name === "d")?.[1] : "";
  return [kind, hashAddress(`${kind}:${pubkey}:${d ?? ""}`)];
}

/** An `a` tag of a deletion; those of other authors delete nothing. */
function markDeleted(this: string, [name, address]: Tag): readonly number[] {
  if (name !== "a" || address === undefined) return [];
  const [kind, pubkey] = address.split(":", 2);
  const isOwn = pubkey === this && /^[1-9]\d{0,4}$|^0$/.test(kind ?? "");
  // Kind 0 has no negative: -1 is kind 0, -2 kind 1.
  return isOwn ? [-1 - Number(kind), hashAddress(address)] : [];
}

interface Count {
  events: number;
  stored: number;
  deleted: number;
}

/** Adds up the marks of a pool's events, in the order of sending. */
export class ExpectedCounter {
  readonly #counts = new Map<number, Count>();
  readonly #addresses = new AddressSet();

  add(marks: ArrayLike<number>): void {
    for (let i = 0; i + 1 < marks.length; i += 2) {
      const mark = marks[i] ?? 0;
      const address = marks[i + 1] ?? NO_ADDRESS;
      if (mark < 0) this.#delete(-1 - mark, address);
      else this.#count(mark, address);
    }
  }

  finish(): Expected {
    const kinds = [...this.#counts].sort(([a], [b]) => a - b);
    return Object.fromEntries(
      kinds.map(([kind, count]) => [kind, { class: classifyKind(kind), ...count }]),
    );
  }

  #count(kind: number, address: number): void {
    const count = this.#countOf(kind);
    count.events++;
    if (classifyKind(kind) === "ephemeral") return;
    const change = address === NO_ADDRESS ? "new" : this.#addresses.add(address);
    if (change === "new") count.stored++;
    if (change === "restored") count.deleted--;
  }

  #delete(kind: number, address: number): void {
    if (this.#addresses.delete(address)) this.#countOf(kind).deleted++;
  }

  #countOf(kind: number): Count {
    const count = this.#counts.get(kind) ?? { events: 0, stored: 0, deleted: 0 };
    this.#counts.set(kind, count);
    return count;
  }
}
