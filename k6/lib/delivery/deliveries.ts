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
  D_LOST_SUBSCRIPTIONS,
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
import { createRanks } from "./ranks.ts";
import { AWAITED, CAME, GONE, OWED, type Sent, SUPERSEDED, UNDECIDED, UNOWED } from "./sent.ts";
import { isSilence } from "./silence.ts";
import { ASKED, LOST, NEVER_PLAIN, type Subscription, type Topic } from "./subscription.ts";

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
  const { columns } = book;
  const { response, service, behindOk, aheadOfOk } = book.times;
  const rank = createRanks(book.times, perSecond);
  const [frames, delivered, bytes] = [D_FRAMES, D_DELIVERED, D_BYTES].map(
    (column) => columns[column],
  ) as [Float64Array, Float64Array, Float64Array];
  const warmupRows = (columns[0]?.length ?? 0) / 2;
  const byId = new Map<string, Sent>();
  /** By due time: those that the run waits for, and all that are known. */
  const awaited = new Fifo<Sent>();
  const known = new Fifo<Sent>();
  /** By topic: those that a subscription waits for, or whose OK is still to come. */
  const openByTopic: Set<Sent>[] = [];
  let open = 0;
  let samples = 0;
  /** Of what came anywhere the one that was published last. */
  let newestOrder = -1;
  let came = 0;
  let missing = 0;

  const openOf = ({ place }: Topic): Set<Sent> => {
    const known = openByTopic[place] ?? new Set();
    openByTopic[place] = known;
    return known;
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
    if (sent.fate === OWED && sent.arrived > 1) rank(sent);
    // It may be looked for long: so many times would burden the collector of garbage.
    if (sent.arrived === sent.slots.length) sent.slots.fill(CAME);
  };

  const miss = (subscription: Subscription, sent: Sent): void => {
    // Others have it, and this one has had nothing since: perhaps it gets nothing any more.
    if (newestOrder >= sent.order && (subscription.last?.order ?? -1) < sent.order) {
      subscription.plainFrom = NEVER_PLAIN;
      if (sent.isOfWarmup) subscription.missedInWarmup++;
      else subscription.missed++;
      return;
    }
    missing++;
    book.count(sent.row, D_MISSING);
  };

  /** Books what a subscription missed in a row, as it came to get others, or as it ended. */
  const settleMissed = (subscription: Subscription, column: number): void => {
    const { row, missed, missedInWarmup } = subscription;
    if (missed + missedInWarmup === 0) return;
    if (column === D_MISSING) missing += missed + missedInWarmup;
    book.count(row, column, missed);
    book.count(row + warmupRows, column, missedInWarmup);
    subscription.missed = 0;
    subscription.missedInWarmup = 0;
  };
  const finish = (sent: Sent): void => {
    if (sent.fate === OWED && sent.left > 0) {
      sent.slots.forEach((state, slot) => {
        if (state === AWAITED) miss(sent.topic.subscriptions[slot] as Subscription, sent);
      });
    }
    close(sent);
  };

  const retire = (sent: Sent): void => {
    sent.isRetired = true;
    byId.delete(sent.id);
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

  const order = (subscription: Subscription, sent: Sent): void => {
    if (sent.order > newestOrder) newestOrder = sent.order;
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
    if (sent.arrived++ === 0) {
      sent.firstMs = receivedMs;
      sent.lastMs = receivedMs;
      if (sent.okMs !== null) bookOk(sent);
    } else if (receivedMs > sent.lastMs) sent.lastMs = receivedMs;
    else if (receivedMs < sent.firstMs) sent.firstMs = receivedMs;
    order(subscription, sent);
    if (subscription.missed + subscription.missedInWarmup > 0)
      settleMissed(subscription, D_MISSING);
    subscription.plainFrom = subscription.last?.order ?? NEVER_PLAIN;
    if (sent.fate === OWED) bookFrame(sent, receivedMs);
    else sent.early.push(receivedMs);
    if (--sent.left > 0) return;
    stopAwaiting(sent);
    if (sent.fate !== UNDECIDED) close(sent);
  };

  /** What is not owed at that subscription, or has come before. */
  const takeMore = (subscription: Subscription, sent: Sent): void => {
    const hasCome = (sent.slots[subscription.slot] as number) > AWAITED;
    const isBeforeEose = subscription.state === ASKED;
    if (isBeforeEose && sent.sentMs < subscription.askedMs) unexpected(sent.row, D_STORED);
    else if (sent.fate === UNOWED || !hasCome) unexpected(sent.row, D_UNOWED);
    else {
      (frames[sent.row] as number)++;
      book.count(sent.row, D_DUPLICATE);
    }
  };

  return {
    get open() {
      return open;
    },
    get isSettled() {
      return open === 0 && known.length === 0;
    },
    find: (id: string) => byId.get(id),
    /** Each subscription that was to get it has it, and it is owed. */
    finish(sent: Sent): void {
      close(sent);
    },
    add(sent: Sent): void {
      byId.set(sent.id, sent);
      known.push(sent);
      openOf(sent.topic).add(sent);
      if (!sent.isAwaited) return;
      awaited.push(sent);
      open++;
    },
    /**
     * A frame at one of our subscriptions, of an event that was published, or of another one. Gives whether more are to
     * come of an event that is owed, and nothing is to be said of this one.
     */
    take(
      subscription: Subscription,
      sent: Sent | undefined,
      receivedMs: number,
      size: number,
    ): boolean {
      const { row } = sent ?? subscription;
      bytes[row] = (bytes[row] as number) + size;
      if (subscription.state === ASKED) book.count(row, D_BEFORE_EOSE);
      if (sent === undefined) {
        unexpected(row, subscription.state === ASKED ? D_STORED : D_FOREIGN);
      } else if (sent.topic !== subscription.topic) {
        unexpected(subscription.row, D_WRONG_SUBSCRIPTION);
      } else if (sent.slots[subscription.slot] === AWAITED && sent.fate !== UNOWED) {
        deliver(subscription, sent, receivedMs);
        return sent.fate === OWED && sent.left > 0 && subscription.plainFrom === sent.order;
      } else takeMore(subscription, sent);
      return false;
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
      settleMissed(subscription, D_MISSING);
      const { topic } = subscription;
      for (const sent of topic === null ? [] : openOf(topic)) {
        if (sent.slots[subscription.slot] !== AWAITED || sent.fate === UNOWED) continue;
        sent.slots[subscription.slot] = GONE;
        sent.gone++;
        if (sent.fate === OWED) book.count(sent.row, D_SUBSCRIPTION_LOST);
        if (--sent.left > 0) continue;
        stopAwaiting(sent);
        if (sent.fate !== UNDECIDED) close(sent);
      }
    },
    expire(nowMs: number): void {
      for (let sent = awaited.peek(); sent !== undefined; sent = awaited.peek()) {
        if (sent.dueMs + deliveryTimeoutMs > nowMs) break;
        awaited.shift();
        stopAwaiting(sent);
      }
      for (let sent = known.peek(); sent !== undefined; sent = known.peek()) {
        if (sent.dueMs + 2 * deliveryTimeoutMs > nowMs) break;
        known.shift();
        retire(sent);
      }
    },
    /** The run is over; `plain`: deliveries that were not taken here. A subscription that had nothing to the end, while others had, is lost in silence. */
    settle(topics: readonly Topic[], plain: number): void {
      for (const subscription of topics.flatMap((topic) => topic.subscriptions)) {
        const missed = subscription.missed + subscription.missedInWarmup;
        if (!isSilence(missed, { came: came + plain, missing })) {
          settleMissed(subscription, D_MISSING);
          continue;
        }
        const { noticed } = subscription.lane;
        settleMissed(subscription, D_SUBSCRIPTION_LOST);
        book.count(subscription.row, D_LOST_SUBSCRIPTIONS);
        if (noticed !== null) recorder.said("subscription", "NOTICE", atSec(), noticed);
        else {
          recorder.error(
            "subscription",
            "silence",
            atSec(),
            `nothing came for \`${subscription.id}\` any more, ${missed} events that others got`,
          );
        }
      }
    },
  };
}
