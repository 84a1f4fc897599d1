/** How a relay hands events on to those who subscribed, rightly or with a fault. Nothing is stored. */
import { WebSocket } from "ws";
import { matchesFilter } from "../../src/nostr/filter.ts";
import type { Filter, NostrEvent } from "../../src/nostr/wire.ts";

export interface Fanned {
  /** A client that does not read is cut beyond so many bytes, or holds up all there is; else it is waited for without end. */
  readonly cutAbove?: number;
  readonly holdAbove?: number;
  /** The processor is busy so long for each subscription, whether it matches or not. */
  readonly microsPerSubscription?: number;
  /** OK waits so long for each that matches. */
  readonly okMsPerDelivery?: number;
  /** Frames of a delivery, by its place among all. */
  readonly copies?: (place: number) => number;
  /** What is to be handed on waits for a clock. */
  readonly tickMs?: number;
}

interface Subscription {
  readonly client: WebSocket;
  readonly id: string;
  readonly filters: readonly Filter[];
}

const LOOK_EVERY_MS = 10;

export class Fanning {
  readonly #of: Fanned;
  readonly #subscriptions = new Set<Subscription>();
  readonly #known = new Set<string>();
  #deliveries = 0;
  #ticking: (() => void)[] = [];

  constructor(of: Fanned) {
    this.#of = of;
    if (of.tickMs !== undefined) {
      setInterval(() => {
        const due = this.#ticking;
        this.#ticking = [];
        for (const send of due) send();
      }, of.tickMs).unref();
    }
  }

  subscribe(client: WebSocket, id: string, filters: readonly Filter[]): void {
    this.#subscriptions.add({ client, id, filters });
    client.send(JSON.stringify(["EOSE", id]));
  }

  /** Calls back when the event may be answered. */
  publish(event: NostrEvent, answer: () => void): void {
    // An author's first event tells that subscriptions are open.
    const isProbe = !this.#known.has(event.pubkey);
    this.#known.add(event.pubkey);
    let matching = 0;
    for (const one of this.#subscriptions) {
      if (one.client.readyState !== WebSocket.OPEN) this.#subscriptions.delete(one);
      this.#look();
      if (!one.filters.some((filter) => matchesFilter(filter, event))) continue;
      matching++;
      const copies = isProbe ? 1 : (this.#of.copies?.(this.#deliveries++) ?? 1);
      for (let n = 0; n < copies; n++) this.#hand(one, event);
    }
    const waitMs = matching * (this.#of.okMsPerDelivery ?? 0);
    setTimeout(() => this.#whenClear(answer), waitMs);
  }

  #hand({ client, id }: Subscription, event: NostrEvent): void {
    const { tickMs, cutAbove = Number.POSITIVE_INFINITY } = this.#of;
    const send = () => {
      if (client.readyState !== WebSocket.OPEN) return;
      client.send(JSON.stringify(["EVENT", id, event]));
      if (client.bufferedAmount > cutAbove) client.terminate();
    };
    if (tickMs === undefined) send();
    else this.#ticking.push(send);
  }

  #look(): void {
    const { microsPerSubscription = 0 } = this.#of;
    const untilMs = performance.now() + microsPerSubscription / 1_000;
    while (performance.now() < untilMs);
  }

  #whenClear(answer: () => void): void {
    const { holdAbove = Number.POSITIVE_INFINITY } = this.#of;
    const isHeld = [...this.#subscriptions].some(({ client }) => client.bufferedAmount > holdAbove);
    if (isHeld) setTimeout(() => this.#whenClear(answer), LOOK_EVERY_MS);
    else answer();
  }
}
