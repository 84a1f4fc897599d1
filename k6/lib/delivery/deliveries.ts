/**
 * The account of what is owed and what came: each frame is counted once, as what it was, when that is known. An
 * event is owed to the subscriptions of its topic that were open when it was published, from its OK on: relays
 * deliver before it, behind it, or at times of their own.
 */
import {
  D_BEFORE_EOSE,
  D_BYTES,
  D_DELIVERED,
  D_DUE,
  D_DUPLICATE,
  D_FOREIGN,
  D_FRAMES,
  D_INVERTED,
  D_INVERTED_TIES,
  D_LATE,
  D_MISSING,
  D_STORED,
  D_SUBSCRIPTION_LOST,
  D_SUPERSEDED_BEFORE,
  D_UNEXPECTED,
  D_UNOWED,
  D_WRONG_SUBSCRIPTION,
} from "../../../src/measure/classes/delivery.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import type { Ground } from "../driver.ts";
import { record } from "../hot.ts";
import { History } from "./history.ts";
import { createMissed } from "./missed.ts";
import { createRanks } from "./ranks.ts";
import {
  AWAITED,
  createdAtOfLine,
  createSent,
  GONE,
  OWED,
  type Sent,
  type SentAs,
  SUPERSEDED,
  tellOpen,
  UNDECIDED,
  UNOWED,
} from "./sent.ts";
import { ASKED, LOST, type Subscriptions, type Topic } from "./subscriptions.ts";

export interface DeliveriesOptions {
  readonly deliveryTimeoutMs: number;
  /** Of so many deliveries the time of one goes to k6's own trend. */
  readonly sampleEvery: number;
  /** Of all that is due a second, what is this VU's. */
  readonly perSecond: number;
}

