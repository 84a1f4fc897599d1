/** An event that was published, and what became of it at each subscription of its topic. */
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../../../src/pool/format.ts";
import { substring } from "../hot.ts";
import { LIVE, type Subscriptions, type Topic, UNASKED } from "./subscriptions.ts";

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

/** Thirteen members: k6 keeps up to fourteen in half the room that more take. */
export interface Sent {
  readonly key: string;
  readonly topic: Topic;
  /** Behind the others for the warm-up. */
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
  /** The place in which it was published. */
  readonly order: number;
  /** What comes later is late, or not owed. */
  untilMs: number;
  fate: number;
  /** By subscription of its topic. */
  readonly slots: number[];
  /** Those that are to have it, and those of them at which it is awaited. */
  whole: number;
  left: number;
  /** Those that were gone before it came. */
  gone: number;
  /** Of its OK, where that has come. */
  okMs: number | null;
  /** The run is to wait for it. */
  isAwaited: boolean;
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
export const createdAtOfLine = (line: string): number =>
  Number(substring(line, CREATED_START, CREATED_START + 10));

export interface SentAs {
  readonly topic: Topic;
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly untilMs: number;
}

/** As it is where all subscriptions of its topic are open. */
export function createSent(
  line: string,
  { topic, row, dueMs, sentMs, untilMs }: SentAs,
  order: number,
): Sent {
  const { size } = topic;
  // No spreads: each would be an object more.
  return {
    key: keyOfLine(line),
    topic,
    row,
    dueMs,
    sentMs,
    order,
    untilMs,
    fate: UNDECIDED,
    slots: new Array<number>(size).fill(AWAITED),
    whole: size,
    left: size,
    gone: 0,
    okMs: null,
    isAwaited: size > 0,
  };
}

/** Tells at which subscriptions it is awaited, and whether at all; `isOpening`: those that have had no EOSE never had one. */
export function tellOpen(sent: Sent, subscriptions: Subscriptions, isOpening: boolean): void {
  const { topic, slots } = sent;
  const { states } = subscriptions;
  // No callback: an event has as many slots as its topic has subscriptions.
  for (let i = 0; i < slots.length; i++) {
    const state = states[subscriptions.numberAt(topic, i)];
    if (state === LIVE) continue;
    sent.whole--;
    if (isOpening || state === UNASKED) slots[i] = NOT_OPEN;
    else {
      sent.gone++;
      slots[i] = GONE;
    }
  }
  sent.left = sent.whole;
  sent.isAwaited = sent.whole > 0;
  topic.isWhole = sent.whole === slots.length;
}
