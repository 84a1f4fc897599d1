/**
 * The one timer of a VU: it wakes for what is due next, and now and then for its chores. At each turn only
 * what is due is sent; all else is looked at every few milliseconds.
 */
import type { Recorder } from "../../src/measure/recorder.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { Clock } from "./clock.ts";
import type { Driver, Schedule } from "./driver.ts";

const EXPIRE_EVERY_MS = 50;
const CHORES_EVERY_MS = 5;

export interface LoopOptions {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly drivers: readonly Driver[];
  readonly onFault: (where: string, error: unknown) => void;
  /** What the VU has to do beside driving; gives when it wants to be asked again at the latest. */
  readonly doChores: (nowMs: number) => number;
}

export class Loop {
  readonly #options: LoopOptions;
  readonly #leading: Driver | undefined;
  #schedule: Schedule | null = null;
  #nextExpireMs = 0;
  #nextChoresMs = 0;
  /** When these chores began, and those before: behind a pause of this process, what came is still to be read. */
  #choresMs = 0;
  #lastChoresMs = 0;
  /** When the leading driver was looked at last, and what it had open then. */
  #lookedMs = 0;
  #lookedAt = 0;

  constructor(options: LoopOptions) {
    this.#options = options;
    [this.#leading] = options.drivers;
  }

  start(schedule: Schedule): void {
    this.#schedule = schedule;
    for (const driver of this.#options.drivers) driver.start(schedule);
  }

  get choresMs(): number {
    return this.#choresMs;
  }

  get lastChoresMs(): number {
    return this.#lastChoresMs;
  }

  get isThrough(): boolean {
    return this.#options.drivers.every((driver) => driver.isThrough);
  }

  get isAnswered(): boolean {
    return this.#options.drivers.every((driver) => driver.open === 0);
  }

  /** Turns until `done` says so, which is asked behind chores only. */
  runUntil(done: () => boolean): Promise<void> {
    const { clock, drivers, onFault } = this.#options;
    // By index: in k6 each `for … of` makes objects, and a turn comes a thousand times a second.
    const count = drivers.length;
    return new Promise((resolve) => {
      const turn = () => {
        const now = clock.now();
        try {
          if (now >= this.#nextChoresMs) this.#doChores(now);
          else for (let i = 0; i < count; i++) (drivers[i] as Driver).work(now);
        } catch (error) {
          onFault("timer", error);
        }
        if (now === this.#choresMs && done()) {
          resolve();
          return;
        }
        let wakeMs = this.#nextChoresMs;
        for (let i = 0; i < count; i++) {
          const dueMs = (drivers[i] as Driver).wakeMs;
          if (dueMs < wakeMs) wakeMs = dueMs;
        }
        setTimeout(turn, Math.max(0.1, wakeMs - clock.now()));
      };
      this.#nextChoresMs = 0;
      // Not at once: what is still to be read from the phase before comes first.
      setTimeout(turn, 0.1);
    });
  }

  #doChores(now: number): void {
    const { plan, drivers, doChores } = this.#options;
    const count = drivers.length;
    this.#lastChoresMs = this.#choresMs;
    this.#choresMs = now;
    const isBehindPause = now - this.#lastChoresMs > plan.ackTimeoutMs / 10;
    if (isBehindPause) for (const driver of drivers) driver.resume(now);
    this.#lookAtFlight(now);
    for (let i = 0; i < count; i++) (drivers[i] as Driver).work(now);
    if (now >= this.#nextExpireMs) {
      for (const driver of drivers) driver.expire(this.#lastChoresMs);
      this.#nextExpireMs = now + EXPIRE_EVERY_MS;
    }
    this.#lookedAt = this.#leading?.open ?? 0;
    this.#nextChoresMs = Math.min(now + CHORES_EVERY_MS, doChores(now));
  }

  /** What the leading driver has open, as a line from one look to the next, each weighing as long as it took. */
  #lookAtFlight(now: number): void {
    if (this.#schedule === null || this.#leading === undefined) return;
    const { windowStartMs, windowEndMs } = this.#schedule;
    const fromMs = Math.max(this.#lookedMs, windowStartMs);
    const tookMs = Math.min(now, windowEndMs) - fromMs;
    if (tookMs > 0) {
      const { inFlight } = this.#options.recorder;
      inFlight.sum += ((this.#lookedAt + this.#leading.open) / 2) * tookMs;
      inFlight.overMs += tookMs;
    }
    this.#lookedMs = now;
  }
}
