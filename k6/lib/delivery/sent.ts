/** An event that was published, and what became of it at each subscription of its topic. */
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../../../src/pool/format.ts";
import type { Fifo } from "../fifo.ts";
import { substring } from "../hot.ts";
import { LIVE, type Subscription, type Topic, UNASKED } from "./subscription.ts";

/** So many hex digits tell events apart: 64 bits. */
const ID_LENGTH = 16;
/** Events are known by the member as it is written, with so much of the id. */
export const ID_MEMBER = '"id":"';
export const KEY_LENGTH = ID_MEMBER.length + ID_LENGTH;

/** Whether it is owed: nobody knows yet; the relay accepted it; it did not; it had a newer version. */
export const UNDECIDED = 0;
export const OWED = 1;
export const UNOWED = 2;
export const SUPERSEDED = 3;

/** At a subscription: awaited; the subscription was gone; it was not open yet. Above these it is the time at which it came. */
export const AWAITED = 0;
export const GONE = -1;
const NOT_OPEN = -2;

/**
 * What is kept of an event when all have it, as more of it may come: an object of twenty members takes 2 kB in k6, and
 * 20,000 of them would be half of what its collector of garbage has to look at.
 */
export interface Brief {
  readonly key: string;
  readonly topic: Topic;
  /** Behind the others for the warm-up. */
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface Sent extends Brief {
  readonly brief: Brief;
  readonly isOfWarmup: boolean;
  /** What comes behind it is late. */
  readonly untilMs: number;
  readonly createdAt: number;
  /** The place in which it was published. */
  readonly order: number;
  fate: number;
  /** By subscription of its topic. */
  readonly slots: number[];
  /** Those that are awaited, and those that have it. */
  left: number;
  arrived: number;
  /** Those that were gone before it came. */
  gone: number;
  firstMs: number;
  lastMs: number;
  /** Of its OK, where that has come. */
  okMs: number | null;
  /** When came what came before it was known to be owed. */
  readonly early: number[];
  /** The run is to wait for it. */
  isAwaited: boolean;
  /** It is no longer looked for. */
  isRetired: boolean;
}

const ID_START = HEADER_LENGTH + FRAME_ID_OFFSET;
/** Members of a line stand at fixed places (src/pool/format.ts): behind the id, `","pubkey":"`. */
const AUTHOR_START = ID_START + 64 + 12;
const AUTHOR_END = AUTHOR_START + 64;
/** `","created_at":` */
const CREATED_START = AUTHOR_END + 15;

export const keyOfId = (id: string): string => ID_MEMBER + id.slice(0, ID_LENGTH);
export const keyOfLine = (line: string): string =>
  substring(line, ID_START - ID_MEMBER.length, ID_START + ID_LENGTH);
export const authorOfLine = (line: string): string => substring(line, AUTHOR_START, AUTHOR_END);

export interface SentAs {
  readonly topic: Topic;
  readonly row: number;
  readonly isOfWarmup: boolean;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly untilMs: number;
  readonly order: number;
}

/** `isOpening`: subscriptions that have had no EOSE never had one. */
export function createSent(line: string, as: SentAs, isOpening: boolean): Sent {
  const { topic } = as;
  const slots = new Array<number>(topic.subscriptions.length).fill(AWAITED);
  const { left, gone } = topic.isWhole
    ? { left: slots.length, gone: 0 }
    : tellOpen(topic, slots, isOpening);
  const { row, dueMs, sentMs } = as;
  const key = keyOfLine(line);
  // No spreads: each would be an object more.
  return {
    key,
    topic,
    row,
    dueMs,
    sentMs,
    brief: { key, topic, row, dueMs, sentMs },
    isOfWarmup: as.isOfWarmup,
    untilMs: as.untilMs,
    order: as.order,
    createdAt: Number(substring(line, CREATED_START, CREATED_START + 10)),
    fate: UNDECIDED,
    slots,
    left,
    gone,
    arrived: 0,
    firstMs: 0,
    lastMs: 0,
    okMs: null,
    early: [],
    isAwaited: left > 0,
    isRetired: false,
  };
}

/** Tells at which subscriptions it is awaited. */
function tellOpen(topic: Topic, slots: number[], isOpening: boolean) {
  let left = 0;
  let gone = 0;
  // No callback: an event has as many slots as its topic has subscriptions.
  for (let i = 0; i < slots.length; i++) {
    const { state } = topic.subscriptions[i] as Subscription;
    if (state === LIVE) left++;
    else if (isOpening || state === UNASKED) slots[i] = NOT_OPEN;
    else {
      gone++;
      slots[i] = GONE;
    }
  }
  topic.isWhole = left === slots.length;
  return { left, gone };
}

/** Takes out what was due by then. */
export function letPass(queue: Fifo<Brief>, byMs: number, act: (key: string) => void): void {
  for (let next = queue.peek(); next !== undefined && next.dueMs <= byMs; next = queue.peek()) {
    queue.shift();
    act(next.key);
  }
}
