/**
 * What is to be done about connections after a time that is the same for all of them: one look at the oldest instead of
 * a timer each.
 */
import { Fifo } from "../fifo.ts";
import type { Client } from "./client.ts";

/** So many a turn: events are due meanwhile. */
const MOST_A_TURN = 16;

export class Tasks {
  /** Its fields are not `#private`, which costs twice as much inside k6. */
  private readonly afterMs: number;
  private readonly sinceOf: (client: Client) => number;
  /** Two rows and no objects: in k6 each takes half a kilobyte. */
  private readonly clients = new Fifo<Client>();
  private readonly since = new Fifo<number>();

  /** `sinceOf`: from when on the time runs; once it has changed, there is nothing to be done any more. */
  constructor(afterMs: number, sinceOf: (client: Client) => number) {
    this.afterMs = afterMs;
    this.sinceOf = sinceOf;
  }

  add(client: Client): void {
    this.clients.push(client);
    this.since.push(this.sinceOf(client));
  }

  /** When the next one is due; `Infinity` where there is none. */
  get nextMs(): number {
    for (let client = this.clients.peek(); client !== undefined; client = this.clients.peek()) {
      const sinceMs = this.since.peek() as number;
      if (this.sinceOf(client) === sinceMs) return sinceMs + this.afterMs;
      this.drop();
    }
    return Number.POSITIVE_INFINITY;
  }

  takeDue(nowMs: number): readonly Client[] {
    const due: Client[] = [];
    while (due.length < MOST_A_TURN && this.nextMs <= nowMs) {
      due.push(this.clients.peek() as Client);
      this.drop();
    }
    return due;
  }

  private drop(): void {
    this.clients.shift();
    this.since.shift();
  }
}
