/**
 * Publishes in flight as columns of numbers: no object for an event. A slot is an index; used slots
 * form a list in the order of sending, so that the oldest is found and any is released in one step.
 */
import type { Client } from "./connections.ts";

const NONE = -1;
const FIRST_CAPACITY = 1_024;

export class Slots {
  used = 0;
  #ids: string[] = [];
  #clients: Client[] = [];
  #rows = new Uint8Array(FIRST_CAPACITY);
  #due = new Float64Array(FIRST_CAPACITY);
  #sent = new Float64Array(FIRST_CAPACITY);
  #previous = new Int32Array(FIRST_CAPACITY);
  #next = new Int32Array(FIRST_CAPACITY);
  #free: number[] = [];
  #size = 0;
  #head = NONE;
  #tail = NONE;

  take(id: string, client: Client, row: number, dueMs: number, sentMs: number): number {
    const slot = this.#free.pop() ?? this.#grow();
    this.#ids[slot] = id;
    this.#clients[slot] = client;
    this.#rows[slot] = row;
    this.#due[slot] = dueMs;
    this.#sent[slot] = sentMs;
    this.#previous[slot] = this.#tail;
    this.#next[slot] = NONE;
    if (this.#tail === NONE) this.#head = slot;
    else this.#next[this.#tail] = slot;
    this.#tail = slot;
    this.used++;
    return slot;
  }

  release(slot: number): void {
    const previous = this.#previous[slot] ?? NONE;
    const next = this.#next[slot] ?? NONE;
    if (previous === NONE) this.#head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#free.push(slot);
    this.used--;
  }

  /** The slot sent first; −1 when none is used. */
  oldest(): number {
    return this.#head;
  }

  id(slot: number): string {
    return this.#ids[slot] ?? "";
  }

  client(slot: number): Client {
    return this.#clients[slot] as Client;
  }

  row(slot: number): number {
    return this.#rows[slot] ?? 0;
  }

  dueMs(slot: number): number {
    return this.#due[slot] ?? 0;
  }

  sentMs(slot: number): number {
    return this.#sent[slot] ?? 0;
  }

  #grow(): number {
    if (this.#size === this.#rows.length) {
      const capacity = this.#size * 2;
      this.#rows = grown(this.#rows, new Uint8Array(capacity));
      this.#due = grown(this.#due, new Float64Array(capacity));
      this.#sent = grown(this.#sent, new Float64Array(capacity));
      this.#previous = grown(this.#previous, new Int32Array(capacity));
      this.#next = grown(this.#next, new Int32Array(capacity));
    }
    return this.#size++;
  }
}

function grown<T extends Uint8Array | Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
