/** Subscriptions of a VU, by topic and by connection. Plain fields: `#private` ones cost more in k6. */
import { DECOYS, rowOfTopic } from "../../../src/measure/classes/delivery.ts";
import type { Client } from "../connection/client.ts";
import type { Layout } from "./layout.ts";

/** No REQ was sent; one was; EOSE came; it ended. */
export const UNASKED = 0;
export const ASKED = 1;
export const LIVE = 2;
export const LOST = 3;

/** For `plainFrom`. */
export const NEVER_PLAIN = Number.POSITIVE_INFINITY;

export interface Topic {
  readonly place: number;
  readonly row: number;
  readonly subscriptions: Subscription[];
  /** Each of them was open as the last event was sent, and none was lost since. */
  isWhole: boolean;
}

/** Fourteen members, as many as Go keeps in a map of 16 places: with another one it takes twice as many. */
export interface Subscription {
  readonly lane: Lane;
  /** `null`: it matches nothing. */
  readonly topic: Topic | null;
  /** Its place among those of its topic. */
  readonly slot: number;
  /** What it asks for. */
  readonly filter: string;
  id: string;
  /** What its frames begin with. */
  head: string;
  state: number;
  askedMs: number;
  /** An event came. */
  isProven: boolean;
  /** How it ended, where it did. */
  lostBy: string;
  /** Of what came the one that was published last. */
  last: { readonly order: number; readonly createdAt: number } | null;
  /** Of the delivery of an event that was published behind this place nothing is to be said: it is in order, and none was missed. */
  plainFrom: number;
  /** Events that did not come, in the window and before it, since the last one that did. */
  missed: number;
  missedInWarmup: number;
}

export interface Lane {
  readonly client: Client;
  readonly subscriptions: Subscription[];
  readonly byId: Map<string, Subscription>;
  /** Nothing matches what it asks for. */
  readonly isOfDecoys: boolean;
  /** The one there is. */
  only: Subscription | null;
  /** Of the connection that the client has: frames that are not in `plainFrames`. */
  otherFrames: number;
  framedMs: number;
  plainFrames: () => { readonly answers: number; readonly answeredMs: number };
  /** The last NOTICE that came. */
  noticed: string | null;
}

/** `filterOf`: of a topic by its place, and of the decoy of a number. */
export function createLanes(
  clients: readonly Client[],
  { topics: count, subscriptions }: Layout,
  filterOf: (topic: number | null, decoy: number) => string,
): { readonly lanes: readonly Lane[]; readonly topics: readonly Topic[] } {
  const sizes = new Array<number>(count).fill(0);
  for (const topic of subscriptions.flat())
    if (topic !== null) sizes[topic] = (sizes[topic] ?? 0) + 1;
  const topics = sizes.map(
    (size, place): Topic => ({
      ...{ place, row: rowOfTopic(size), subscriptions: [], isWhole: false },
    }),
  );
  // One text for all of a topic.
  const filters = topics.map(({ place }) => filterOf(place, 0));
  let decoys = 0;
  const lanes = clients.map((client, i): Lane => {
    const places = subscriptions[i] ?? [];
    const lane: Lane = {
      ...{ client, subscriptions: [], byId: new Map(), only: null },
      isOfDecoys: places.length > 0 && places.every((place) => place === null),
      ...{ otherFrames: 0, framedMs: 0, noticed: null },
      plainFrames: () => ({ answers: 0, answeredMs: 0 }),
    };
    for (const place of places) {
      const topic = place === null ? null : (topics[place] ?? null);
      const filter = (place === null ? null : filters[place]) ?? filterOf(place, decoys++);
      const subscription = createSubscription(lane, topic, filter);
      lane.subscriptions.push(subscription);
      topic?.subscriptions.push(subscription);
    }
    return lane;
  });
  return { lanes, topics };
}

export function rowOf({ topic }: Subscription): number {
  return topic?.row ?? DECOYS;
}

function createSubscription(lane: Lane, topic: Topic | null, filter: string): Subscription {
  return {
    ...{ lane, topic, filter },
    slot: topic?.subscriptions.length ?? 0,
    ...{ id: "", head: "", state: UNASKED, askedMs: 0, isProven: false, lostBy: "" },
    ...{ last: null, plainFrom: NEVER_PLAIN, missed: 0, missedInWarmup: 0 },
  };
}