export function createDeliveries(
  { recorder, atSec }: Pick<Ground, "recorder" | "atSec">,
  subscriptions: Subscriptions,
  { deliveryTimeoutMs, sampleEvery, perSecond }: DeliveriesOptions,
) {
  const { slots, states, askedMs, proven, seen } = subscriptions;
  const book = recorder.books.delivery;
  const { response, service, behindOk, aheadOfOk } = book.times;
  const rank = createRanks(book.times, perSecond);
  const missed = createMissed({ recorder, atSec }, subscriptions);
  const [frames, delivered, bytes] = [D_FRAMES, D_DELIVERED, D_BYTES].map(
    (column) => book.columns[column],
  ) as [Float64Array, Float64Array, Float64Array];
  const history = new History();
  /** By their keys those that are not yet, and, as their places, those that are everywhere where they were owed. */
  const known = new Map<string, Sent>();
  const done = new Map<string, number>();
  /** By topic: those that a subscription waits for, or whose OK is still to come. */
  const openByTopic: Set<Sent>[] = [];
  let open = 0;
  /** The run waits for none that was published before. */
  let firstAwaited = 0;
  let samples = 0;
  /** Of what came anywhere the one that was published last. */
  let newestOrder = -1;
  let came = 0;

  const openOf = ({ place }: Topic): Set<Sent> => {
    openByTopic[place] ??= new Set();
    return openByTopic[place];
  };

  const unexpected = (row: number, column: number): void => {
    (frames[row] as number)++;
    book.count(row, D_UNEXPECTED);
    book.count(row, column);
  };

  /** Counts a frame of an event that is owed, the first at its subscription. */
  const bookFrame = (sent: Sent, receivedMs: number): void => {
    const { row } = sent;
    const responseMs = receivedMs - sent.dueMs;
    came++;
    (frames[row] as number)++;
    if (responseMs <= deliveryTimeoutMs) (delivered[row] as number)++;
    else book.count(row, D_LATE);
    record(response[row] as Histogram, responseMs);
    record(service[row] as Histogram, receivedMs - sent.sentMs);
    if (++samples % sampleEvery === 0) book.samples.push(row, responseMs);
  };

  const stopAwaiting = (sent: Sent): void => {
    if (!sent.isAwaited) return;
    sent.isAwaited = false;
    open--;
  };

  /** Nothing more is to come of it. */
  const close = (sent: Sent): void => {
    stopAwaiting(sent);
    if (!openOf(sent.topic).delete(sent)) return;
    if (sent.fate !== OWED) return;
    const arrived = sent.whole - sent.left;
    if (arrived > 1) rank(sent);
    if (arrived === sent.slots.length && known.delete(sent.key)) done.set(sent.key, sent.order);
  };

  const finish = (sent: Sent): void => {
    if (sent.fate === OWED && sent.left > 0) {
      sent.slots.forEach((state, slot) => {
        if (state === AWAITED)
          missed.add(subscriptions.numberAt(sent.topic, slot), sent, newestOrder);
      });
    }
    close(sent);
  };

  const retire = (key: string): void => {
    const sent = known.get(key);
    if (done.delete(key) || sent === undefined) return;
    known.delete(key);
    if (sent.fate !== UNDECIDED) finish(sent);
  };

  /** It is owed: what came already, and what is lost already, is counted. Gives when the first came. */
  const owe = (sent: Sent): number => {
    const { row, whole, left, gone } = sent;
    let firstMs = Number.POSITIVE_INFINITY;
    if (whole + gone > 0) book.count(row, D_DUE, whole + gone);
    if (gone > 0) book.count(row, D_SUBSCRIPTION_LOST, gone);
    if (whole === left) return firstMs;
    for (const receivedMs of sent.slots) {
      if (receivedMs <= AWAITED) continue;
      bookFrame(sent, receivedMs);
      if (receivedMs < firstMs) firstMs = receivedMs;
    }
    return firstMs;
  };

  const bookOk = (row: number, okMs: number, firstMs: number): void => {
    if (firstMs < okMs) record(aheadOfOk[row] as Histogram, okMs - firstMs);
    else record(behindOk[row] as Histogram, firstMs - okMs);
  };

  /** Its first frame came. */
  const arrive = (sent: Sent, receivedMs: number): void => {
    if (sent.order > newestOrder) newestOrder = sent.order;
    if (sent.okMs !== null) bookOk(sent.row, sent.okMs, receivedMs);
  };

  /** Each subscription that was to get it has it. */
  const complete = (sent: Sent): void => {
    stopAwaiting(sent);
    if (sent.fate !== UNDECIDED) close(sent);
  };

  /** The first frame of an event at a subscription that it is owed to. */
  const deliver = (number: number, sent: Sent, receivedMs: number): void => {
    const { order, row } = sent;
    const last = subscriptions.lastOf(number);
    sent.slots[slots[number] as number] = receivedMs;
    proven[number] = 1;
    if (sent.left-- === sent.whole) arrive(sent, receivedMs);
    if (order < last) {
      const isTie = history.createdAtOf(order) === history.createdAtOf(last);
      book.count(row, isTie ? D_INVERTED_TIES : D_INVERTED);
    }
    missed.settle(number, D_MISSING);
    seen[number] = order > last ? order : last;
    if (sent.fate === OWED) bookFrame(sent, receivedMs);
    if (sent.left === 0) complete(sent);
  };

  /** What is not owed at that subscription, or has come before. */
  const takeMore = (number: number, order: number, sent: Sent | undefined): void => {
    const row = history.rowOf(order);
    const hasCome =
      sent === undefined ||
      (sent.fate !== UNOWED && (sent.slots[slots[number] as number] as number) > AWAITED);
    const isAsked = states[number] === ASKED;
    if (isAsked && history.sentMsOf(order) < (askedMs[number] as number)) unexpected(row, D_STORED);
    else if (!hasCome) unexpected(row, D_UNOWED);
    else {
      (frames[row] as number)++;
      book.count(row, D_DUPLICATE);
    }
  };

  return {
    get open() {
      return open;
    },
    get isSettled() {
      return open === 0 && history.first === history.next;
    },
    known: known as ReadonlyMap<string, Sent>,
    arrive,
    complete,
    /** Which event it is, by the place in which it was published; `undefined`: none that may still come. */
    find: (key: string): number | undefined => known.get(key)?.order ?? done.get(key),
    rowOf: (order: number): number => history.rowOf(order),
    /** One was published. `isOpening`: subscriptions that have had no EOSE never had one. */
    add(line: string, as: SentAs, isOpening: boolean): Sent {
      const sent = createSent(line, as, history.next);
      if (!sent.topic.isWhole) tellOpen(sent, subscriptions, isOpening);
      history.add(sent, createdAtOfLine(line));
      known.set(sent.key, sent);
      openOf(sent.topic).add(sent);
      if (sent.isAwaited) open++;
      return sent;
    },
    /** A frame at one of our subscriptions; `order`: of the event that was published, where it is one. */
    take(number: number, key: string, order: number | undefined, receivedMs: number, size: number) {
      const isAsked = states[number] === ASKED;
      const row = order === undefined ? subscriptions.rowOf(number) : history.rowOf(order);
      bytes[row] = (bytes[row] as number) + size;
      if (isAsked) book.count(row, D_BEFORE_EOSE);
      if (order === undefined) {
        unexpected(row, isAsked ? D_STORED : D_FOREIGN);
        return;
      }
      const sent = known.get(key);
      if (history.topicOf(order) !== subscriptions.topicOf(number)?.place) {
        unexpected(subscriptions.rowOf(number), D_WRONG_SUBSCRIPTION);
      } else if (sent?.slots[slots[number] as number] === AWAITED && sent.fate !== UNOWED) {
        deliver(number, sent, receivedMs);
      } else takeMore(number, order, sent);
    },
    /** A frame for no subscription of ours. */
    takeForeign(row: number, size: number): void {
      bytes[row] = (bytes[row] as number) + size;
      unexpected(row, D_FOREIGN);
    },
    accept(sent: Sent, okMs: number): void {
      sent.fate = OWED;
      sent.okMs = okMs;
      const firstMs = owe(sent);
      if (sent.left < sent.whole) bookOk(sent.row, okMs, firstMs);
      if (sent.order < history.first) finish(sent);
      else if (sent.left === 0) close(sent);
    },
    /** The relay has a newer version, and needs not deliver this one. */
    supersede(sent: Sent): void {
      sent.fate = SUPERSEDED;
      sent.untilMs = Number.NEGATIVE_INFINITY;
      owe(sent);
      if (sent.left > 0) book.count(sent.row, D_SUPERSEDED_BEFORE, sent.left);
      for (const [slot, state] of sent.slots.entries())
        if (state === AWAITED) sent.slots[slot] = GONE;
      sent.left = 0;
      close(sent);
    },
    /** It was not accepted: nothing of it is owed, and what came all the same is counted so. */
    disown(sent: Sent): void {
      sent.fate = UNOWED;
      sent.untilMs = Number.NEGATIVE_INFINITY;
      for (let n = sent.left; n < sent.whole; n++) unexpected(sent.row, D_UNOWED);
      close(sent);
    },
    /** A subscription is gone: what it was still owed is lost. */
    lose(number: number, how: string): void {
      states[number] = LOST;
      subscriptions.lostBy.set(number, how);
      missed.settle(number, D_MISSING);
      // What the hot path takes is awaited: of what is lost now it takes nothing, nor once it is asked for again.
      subscriptions.suspect(number);
      const topic = subscriptions.topicOf(number);
      if (topic === null) return;
      topic.isWhole = false;
      const slot = slots[number] as number;
      for (const sent of openOf(topic)) {
        if (sent.slots[slot] !== AWAITED || sent.fate === UNOWED) continue;
        sent.slots[slot] = GONE;
        sent.gone++;
        sent.whole--;
        if (sent.fate === OWED) book.count(sent.row, D_SUBSCRIPTION_LOST);
        if (--sent.left === 0) complete(sent);
      }
    },
    expire(nowMs: number): void {
      const isDueBy = (order: number, byMs: number) =>
        order < history.next && history.dueMsOf(order) <= byMs;
      for (; isDueBy(firstAwaited, nowMs - deliveryTimeoutMs); firstAwaited++) {
        const sent = known.get(history.keyOf(firstAwaited));
        if (sent !== undefined) stopAwaiting(sent);
      }
      while (isDueBy(history.first, nowMs - 2 * deliveryTimeoutMs))
        retire(history.keyOf(history.first++));
    },
    /** What is lost should the run be cut off here; `plain` as below. */
    ifLast: (plain: number) => missed.ifLast(came + plain),
    /** The run is over; `plain`: deliveries that were not taken here. */
    settle: (plain: number) => missed.end(came + plain),
  };
}

export type Deliveries = ReturnType<typeof createDeliveries>;
