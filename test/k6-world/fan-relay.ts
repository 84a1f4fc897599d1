/**
 * A relay in virtual time that fans out, rightly or with a fault, and keeps a ledger of what it owed and what it did.
 * It knows nothing of the load generator, but that an author's first event is not of the load: it tells that
 * subscriptions are open.
 */
import { matchesFilter } from "../../src/nostr/filter.ts";
import type { ClientMessage, Filter, NostrEvent } from "../../src/nostr/wire.ts";
import type { RelaySide } from "./world.ts";

export interface FanSubscription {
  readonly socket: RelaySide;
  readonly id: string;
  readonly filters: readonly Filter[];
  /** Which REQ of the run it is, and which of its connection, from 0. */
  readonly place: number;
  readonly placeOfConnection: number;
  /** EOSE was sent. */
  isOpen: boolean;
  /** Frames of events that were read. */
  read: number;
  ended: boolean;
  wasCut: boolean;
  /** Another one was asked for in its place. */
  replaced: boolean;
}

/** What a column of a true report counts of it. */
type Column =
  | "due"
  | "delivered"
  | "late"
  | "missing"
  | "subscriptionLost"
  | "supersededBefore"
  | "frames"
  | "duplicate"
  | "unexpected"
  | "unowed"
  | "stored"
  | "wrongSubscription"
  | "foreign"
  | "inverted"
  | "invertedTies"
  | "beforeEose"
  | "probes";

/** An event at a subscription that matches it. */
export interface Owed {
  readonly event: NostrEvent;
  readonly subscription: FanSubscription;
  /** Which event of the load it is, and which delivery of all. */
  readonly eventPlace: number;
  readonly place: number;
  readonly receivedMs: number;
}

/** A frame, so long behind its event; of what stands in its place where that is another event or subscription. */
export interface Out {
  readonly afterMs: number;
  readonly to?: FanSubscription;
  readonly event?: NostrEvent;
  readonly counts: readonly Column[];
}

export interface FanFault {
  /** What is sent of a delivery. */
  readonly deliver?: (owed: Owed, relay: FanRelay) => readonly Out[];
  /** OK's third and fourth element, and when. */
  readonly ok?: (
    event: NostrEvent,
    place: number,
  ) => readonly [accepted: boolean, text: string, afterMs: number] | "silent";
  /** Done about a REQ in place of its EOSE. */
  readonly request?: (subscription: FanSubscription, relay: FanRelay) => void;
  /** Does something when an event of the load has come. */
  readonly received?: (eventPlace: number, relay: FanRelay) => void;
}

export const right = (afterMs = 1): readonly Out[] => [
  { afterMs, counts: ["delivered", "frames"] },
];

/** What becomes of a delivery that is owed. */
const SETTLES: readonly Column[] = ["delivered", "late"];
const REPLACED: readonly Column[] = ["due", "supersededBefore"];

export class FanRelay {
  readonly counts: Partial<Record<Column, number>> = {};
  /** Of all frames but probes. */
  bytes = 0;
  readonly subscriptions: FanSubscription[] = [];
  readonly events: { readonly id: string; readonly receivedMs: number }[] = [];
  readonly #fault: FanFault;
  readonly #authors = new Set<string>();
  #deliveries = 0;
  #requests = 0;
  #requestsOf = new Map<RelaySide, number>();

  constructor(fault: FanFault = {}) {
    this.#fault = fault;
  }

  readonly receive = (text: string, socket: RelaySide, atMs: number): void => {
    const message = JSON.parse(text) as ClientMessage;
    if (message[0] === "REQ") this.#subscribe(message[1], message.slice(2) as Filter[], socket);
    if (message[0] === "EVENT") this.#publish(message[1], socket, atMs);
  };

  count(column: Column, n = 1): void {
    this.counts[column] = (this.counts[column] ?? 0) + n;
  }

  /** Says that a subscription is open from now on. */
  open(subscription: FanSubscription, afterMs = 1): void {
    const { socket, id } = subscription;
    socket.answer(JSON.stringify(["EOSE", id]), afterMs, () => {
      subscription.isOpen = true;
    });
  }

  send(
    subscription: FanSubscription,
    event: NostrEvent,
    afterMs: number,
    counts: readonly Column[],
  ) {
    const { socket, id } = subscription;
    const text = JSON.stringify(["EVENT", id, event]);
    socket.answer(text, afterMs, () => {
      subscription.read++;
      for (const column of counts) this.count(column);
      if (!counts.includes("probes")) this.bytes += text.length;
    });
  }

  /** Takes a subscription from those that are owed something. */
  end(subscription: FanSubscription): void {
    subscription.ended = true;
  }

  /** Of a cut connection nothing is left. */
  cut(socket: RelaySide): void {
    for (const one of this.subscriptions)
      if (one.socket === socket) Object.assign(one, { ended: true, wasCut: true });
    socket.drop(1_006);
  }

  #subscribe(id: string, filters: readonly Filter[], socket: RelaySide): void {
    const placeOfConnection = this.#requestsOf.get(socket) ?? 0;
    this.#requestsOf.set(socket, placeOfConnection + 1);
    const subscription: FanSubscription = {
      ...{ socket, id, filters, place: this.#requests++, placeOfConnection },
      ...{ isOpen: false, read: 0, ended: false, wasCut: false, replaced: false },
    };
    const asked = JSON.stringify(filters);
    const before = this.subscriptions.find(
      (one) => one.wasCut && !one.replaced && JSON.stringify(one.filters) === asked,
    );
    if (before) before.replaced = true;
    this.subscriptions.push(subscription);
    if (this.#fault.request) this.#fault.request(subscription, this);
    else this.open(subscription);
  }

  #publish(event: NostrEvent, socket: RelaySide, receivedMs: number): void {
    const isProbe = !this.#authors.has(event.pubkey);
    this.#authors.add(event.pubkey);
    const eventPlace = isProbe ? -1 : this.events.push({ id: event.id, receivedMs }) - 1;
    const plain = [true, "", 1] as const;
    const ok = (isProbe ? undefined : this.#fault.ok?.(event, eventPlace)) ?? plain;
    const isSilent = ok === "silent";
    const [accepted, text, okMs] = isSilent ? plain : ok;
    if (!isSilent) socket.answer(JSON.stringify(["OK", event.id, accepted, text]), okMs);
    const matching = this.subscriptions.filter(
      ({ filters, replaced }) =>
        !replaced && filters.some((filter) => matchesFilter(filter, event)),
    );
    for (const subscription of matching) {
      if (isProbe) {
        if (!subscription.ended) this.send(subscription, event, 1, ["probes"]);
        continue;
      }
      const owed = { event, subscription, eventPlace, place: this.#deliveries++, receivedMs };
      if (text.includes("newer version")) for (const column of REPLACED) this.count(column);
      this.#deliver(owed, accepted && !isSilent && text === "");
    }
    if (!isProbe) this.#fault.received?.(eventPlace, this);
  }

  #deliver(owed: Owed, isOwed: boolean): void {
    const { event, subscription } = owed;
    if (isOwed) this.count("due");
    const outs = this.#fault.deliver?.(owed, this) ?? (subscription.ended ? [] : right());
    const isTold = outs.some(({ counts }) => counts.some((column) => SETTLES.includes(column)));
    if (isOwed && !isTold) {
      this.count(subscription.isOpen && !subscription.ended ? "missing" : "subscriptionLost");
    }
    for (const { afterMs, to = subscription, event: other = event, counts } of outs) {
      this.send(to, other, afterMs, counts);
    }
  }
}
