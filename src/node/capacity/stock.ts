/**
 * The events of a search: signed ahead for as many trials as can be foreseen, since starting the signers takes half a
 * second each time. Each trial gets a part that no other had, as an event sent twice is a duplicate; where the relay is
 * emptied before each, all get the same.
 */
import { randomInt } from "node:crypto";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { cutPart, leftOf, type Place } from "../pool/part.ts";
import { removePool } from "../pool/shelf.ts";
import { areOfRun } from "../preflight/times.ts";
import { choosePool, holdPool, POOLS_DIR, type PoolChoice, type TakenPool } from "../run/pool.ts";

/** Until it is seen: two cores sign some 4,000 a second. */
const SIGNED_PER_SEC = 3_000;

/** What a search asks of it. */
export type Supplies = Pick<Stock, "left" | "signedPerSec" | "signedSec" | "take" | "close">;

export class Stock {
  readonly #held: TakenPool[] = [];
  #places: readonly Place[] = [];
  #signed = { events: 0, sec: 0 };
  readonly #isReused: boolean;

  constructor({ isReused }: { readonly isReused: boolean }) {
    this.#isReused = isReused;
  }

  /** Signed and not sent yet. */
  get left(): number {
    return this.#places.reduce((sum, place) => sum + leftOf(place), 0);
  }

  get signedPerSec(): number {
    const { events, sec } = this.#signed;
    return sec === 0 ? SIGNED_PER_SEC : events / sec;
  }

  /** All that was signed until now took so many seconds. */
  get signedSec(): number {
    return this.#signed.sec;
  }

  /** The events of a trial; where there are not enough, so many are signed that there are `ahead`. */
  async take(plan: Plan, choice: PoolChoice, ahead: number): Promise<TakenPool> {
    // Those that are as young as their trial are signed for it; those of topics have keys and places of their plan's.
    if (areOfRun(choice.times) || plan.fanout !== null) return await this.#sign(plan, choice);
    const needed = eventsNeeded(plan);
    const { left } = this;
    if (left < needed) {
      const pool = await this.#sign(plan, { ...choice, events: Math.max(needed, ahead) - left });
      this.#held.push(pool);
      this.#places = [...this.#places, { pool, event: 0, byte: 0 }];
    }
    const { part, left: places } = await cutPart(POOLS_DIR, this.#places, needed);
    if (!this.#isReused) this.#places = places;
    const held = await holdPool(part, choice);
    const release = async () => {
      await held.release();
      await removePool(POOLS_DIR, part.manifest.id);
    };
    return { ...held, release };
  }

  async close(): Promise<void> {
    for (const pool of this.#held.splice(0)) await pool.release();
    this.#places = [];
  }

  /** With a seed of its own: a search that goes on must not send again what it sent before it was stopped. */
  async #sign(plan: Plan, choice: PoolChoice): Promise<TakenPool> {
    const startMs = performance.now();
    const seed = `${plan.seed.slice(0, 24)}-${randomInt(36 ** 4).toString(36)}`;
    const pool = await choosePool({ ...plan, seed }, { ...choice, isForOnce: true });
    this.#signed.events += pool.manifest.events;
    this.#signed.sec += (performance.now() - startMs) / 1_000;
    return pool;
  }
}
