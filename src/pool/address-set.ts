/**
 * The addresses of a pool, to be counted where there may be a million of them: 32 to 64 bytes each. An
 * address is known by 53 bits of a hash; among a million, two share one with a chance of 1 in 18,000.
 */

/** A number from 1 to 2 ** 53 - 1 for a text: two 32-bit mixes of its characters (after cyrb53). */
export function hashAddress(text: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2_654_435_761);
    b = Math.imul(b ^ code, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return (2_097_151 & b) * 2 ** 32 + (a >>> 0) || 1;
}

/** What came of an address by one more event or deletion of it, as whoever deletes (NIP-09) sees it. */
export type AddressChange = "new" | "new-deleted" | "deleted" | "restored" | "same";

/** A table of open addressing, never more than half full. */
export class AddressSet {
  /** 0 marks a free place. */
  #keys = new Float64Array(1_024);
  /** `created_at` of the newest version, and of the newest deletion; 0 where there is none. */
  #newest = new Uint32Array(1_024);
  #until = new Uint32Array(1_024);
  #size = 0;

  /** An event of this address comes. */
  add(hash: number, createdAt: number): AddressChange {
    const place = this.#take(hash);
    const [wasHeld, wasDeleted] = [this.#newest[place] !== 0, this.#isDeleted(place)];
    this.#newest[place] = Math.max(this.#newest[place] ?? 0, toTime(createdAt));
    const isDeleted = this.#isDeleted(place);
    if (!wasHeld) return isDeleted ? "new-deleted" : "new";
    return wasDeleted && !isDeleted ? "restored" : "same";
  }

  /** A deletion names this address: it covers versions up to its own time, whichever comes first. */
  delete(hash: number, createdAt: number): AddressChange {
    const place = this.#take(hash);
    const wasDeleted = this.#isDeleted(place);
    this.#until[place] = Math.max(this.#until[place] ?? 0, toTime(createdAt));
    return !wasDeleted && this.#isDeleted(place) ? "deleted" : "same";
  }

  #isDeleted(place: number): boolean {
    const newest = this.#newest[place] ?? 0;
    return newest !== 0 && newest <= (this.#until[place] ?? 0);
  }

  /** The place of a hash, from now on its own. */
  #take(hash: number): number {
    if (2 * this.#size >= this.#keys.length) this.#grow();
    const place = this.#find(hash);
    if (this.#keys[place] === 0) {
      this.#keys[place] = hash;
      this.#size++;
    }
    return place;
  }

  /** Where the hash is, or the free place where it would go. */
  #find(hash: number): number {
    const last = this.#keys.length - 1;
    let place = hash % this.#keys.length;
    while (this.#keys[place] !== 0 && this.#keys[place] !== hash) place = (place + 1) & last;
    return place;
  }

  #grow(): void {
    const [keys, newest, until] = [this.#keys, this.#newest, this.#until];
    this.#keys = new Float64Array(2 * keys.length);
    this.#newest = new Uint32Array(2 * keys.length);
    this.#until = new Uint32Array(2 * keys.length);
    for (const [i, key] of keys.entries()) {
      if (key === 0) continue;
      const place = this.#find(key);
      this.#keys[place] = key;
      this.#newest[place] = newest[i] ?? 0;
      this.#until[place] = until[i] ?? 0;
    }
  }
}

/** Unix seconds as 32 bits that are never 0; what is beyond the year 2106 is one time. */
function toTime(createdAt: number): number {
  return Math.min(createdAt, 2 ** 32 - 2) + 1;
}
