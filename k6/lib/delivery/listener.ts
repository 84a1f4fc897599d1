/**
 * The hot path of subscribers. A relay writes an event alike to all that it delivers it to, so a frame that is what
 * the last one was, but for whose it is, is known by one comparison of texts. What such frames count is kept in variables,
 * each a quarter of what a cell or a field costs in k6's interpreter, until `putBack`: before anything else looks at
 * the event, and before figures are handed over.
 *
 * Of any other frame two things are looked at, whose it is and which event. `"id":"` occurs in an EVENT as the member's
 * name only: in texts quotes are escaped (RFC 8259), and tags are lists of texts (NIP-01).
 */
import { D_BYTES, D_DELIVERED, D_FRAMES } from "../../../src/measure/classes/delivery.ts";
import { BUCKETS, Histogram, UNITS_PER_MS } from "../../../src/measure/histogram.ts";
import type { Ground, Rest, SocketMessage } from "../driver.ts";
import { charCodeAt, indexOf, substring } from "../hot.ts";
import { createLook } from "../look.ts";
import type { DeliveryOptions } from "./options.ts";
import { AWAITED, ID_LENGTH, type Sent } from "./sent.ts";
import type { Lane, Subscription, Topic } from "./subscription.ts";

/** Of so many messages one is followed by a look at the clock. */
const LOOK_EVERY = 16;
/** So long without a frame ends a burst. */
const QUIET_MS = 5;

/** Behind `["EVENT","`. */
const ID_AT = 10;
const LETTER_V = 86;
const ID_MEMBER = '"id":"';
/** Stands behind no head. */
const NO_BODY = "\n";

export interface ListenerOptions extends Pick<DeliveryOptions, "largestFrame" | "whenRead"> {
  readonly deliveryTimeoutMs: number;
  /** Of so many deliveries the time of one goes to k6's own trend. */
  readonly sampleEvery: number;
  /** `subscription`: `undefined` for one that is none of ours. Gives what it was the delivery of, if of an event that is owed. */
  readonly takeFrame: (
    lane: Lane,
    subscription: Subscription | undefined,
    id: string,
    receivedMs: number,
    size: number,
  ) => Sent | undefined;
  /** Each subscription that was to get it has it. */
  readonly finish: (sent: Sent) => void;
}

