/** What is due when, the earliest first: a binary heap, as sessions are drawn in another order. */

export interface Due {
  readonly dueMs: number;
}

export interface Task extends Due {
  readonly act: (nowMs: number) => void;
}

export class DueQueue<T extends Due> {
  private items: T[] = [];

  /** `Infinity` when nothing is in it. */
  get nextMs(): number {
    return this.items[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  push(item: T): void {
    const { items } = this;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as T;
      if (above.dueMs <= item.dueMs) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      const right = items[child + 1];
      if (right !== undefined && right.dueMs < (items[child] as T).dueMs) child++;
      if ((items[child] as T).dueMs >= last.dueMs) break;
      items[at] = items[child] as T;
      at = child;
    }
    items[at] = last;
    return first;
  }
}
