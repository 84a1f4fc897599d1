/**
 * Subscriptions of a VU: columns by their number. As an object of fourteen members each took 1.8 kB in k6's heap; its
 * texts are made from its number when they are asked for.
 */
import { DECOYS, rowOfTopic } from "../../../src/measure/classes/delivery.ts";
import type { Client } from "../connection/client.ts";
import { substring } from "../hot.ts";
import type { Layout } from "./layout.ts";

/** No REQ was sent; one was; EOSE came; it ended. */
export const UNASKED = 0;
export const ASKED = 1;
export const LIVE = 2;
export const LOST = 3;

/** In place of a number: none of ours. */
export const NOBODY = -1;
/** In place of a topic: it matches nothing. */
const NO_TOPIC = -1;
/** Above any place in which an event is published. */
const UNPLAIN = 2 ** 40;

export interface Topic {
  readonly place: number;
  readonly row: number;
  /** What its subscriptions ask for. */
  readonly filter: string;
  readonly size: number;
  /** Each of them was open as the last event was sent, and none was lost since. */
  isWhole: boolean;
}

export interface Lane {
  readonly client: Client;
  /** The number of its first subscription, and how many it has. */
  readonly first: number;
  readonly count: number;
  /** Nothing matches what it asks for. */
  readonly isOfDecoys: boolean;
  /** Of the connection that the client has: frames that are not in `plainFrames`. */
  otherFrames: number;
  framedMs: number;
  plainFrames: () => { readonly answers: number; readonly answeredMs: number };
  /** The last NOTICE that came. */
  noticed: string | null;
}

/** `topic`: of a topic by its place; `decoy`: of the decoy of a number, the same at each call. */
export interface Filters {
  readonly topic: (place: number) => string;
  readonly decoy: (number: number) => string;
}

/** Plain fields: `#private` ones cost more in k6. */
export class Subscriptions {
  readonly lanes: readonly Lane[];
  readonly topics: readonly Topic[];
  readonly count: number;
  /** Place among those of its topic. */
  readonly slots: Int32Array;
  readonly states: Uint8Array;
  /** When it was asked for. */
  readonly askedMs: Float64Array;
  /** 1: an event came. */
  readonly proven: Uint8Array;
  /**
   * The place in which that event was published which is the last one of those that came, −1 without any; as much as
   * `UNPLAIN` higher where of the next delivery something may be to be said. An array, as k6 reads it on each
   * delivery: it makes an object of each number above 255 that it reads from a typed one.
   */
  readonly seen: number[];
  /** Events that did not come, in the window and before it, since the last one that did. */
  readonly missed: Uint32Array;
  readonly missedInWarmup: Uint32Array;
  /** How those ended that did. */
  readonly lostBy = new Map<number, string>();
  /** Numbers by topic and slot, and where those of a topic begin. */
  private readonly numbers: Int32Array;
  private readonly firstOfTopic: Int32Array;
  private readonly laneOfNumber: Int32Array;
  private readonly topicOfNumber: Int32Array;
  private readonly filters: Filters;

  constructor(clients: readonly Client[], layout: Layout, filters: Filters) {
    const places = layout.subscriptions;
    const sizes = new Int32Array(layout.topics);
    this.count = places.reduce((sum, { length }) => sum + length, 0);
    this.slots = new Int32Array(this.count);
    this.states = new Uint8Array(this.count);
    this.askedMs = new Float64Array(this.count);
    this.proven = new Uint8Array(this.count);
    this.seen = new Array<number>(this.count).fill(UNPLAIN - 1);
    this.missed = new Uint32Array(this.count);
    this.missedInWarmup = new Uint32Array(this.count);
    this.laneOfNumber = new Int32Array(this.count);
    this.topicOfNumber = new Int32Array(this.count);
    this.filters = filters;
    let next = 0;
    this.lanes = clients.map((client, i): Lane => {
      const own = places[i] ?? [];
      const first = next;
      for (const place of own) {
        this.laneOfNumber[next] = i;
        this.topicOfNumber[next] = place ?? NO_TOPIC;
        if (place !== null) this.slots[next] = (sizes[place] as number)++;
        next++;
      }
      return {
        ...{ client, first, count: own.length },
        isOfDecoys: own.length > 0 && own.every((place) => place === null),
        ...{ otherFrames: 0, framedMs: 0, noticed: null },
        plainFrames: () => ({ answers: 0, answeredMs: 0 }),
      };
    });
    this.topics = Array.from(sizes, (size, place): Topic => {
      return { place, row: rowOfTopic(size), filter: filters.topic(place), size, isWhole: false };
    });
    this.numbers = new Int32Array(this.count);
    this.firstOfTopic = new Int32Array(layout.topics);
    for (let place = 1; place < layout.topics; place++) {
      this.firstOfTopic[place] =
        (this.firstOfTopic[place - 1] as number) + (sizes[place - 1] as number);
    }
    for (let number = 0; number < this.count; number++) {
      const first = this.firstOfTopic[this.topicOfNumber[number] as number];
      if (first !== undefined) this.numbers[first + (this.slots[number] as number)] = number;
    }
  }

  laneOf(number: number): Lane {
    return this.lanes[this.laneOfNumber[number] as number] as Lane;
  }

  /** The subscription of a topic that has this slot. */
  numberAt({ place }: Topic, slot: number): number {
    return this.numbers[(this.firstOfTopic[place] as number) + slot] as number;
  }

  topicOf(number: number): Topic | null {
    return this.topics[this.topicOfNumber[number] as number] ?? null;
  }

  rowOf(number: number): number {
    return this.topicOf(number)?.row ?? DECOYS;
  }

  /** Of a VU no two are alike, and each is asked for once on a connection. */
  idOf(number: number): string {
    return `d${(number + 1).toString(36)}`;
  }

  /** What its frames begin with. */
  headOf(number: number): string {
    return `["EVENT","d${(number + 1).toString(36)}",`;
  }

  filterOf(number: number): string {
    return this.topicOf(number)?.filter ?? this.filters.decoy(number);
  }

  /** Of those of a lane that were asked for the one whose id stands in a text, behind its first letter at this place. */
  find(lane: Lane, text: string, at: number): number {
    // Whatever is no digit ends it.
    const number = Number.parseInt(substring(text, at, at + 8), 36) - 1;
    const isOfLane = number >= lane.first && number < lane.first + lane.count;
    return isOfLane && this.states[number] !== UNASKED ? number : NOBODY;
  }

  /** The one of an id. */
  numberOf(lane: Lane, id: string): number {
    const number = this.find(lane, id, 1);
    return number !== NOBODY && id === this.idOf(number) ? number : NOBODY;
  }

  /** Which event of those that came was published last: −1 without any. */
  lastOf(number: number): number {
    const seen = this.seen[number] as number;
    return seen < UNPLAIN - 1 ? seen : seen - UNPLAIN;
  }

  /** Something may be to be said of its next delivery. */
  suspect(number: number): void {
    this.seen[number] = this.lastOf(number) + UNPLAIN;
  }
}
