/** What is to be done about connections after a time that is the same for all of them. */
import type { WebSocket } from "k6/websockets";
import { Fifo } from "../fifo.ts";
import { type Client, OPEN } from "./client.ts";

/** So many a turn: events are due meanwhile. */
const MOST_A_TURN = 16;

export class Tasks {
  readonly #afterMs: number;
  readonly #queue = new Fifo<{ client: Client; socket: WebSocket; atMs: number }>();

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  add(client: Client, nowMs: number): void {
    this.#queue.push({ client, socket: client.socket, atMs: nowMs + this.#afterMs });
  }

  /** The clients whose time has come, but for those that have lost the connection meanwhile. */
  takeDue(nowMs: number): readonly Client[] {
    const due: Client[] = [];
    while (due.length < MOST_A_TURN) {
      const first = this.#queue.peek();
      if (first === undefined || first.atMs > nowMs) break;
      this.#queue.shift();
      if (first.client.socket === first.socket && first.client.state === OPEN)
        due.push(first.client);
    }
    return due;
  }
}
