/** Who comes first, in the order of the clients, each at its arrival: nothing is kept of one before it is due. */
import { arrivalsOf } from "../arrivals.ts";
import type { Ground, Schedule } from "../driver.ts";
import type { Client } from "./client.ts";

export class Comers {
  /** When the next one is due; `Infinity` when all have come, or the window is over before. */
  nextMs = Number.POSITIVE_INFINITY;
  private readonly clients: readonly Client[];
  private readonly arrivalMs: () => number;
  private startMs = 0;
  private endMs = 0;
  private come = 0;

  constructor(ground: Ground, ratePerSecond: number) {
    this.clients = ground.clients;
    this.arrivalMs = arrivalsOf(ground, { name: "connect", ratePerSecond });
  }

  begin({ startMs, windowEndMs }: Schedule): void {
    this.startMs = startMs;
    this.endMs = windowEndMs;
    this.look();
  }

  /** The one that is due. */
  take(): Client {
    const client = this.clients[this.come++] as Client;
    this.look();
    return client;
  }

  private look(): void {
    const dueMs = this.come < this.clients.length ? this.startMs + this.arrivalMs() : this.endMs;
    this.nextMs = dueMs < this.endMs ? dueMs : Number.POSITIVE_INFINITY;
  }
}
