/**
 * The hot path of subscribers. Of a frame two things are looked at, whose it is and which event: the first by what it begins
 * with, the second where the last one of its connection had it, as a relay writes all alike. A delivery of which nothing is to
 * be said is booked here, and what it counts is kept in variables, each a quarter of what a cell costs in k6's
 * interpreter, until `flush`: before figures are handed over.
 *
 * `"id":"` occurs in an EVENT as the member's name only: in texts quotes are escaped (RFC 8259), and tags are lists of
 * texts (NIP-01).
 */
import { D_BYTES, D_DELIVERED, D_FRAMES } from "../../../src/measure/classes/delivery.ts";
import { BUCKETS, Histogram, UNITS_PER_MS } from "../../../src/measure/histogram.ts";
import type { Ground, Rest, SocketMessage } from "../driver.ts";
import { charCodeAt, indexOf, substring } from "../hot.ts";
import { createLook } from "../look.ts";
import type { Deliveries } from "./deliveries.ts";
import type { DeliveryOptions } from "./options.ts";
import { AWAITED, ID_MEMBER, KEY_LENGTH, OWED } from "./sent.ts";
import type { Lane, Subscription, Topic } from "./subscription.ts";

/** Of so many messages one is followed by a look at how long it had waited. */
const LOOK_EVERY = 16;
/** Of so many by a reading of the clock, though nothing seems to be due. */
const CLOCK_EVERY = 4;
/** So long without a frame ends a burst. */
const QUIET_MS = 5;

/** Behind `["EVENT","`. */
const ID_AT = 10;
const LETTER_V = 86;

export interface ListenerOptions extends Pick<DeliveryOptions, "largestFrame" | "whenRead"> {
  /** Of so many deliveries the time of one goes to k6's own trend. */
  readonly sampleEvery: number;
  readonly deliveries: Pick<Deliveries, "known" | "arrive" | "complete">;
  /** A frame that is not booked here. `subscription`: `undefined` for one that is none of ours; `key`: of the event. */
  readonly takeFrame: (
    lane: Lane,
    subscription: Subscription | undefined,
    key: string,
    receivedMs: number,
    size: number,
  ) => void;
}

