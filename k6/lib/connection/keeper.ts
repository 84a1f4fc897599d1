/**
 * Holds a connection for each client, where connections are what work is done on: all are opened before the
 * schedule begins, with bounded concurrency, and opened again with growing delay until one has proved itself (see
 * backoff.ts).
 */
import { C_DUE, HOLD, RAMP } from "../../../src/measure/classes/connection.ts";
import type { Recorder } from "../../../src/measure/recorder.ts";
import type { Random } from "../../../src/random.ts";
import { Fifo } from "../fifo.ts";
import { retryDelayMs } from "./backoff.ts";
import type { Client } from "./client.ts";
import type { Connections } from "./connections.ts";
import type { Down, Holder } from "./holder.ts";

export interface KeeperOptions {
  readonly connections: Connections;
  readonly recorder: Recorder;
  readonly concurrency: number;
  /** Of the run's seed, for the delays. */
  readonly random: Random;
}

export class Keeper implements Holder {
  readonly #options: KeeperOptions;
  readonly #queue = new Fifo<Client>();
  #underWay = 0;
  /** Clients that are still to be tried for the first time. */
  readonly #untried: Set<Client>;
  #whenTried: () => void = () => {};
  #row = RAMP;
  readonly #timers = new Set<number>();

  constructor(options: KeeperOptions) {
    const { clients } = options.connections;
    this.#options = options;
    for (const client of clients) this.#queue.push(client);
    this.#untried = new Set(clients);
  }

  /** Opens all; resolves when each has been tried once. */
  openAll(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenTried = resolve;
      this.#connectNext();
    });
  }

  /** From here on handshakes are of the time in which connections are held. */
  hold(): void {
    this.#row = HOLD;
  }

  /** Connects nobody any more. */
  stop(): void {
    this.#queue.clear();
    // An iteration does not end before its last timer.
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  onTried(client: Client): void {
    this.#underWay--;
    if (this.#untried.delete(client) && this.#untried.size === 0) this.#whenTried();
    this.#connectNext();
  }

  onDown(client: Client, { isTurnedAway }: Down): void {
    const delayMs = retryDelayMs(client.failures, isTurnedAway, this.#options.random);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#queue.push(client);
      this.#connectNext();
    }, delayMs);
    this.#timers.add(timer);
  }

  #connectNext(): void {
    const { connections, recorder, concurrency } = this.#options;
    while (this.#underWay < concurrency) {
      const client = this.#queue.shift();
      if (!client) return;
      this.#underWay++;
      recorder.books.connection.count(this.#row, C_DUE);
      connections.connect(client, this.#row);
    }
  }
}