export function createListener(ground: Ground, options: ListenerOptions) {
  const { largestFrame, whenRead, takeFrame, finish, deliveryTimeoutMs, sampleEvery } = options;
  const { clock, recorder, onFault } = ground;
  const { now, offsetMs } = clock;
  const book = recorder.books.delivery;
  const { times } = book;
  const [frames, delivered, bytes] = [D_FRAMES, D_DELIVERED, D_BYTES].map(
    (column) => book.columns[column],
  ) as [Float64Array, Float64Array, Float64Array];
  const look = createLook(ground, largestFrame);
  let messages = 0;
  let untilSample = sampleEvery;
  /** The event of the last frame, what stood behind the head, and what is read of it at each frame. */
  let sent: Sent | undefined;
  let body = NO_BODY;
  let topic: Topic | null = null;
  let slots: number[] = [];
  let order = 0;
  let dueMs = 0;
  let sentMs = 0;
  let untilMs = 0;
  let response = new Histogram();
  let service = response;
  let responseCounts = response.counts;
  let serviceCounts = response.counts;
  /** What its frames change. */
  let left = 0;
  let firstMs = 0;
  let lastMs = 0;
  let headsLength = 0;
  /** Deliveries counted here, over all. */
  let came = 0;
  /** When the last frame came but for those since, and the burst began that it is of. */
  let framedMs = 0;
  let burstMs = 0;

  const begin = (of: Sent, text: string): void => {
    sent = of;
    body = text;
    const { row } = of;
    ({ topic, slots, order, dueMs, sentMs, left, firstMs, lastMs } = of);
    untilMs = dueMs + deliveryTimeoutMs;
    response = times.response[row] as Histogram;
    service = times.service[row] as Histogram;
    responseCounts = response.counts;
    serviceCounts = service.counts;
  };

  const putBack = (): void => {
    if (sent === undefined) return;
    const { row } = sent;
    const n = sent.left - left;
    if (n > 0) {
      came += n;
      sent.left = left;
      sent.arrived += n;
      sent.firstMs = firstMs;
      sent.lastMs = lastMs;
      if (lastMs > framedMs) framedMs = lastMs;
      (frames[row] as number) += n;
      (delivered[row] as number) += n;
      (bytes[row] as number) += headsLength + n * body.length;
      response.raise(lastMs - dueMs);
      service.raise(lastMs - sentMs);
      headsLength = 0;
    }
    sent = undefined;
    body = NO_BODY;
  };

  const end = (of: Sent): void => {
    putBack();
    finish(of);
  };

  const sample = (row: number, responseMs: number): void => {
    untilSample = sampleEvery;
    book.samples.push(row, responseMs);
  };

  /** Gives the subscription that the frame is for. */
  const readFrame = (lane: Lane, text: string, receivedMs: number, rest: Rest) => {
    const { only } = lane;
    let subscription: Subscription | undefined;
    let at = -1;
    if (only !== null && indexOf(text, only.head, 0) === 0) {
      subscription = only;
      at = indexOf(text, ID_MEMBER, only.head.length);
    } else if (charCodeAt(text, 3) === LETTER_V && indexOf(text, '["EVENT","', 0) === 0) {
      const end = indexOf(text, '"', ID_AT);
      subscription = lane.byId.get(substring(text, ID_AT, end));
      at = indexOf(text, ID_MEMBER, end + 1);
    }
    if (at > 0) {
      const start = at + ID_MEMBER.length;
      const id = substring(text, start, start + ID_LENGTH);
      const owed = takeFrame(lane, subscription, id, receivedMs, text.length);
      if (owed !== undefined && subscription !== undefined)
        begin(owed, substring(text, subscription.head.length));
      return subscription;
    }
    rest(lane.client, text, receivedMs);
    return undefined;
  };

  return {
    putBack,
    get came() {
      return came;
    },
    /** A frame came that is not kept here; `row`: of its event, where that is one of ours. */
    noteFrame(row: number | null, receivedMs: number): void {
      if (row !== null && receivedMs - framedMs > QUIET_MS) {
        if (burstMs > 0) times.bursts[row]?.record(receivedMs - burstMs);
        burstMs = receivedMs;
      }
      // What another socket read before may have its turn behind it.
      if (receivedMs > framedMs) framedMs = receivedMs;
    },
    listen(lane: Lane, rest: Rest) {
      const { client } = lane;
      /** The subscription that the last event here was for. */
      let own: Subscription | undefined;
      let ownTopic: Topic | null | undefined;
      let head = "";
      let headLength = 0;
      let slot = 0;
      let answers = 0;
      let answeredMs = 0;
      lane.plainFrames = () => ({ answers, answeredMs });
      return (message: SocketMessage): void => {
        try {
          const receivedMs = message.timestamp - offsetMs;
          const text = message.data as string;
          if (
            text === head + body &&
            topic === ownTopic &&
            (own as Subscription).plainFrom < order &&
            slots[slot] === AWAITED &&
            receivedMs <= untilMs &&
            receivedMs - lastMs <= QUIET_MS
          ) {
            slots[slot] = receivedMs;
            (own as Subscription).plainFrom = order;
            (own as Subscription).last = sent as Sent;
            answers++;
            answeredMs = receivedMs;
            headsLength += headLength;
            if (receivedMs > lastMs) lastMs = receivedMs;
            else if (receivedMs < firstMs) firstMs = receivedMs;
            // `record`, written out; the largest is told at `putBack`.
            let bucket = BUCKETS[((receivedMs - dueMs) * UNITS_PER_MS) >>> 0];
            if (bucket === undefined) response.record(receivedMs - dueMs);
            else (responseCounts[bucket] as number)++;
            bucket = BUCKETS[((receivedMs - sentMs) * UNITS_PER_MS) >>> 0];
            if (bucket === undefined) service.record(receivedMs - sentMs);
            else (serviceCounts[bucket] as number)++;
            if (--untilSample === 0) sample((sent as Sent).row, receivedMs - dueMs);
            if (--left === 0) end(sent as Sent);
          } else {
            own = readFrame(lane, text, receivedMs, rest) ?? own;
            if (own !== undefined) {
              ({ head, slot, topic: ownTopic } = own);
              headLength = head.length;
            }
          }
          if (++messages < LOOK_EVERY) return;
          messages = 0;
          look(client, receivedMs);
          whenRead(now());
        } catch (error) {
          onFault("message", error);
        }
      };
    },
  };
}
