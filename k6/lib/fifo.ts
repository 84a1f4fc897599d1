/** A queue whose `shift` does not move what is behind: an array's own does, in k6 in proportion to its length. */

const COMPACT_FROM = 256;

/** Its fields are not `#private`, which costs twice as much inside k6. */
export class Fifo<T> {
  private items: T[] = [];
  private head = 0;
  length = 0;

  push(item: T): void {
    this.items.push(item);
    this.length++;
  }

  peek(): T | undefined {
    return this.items[this.head];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head++];
    this.length--;
    if (this.head >= COMPACT_FROM && this.head >= this.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  clear(): void {
    this.items = [];
    this.head = 0;
    this.length = 0;
  }
}
