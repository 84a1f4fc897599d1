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
import { Fifo } from "../fifo.ts";
import { record } from "../hot.ts";
import { createMissed } from "./missed.ts";
import { createRanks } from "./ranks.ts";
import {
  AWAITED,
  type Brief,
  GONE,
  letPass,
  OWED,
  type Sent,
  SUPERSEDED,
  UNDECIDED,
  UNOWED,
} from "./sent.ts";
import { ASKED, LOST, NEVER_PLAIN, rowOf, type Subscription, type Topic } from "./subscription.ts";

export interface DeliveriesOptions {
  readonly deliveryTimeoutMs: number;
  /** Of so many deliveries the time of one goes to k6's own trend. */
  readonly sampleEvery: number;
  /** Of all that is due a second, what is this VU's. */
  readonly perSecond: number;
}

export function createDeliveries(
  { recorder, atSec }: Pick<Ground, "recorder" | "atSec">,
  { deliveryTimeoutMs, sampleEvery, perSecond }: DeliveriesOptions,
) {
  const book = recorder.books.delivery;
  const { response, service, behindOk, aheadOfOk } = book.times;
  const rank = createRanks(book.times, perSecond);
  const missed = createMissed({ recorder, atSec });
  const [frames, delivered, bytes] = [D_FRAMES, D_DELIVERED, D_BYTES].map(
    (column) => book.columns[column],
  ) as [Float64Array, Float64Array, Float64Array];
  /** By due time: those that the run waits for, and all that may still come. */
  const awaited = new Fifo<Brief>();
  const all = new Fifo<Brief>();
  /** By their keys those that are not yet, and those that are everywhere where they were owed. */
  const known = new Map<string, Sent>();
  const done = new Map<string, Brief>();
  /** By topic: those that a subscription waits for, or whose OK is still to come. */
  const openByTopic: Set<Sent>[] = [];
  let open = 0;
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
    if (sent.arrived > 1) rank(sent);
    if (sent.arrived === sent.slots.length && known.delete(sent.key))
      done.set(sent.key, sent.brief);
  };

  const finish = (sent: Sent): void => {
    if (sent.fate === OWED && sent.left > 0) {
      sent.slots.forEach((state, slot) => {
        if (state === AWAITED)
          missed.add(sent.topic.subscriptions[slot] as Subscription, sent, newestOrder);
      });
    }
    close(sent);
  };

  const retire = (key: string): void => {
    const sent = known.get(key);
    if (done.delete(key) || sent === undefined) return;
    sent.isRetired = true;
    known.delete(key);
    if (sent.fate !== UNDECIDED) finish(sent);
  };

  /** It is owed: what came already, and what is lost already, is counted. */
  const owe = (sent: Sent): void => {
    const { row, early, gone } = sent;
    const due = sent.left + sent.arrived + gone;
    if (due > 0) book.count(row, D_DUE, due);
    if (gone > 0) book.count(row, D_SUBSCRIPTION_LOST, gone);
    for (const receivedMs of early) bookFrame(sent, receivedMs);
    early.length = 0;
  };

  const bookOk = (sent: Sent): void => {
    if (sent.okMs === null || sent.arrived === 0) return;
    const gapMs = sent.firstMs - sent.okMs;
    if (gapMs < 0) record(aheadOfOk[sent.row] as Histogram, -gapMs);
    else record(behindOk[sent.row] as Histogram, gapMs);
  };

  /** Its first frame came. */
  const arrive = (sent: Sent, receivedMs: number): void => {
    if (sent.order > newestOrder) newestOrder = sent.order;
    sent.firstMs = receivedMs;
    sent.lastMs = receivedMs;
    bookOk(sent);
  };

  /** Each subscription that was to get it has it. */
  const complete = (sent: Sent): void => {
    stopAwaiting(sent);
    if (sent.fate !== UNDECIDED) close(sent);
  };

  const order = (subscription: Subscription, sent: Sent): void => {
    const { last } = subscription;
    if (last === null || sent.order > last.order) {
      subscription.last = sent;
      return;
    }
    const isTie = sent.createdAt === last.createdAt;
    book.count(sent.row, isTie ? D_INVERTED_TIES : D_INVERTED);
  };

  /** The first frame of an event at a subscription that it is owed to. */
  const deliver = (subscription: Subscription, sent: Sent, receivedMs: number): void => {
    sent.slots[subscription.slot] = receivedMs;
    subscription.isProven = true;
    came++;
    if (sent.arrived++ === 0) arrive(sent, receivedMs);
    else if (receivedMs > sent.lastMs) sent.lastMs = receivedMs;
    else if (receivedMs < sent.firstMs) sent.firstMs = receivedMs;
    order(subscription, sent);
    missed.settle(subscription, D_MISSING);
    subscription.plainFrom = subscription.last?.order ?? NEVER_PLAIN;
    if (sent.fate === OWED) bookFrame(sent, receivedMs);
    else sent.early.push(receivedMs);
    if (--sent.left === 0) complete(sent);
  };

  /** What is not owed at that subscription, or has come before. */
  const takeMore = (subscription: Subscription, brief: Brief, sent: Sent | undefined): void => {
    const { row, sentMs } = brief;
    const hasCome =
      sent === undefined ||
      (sent.fate !== UNOWED && (sent.slots[subscription.slot] as number) > AWAITED);
    if (subscription.state === ASKED && sentMs < subscription.askedMs) unexpected(row, D_STORED);
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
      return open === 0 && all.length === 0;
    },
    known,
    done: done as ReadonlyMap<string, Brief>,
    arrive,
    complete,
    add(sent: Sent): void {
      known.set(sent.key, sent);
      all.push(sent.brief);
      openOf(sent.topic).add(sent);
      if (!sent.isAwaited) return;
      awaited.push(sent.brief);
      open++;
    },
    /** A frame at one of our subscriptions, of an event that was published, whose `sent` not all have, or of another one. */
    take(
      subscription: Subscription,
      brief: Brief | undefined,
      sent: Sent | undefined,
      receivedMs: number,
      size: number,
    ): void {
      const row = brief?.row ?? rowOf(subscription);
      bytes[row] = (bytes[row] as number) + size;
      if (subscription.state === ASKED) book.count(row, D_BEFORE_EOSE);
      if (brief === undefined) {
        unexpected(row, subscription.state === ASKED ? D_STORED : D_FOREIGN);
      } else if (brief.topic !== subscription.topic) {
        unexpected(rowOf(subscription), D_WRONG_SUBSCRIPTION);
      } else if (sent?.slots[subscription.slot] === AWAITED && sent.fate !== UNOWED) {
        deliver(subscription, sent, receivedMs);
      } else takeMore(subscription, brief, sent);
    },
    /** A frame for no subscription of ours. */
    takeForeign(row: number, size: number): void {
      bytes[row] = (bytes[row] as number) + size;
      unexpected(row, D_FOREIGN);
    },
    accept(sent: Sent, okMs: number): void {
      sent.fate = OWED;
      sent.okMs = okMs;
      owe(sent);
      bookOk(sent);
      if (sent.isRetired) finish(sent);
      else if (sent.left === 0) close(sent);
    },
    /** The relay has a newer version, and needs not deliver this one. */
    supersede(sent: Sent): void {
      sent.fate = SUPERSEDED;
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
      for (const _ of sent.early) unexpected(sent.row, D_UNOWED);
      sent.early.length = 0;
      close(sent);
    },
    /** A subscription is gone: what it was still owed is lost. */
    lose(subscription: Subscription, how: string): void {
      subscription.state = LOST;
      subscription.lostBy = how;
      missed.settle(subscription, D_MISSING);
      const { topic } = subscription;
      if (topic !== null) topic.isWhole = false;
      for (const sent of topic === null ? [] : openOf(topic)) {
        if (sent.slots[subscription.slot] !== AWAITED || sent.fate === UNOWED) continue;
        sent.slots[subscription.slot] = GONE;
        sent.gone++;
        if (sent.fate === OWED) book.count(sent.row, D_SUBSCRIPTION_LOST);
        if (--sent.left === 0) complete(sent);
      }
    },
    expire(nowMs: number): void {
      letPass(awaited, nowMs - deliveryTimeoutMs, (key) => {
        const sent = known.get(key);
        if (sent !== undefined) stopAwaiting(sent);
      });
      letPass(all, nowMs - 2 * deliveryTimeoutMs, retire);
    },
    /** The run is over; `plain`: deliveries that were not taken here. */
    settle: (topics: readonly Topic[], plain: number) => missed.end(topics, came + plain),
  };
}

export type Deliveries = ReturnType<typeof createDeliveries>;
