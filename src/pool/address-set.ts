/**
 * The addresses of a pool, to be counted where there may be a million of them: 9 to 18 bytes each. An
 * address is known by 53 bits of a hash; among a million, two share one with a chance of 1 in 18,000.
 */

const HELD = 1;
const DELETED = 2;

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

/** What became of the address by an event. */
export type AddressChange = "new" | "again" | "restored";

export class AddressSet {
  #keys = new Float64Array(1_024);
  #states = new Uint8Array(1_024);
  #size = 0;

  /** An event of this address comes: the first one, one after a deletion, or one more. */
  add(hash: number): AddressChange {
    if (2 * this.#size >= this.#keys.length) this.#grow();
    const place = this.#find(hash);
    const state = this.#states[place];
    this.#states[place] = HELD;
    if (state === HELD) return "again";
    if (state === DELETED) return "restored";
    this.#keys[place] = hash;
    this.#size++;
    return "new";
  }

  /** A deletion names this address; says whether there is something to delete. */
  delete(hash: number): boolean {
    const place = this.#find(hash);
    if (this.#states[place] !== HELD) return false;
    this.#states[place] = DELETED;
    return true;
  }

  /** Where the hash is, or the free place where it would go. */
  #find(hash: number): number {
    const last = this.#keys.length - 1;
    let place = hash % this.#keys.length;
    while (this.#states[place] !== 0 && this.#keys[place] !== hash) place = (place + 1) & last;
    return place;
  }

  #grow(): void {
    const keys = this.#keys;
    const states = this.#states;
    this.#keys = new Float64Array(2 * keys.length);
    this.#states = new Uint8Array(2 * keys.length);
    for (const [i, state] of states.entries()) {
      if (state === 0) continue;
      const key = keys[i] ?? 0;
      const place = this.#find(key);
      this.#keys[place] = key;
      this.#states[place] = state;
    }
  }
}
