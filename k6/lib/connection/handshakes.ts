/** Handshakes under way. Each may take as long, so that one timer does for all: it waits for the oldest. */
import { CONNECT_TIMEOUT_MS } from "../../../src/plan/duration.ts";
import type { Clock } from "../clock.ts";
import { type Client, CONNECTING } from "./client.ts";
import { Tasks } from "./tasks.ts";

export class Handshakes {
  private readonly clock: Clock;
  /** Takes those that are still under way when their time is over. */
  private readonly onLate: (client: Client) => void;
  private readonly onFault: (where: string, error: unknown) => void;
  private readonly tasks = new Tasks(CONNECT_TIMEOUT_MS, ({ state, startedMs }) =>
    state === CONNECTING ? startedMs : Number.NaN,
  );
  private timer: number | null = null;

  constructor(
    clock: Clock,
    onLate: (client: Client) => void,
    onFault: (where: string, error: unknown) => void,
  ) {
    this.clock = clock;
    this.onLate = onLate;
    this.onFault = onFault;
  }

  add(client: Client): void {
    this.tasks.add(client);
    if (this.timer === null) this.wait(CONNECT_TIMEOUT_MS);
  }

  /** Waits for none any more: an iteration does not end before its last timer. */
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private wait(ms: number): void {
    // Not `null` before its end: who is late lets another one begin, which would wait for its own time only.
    this.timer = setTimeout(() => {
      try {
        for (const client of this.tasks.takeDue(this.clock.now())) this.onLate(client);
      } catch (error) {
        this.onFault("connect timeout", error);
      }
      const { nextMs } = this.tasks;
      this.timer = null;
      if (nextMs < Number.POSITIVE_INFINITY) this.wait(Math.max(0, nextMs - this.clock.now()));
    }, ms);
  }
}