export function createListener(ground: Ground, options: ListenerOptions) {
  const { largestFrame, whenRead, takeFrame, sampleEvery, deliveries } = options;
  const { known, arrive, complete } = deliveries;
  const { clock, recorder, onFault } = ground;
  const { source, offsetMs } = clock;
  const book = recorder.books.delivery;
  const { times } = book;
  const [frames, delivered, bytes] = [D_FRAMES, D_DELIVERED, D_BYTES].map(
    (column) => book.columns[column],
  ) as [Float64Array, Float64Array, Float64Array];
  const look = createLook(ground, largestFrame);
  let messages = 0;
  /** When others have something due, and how long the message at the last reading of the clock had waited. */
  let nextMs = 0;
  let behindMs = 0;
  let untilSample = sampleEvery;
  /** The row of the last deliveries, what its times are kept in, and what is to be counted of it. */
  let row = -1;
  let response = new Histogram();
  let service = response;
  let responseCounts = response.counts;
  let serviceCounts = response.counts;
  let responseKnown = -1;
  let serviceKnown = -1;
  let count = 0;
  let size = 0;
  /** Deliveries that came here, over all. */
  let came = 0;
  /** When the last frame came, and the burst began that it is of. */
  let framedMs = 0;
  let burstMs = 0;

  const flush = (): void => {
    if (row < 0) return;
    (frames[row] as number) += count;
    (delivered[row] as number) += count;
    (bytes[row] as number) += size;
    came += count;
    count = 0;
    size = 0;
    // Histograms are handed over too.
    row = -1;
  };

  const turnTo = (next: number): void => {
    flush();
    row = next;
    response = times.response[row] as Histogram;
    service = times.service[row] as Histogram;
    responseCounts = response.counts;
    serviceCounts = service.counts;
    responseKnown = response.known;
    serviceKnown = service.known;
  };

  /** `own`: of the row of its event, where that is one of ours. */
  const noteFrame = (own: number | null, receivedMs: number): void => {
    // What another socket read before may have its turn behind it.
    if (receivedMs <= framedMs) return;
    if (own !== null && receivedMs - framedMs > QUIET_MS) {
      if (burstMs > 0) times.bursts[own]?.record(receivedMs - burstMs);
      burstMs = receivedMs;
    }
    framedMs = receivedMs;
  };

  const sample = (responseMs: number): void => {
    untilSample = sampleEvery;
    book.samples.push(row, responseMs);
  };

  /** Where the id's member was in the last frame that was read to the end. */
  let keyAt = 0;

  /** Gives the subscription that the frame is for. */
  const readFrame = (lane: Lane, text: string, receivedMs: number, rest: Rest) => {
    const { only } = lane;
    let subscription: Subscription | undefined;
    keyAt = -1;
    if (only !== null && indexOf(text, only.head, 0) === 0) {
      subscription = only;
      keyAt = indexOf(text, ID_MEMBER, only.head.length);
    } else if (charCodeAt(text, 3) === LETTER_V && indexOf(text, '["EVENT","', 0) === 0) {
      const end = indexOf(text, '"', ID_AT);
      subscription = lane.byId.get(substring(text, ID_AT, end));
      keyAt = indexOf(text, ID_MEMBER, end + 1);
    }
    if (keyAt < 0) {
      rest(lane.client, text, receivedMs);
      return undefined;
    }
    const key = substring(text, keyAt, keyAt + KEY_LENGTH);
    takeFrame(lane, subscription, key, receivedMs, text.length);
    return subscription;
  };

  return {
    flush,
    noteFrame,
    get came() {
      return came;
    },
    listen(lane: Lane, rest: Rest) {
      const { client } = lane;
      /** The subscription that the last event here was for, and where its key was. */
      let own: Subscription | undefined;
      let topic: Topic | null = null;
      let head = "";
      let slot = 0;
      let at = 0;
      let end = 0;
      let answers = 0;
      let answeredMs = 0;
      lane.plainFrames = () => ({ answers, answeredMs });
      return (message: SocketMessage): void => {
        try {
          const receivedMs = message.timestamp - offsetMs;
          const text = message.data as string;
          const sent =
            indexOf(text, head, 0) === 0 ? known.get(substring(text, at, end)) : undefined;
          if (
            sent !== undefined &&
            sent.topic === topic &&
            (own as Subscription).plainFrom < sent.order &&
            sent.slots[slot] === AWAITED &&
            sent.fate <= OWED &&
            receivedMs <= sent.untilMs
          ) {
            sent.slots[slot] = receivedMs;
            (own as Subscription).plainFrom = sent.order;
            (own as Subscription).last = sent;
            answers++;
            answeredMs = receivedMs;
            if (receivedMs > framedMs) {
              if (receivedMs - framedMs > QUIET_MS) noteFrame(sent.row, receivedMs);
              else framedMs = receivedMs;
            }
            if (sent.arrived++ === 0) arrive(sent, receivedMs);
            else if (receivedMs > sent.lastMs) sent.lastMs = receivedMs;
            else if (receivedMs < sent.firstMs) sent.firstMs = receivedMs;
            if (sent.row !== row) turnTo(sent.row);
            size += text.length;
            if (sent.fate === OWED) {
              count++;
              // `record`, written out.
              const responseMs = receivedMs - sent.dueMs;
              let bucket = BUCKETS[(responseMs * UNITS_PER_MS) >>> 0];
              if (bucket === undefined || responseMs > responseKnown) {
                response.record(responseMs);
                responseKnown = response.known;
              } else (responseCounts[bucket] as number)++;
              const serviceMs = receivedMs - sent.sentMs;
              bucket = BUCKETS[(serviceMs * UNITS_PER_MS) >>> 0];
              if (bucket === undefined || serviceMs > serviceKnown) {
                service.record(serviceMs);
                serviceKnown = service.known;
              } else (serviceCounts[bucket] as number)++;
              if (--untilSample === 0) sample(responseMs);
            } else {
              came++;
              sent.early.push(receivedMs);
            }
            if (--sent.left === 0) complete(sent);
          } else {
            own = readFrame(lane, text, receivedMs, rest) ?? own;
            if (own !== undefined) {
              ({ head, slot, topic } = own);
              at = keyAt;
              end = at + KEY_LENGTH;
            }
          }
          if (++messages % CLOCK_EVERY !== 0 && receivedMs + behindMs < nextMs) return;
          const nowMs = source.currentTestRunDuration;
          behindMs = nowMs - receivedMs;
          const isToLook = messages === LOOK_EVERY;
          if (isToLook) {
            messages = 0;
            look(client, receivedMs);
          }
          if (isToLook || nowMs >= nextMs) nextMs = whenRead(nowMs);
        } catch (error) {
          onFault("message", error);
        }
      };
    },
  };
}
