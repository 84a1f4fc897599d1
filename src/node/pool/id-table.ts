/**
 * Ids and addresses of a pool with a number each, where there may be millions of them: 20 bytes a
 * place, at most two thirds of them taken. A `Set` of texts takes some 100 bytes each, a `Map` of
 * addresses 250. Known by 96 bits of a hash: of 20 million, two are alike with a chance of 1 in 10 ** 14.
 */
import { hash } from "node:crypto";

const WORDS = 3;
const FEWEST_PLACES = 1_024;

export class IdTable {
  #keys = new Uint32Array(WORDS * FEWEST_PLACES);
  #values = new Float64Array(FEWEST_PLACES);
  #size = 0;

  /** Keeps the number of an id (64 hex digits), and gives the one that it had before. */
  put(id: string, value = 0): number | undefined {
    if (3 * this.#size >= 2 * this.#values.length) this.#grow();
    // A first word of 0 marks a free place.
    const first = Number.parseInt(id.slice(0, 8), 16) || 1;
    const second = Number.parseInt(id.slice(8, 16), 16);
    const third = Number.parseInt(id.slice(16, 24), 16);
    const place = this.#find(first, second, third);
    const isKnown = this.#keys[WORDS * place] !== 0;
    const before = isKnown ? this.#values[place] : undefined;
    if (!isKnown) {
      this.#keys.set([first, second, third], WORDS * place);
      this.#size++;
    }
    this.#values[place] = value;
    return before;
  }

  /** The same for any text, such as an address. */
  putText(text: string, value = 0): number | undefined {
    return this.put(hash("sha256", text), value);
  }

  /** Where the key is, or the free place where it would go. */
  #find(first: number, second: number, third: number): number {
    const keys = this.#keys;
    const last = this.#values.length - 1;
    let place = first & last;
    for (; ; place = (place + 1) & last) {
      const at = WORDS * place;
      if (keys[at] === 0) return place;
      if (keys[at] === first && keys[at + 1] === second && keys[at + 2] === third) return place;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Uint32Array(2 * keys.length);
    this.#values = new Float64Array(2 * values.length);
    for (let i = 0; i < values.length; i++) {
      const [first = 0, second = 0, third = 0] = keys.subarray(WORDS * i, WORDS * i + WORDS);
      if (first === 0) continue;
      const place = this.#find(first, second, third);
      this.#keys.set([first, second, third], WORDS * place);
      this.#values[place] = values[i] ?? 0;
    }
  }
}
