/**
 * Events as long as more of them may come, by the place in which they were published: a ring of columns, as an object of
 * five members takes 0.6 kB in k6, and 20,000 of them would be half of what its collector of garbage has to look at.
 */
import type { Sent } from "./sent.ts";

const FIRST_CAPACITY = 1_024;
const [DUE, SENT, CREATED, ROW, TOPIC, WIDTH] = [0, 1, 2, 3, 4, 5];

/** Plain fields: `#private` ones cost more in k6. */
export class History {
  /** Events from here to before `next` may still come. */
  first = 0;
  next = 0;
  private capacity = FIRST_CAPACITY;
  private cells = new Float64Array(FIRST_CAPACITY * WIDTH);
  private keys = new Array<string>(FIRST_CAPACITY).fill("");

  /** Its `order` is `next`. */
  add({ key, dueMs, sentMs, row, topic }: Sent, createdAt: number): void {
    if (this.next - this.first === this.capacity) this.grow();
    const { cells } = this;
    const at = this.next % this.capacity;
    this.keys[at] = key;
    cells[at * WIDTH + DUE] = dueMs;
    cells[at * WIDTH + SENT] = sentMs;
    cells[at * WIDTH + CREATED] = createdAt;
    cells[at * WIDTH + ROW] = row;
    cells[at * WIDTH + TOPIC] = topic.place;
    this.next++;
  }

  keyOf(order: number): string {
    return this.keys[order % this.capacity] as string;
  }

  dueMsOf(order: number): number {
    return this.cellOf(order, DUE);
  }

  sentMsOf(order: number): number {
    return this.cellOf(order, SENT);
  }

  createdAtOf(order: number): number {
    return this.cellOf(order, CREATED);
  }

  rowOf(order: number): number {
    return this.cellOf(order, ROW);
  }

  /** The place of its topic. */
  topicOf(order: number): number {
    return this.cellOf(order, TOPIC);
  }

  private cellOf(order: number, column: number): number {
    return this.cells[(order % this.capacity) * WIDTH + column] as number;
  }

  private grow(): void {
    const { capacity, cells, keys } = this;
    this.capacity = 2 * capacity;
    this.cells = new Float64Array(this.capacity * WIDTH);
    this.keys = new Array<string>(this.capacity).fill("");
    for (let order = this.first; order < this.next; order++) {
      const [from, to] = [order % capacity, order % this.capacity];
      this.keys[to] = keys[from] as string;
      this.cells.set(cells.subarray(from * WIDTH, (from + 1) * WIDTH), to * WIDTH);
    }
  }
}
