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
import { indexOf, substring } from "../hot.ts";
import { createLook } from "../look.ts";
import type { Deliveries } from "./deliveries.ts";
import type { DeliveryOptions } from "./options.ts";
import { ID_MEMBER, KEY_LENGTH, OWED, type Sent } from "./sent.ts";
import { type Lane, NOBODY, type Subscriptions, type Topic } from "./subscriptions.ts";

/** Of so many messages one is followed by a look at how long it had waited. */
const LOOK_EVERY = 16;
/** Of so many by a reading of the clock, though nothing seems to be due. */
const CLOCK_EVERY = 4;
/** So long without a frame ends a burst. */
const QUIET_MS = 5;

/** Behind `["EVENT","` and an id's first letter. */
const DIGITS_AT = 11;
/** What no frame begins with. */
const NO_FRAME = "\n";

export interface ListenerOptions extends Pick<DeliveryOptions, "largestFrame" | "whenRead"> {
  readonly subscriptions: Subscriptions;
  /** Of so many deliveries the time of one goes to k6's own trend. */
  readonly sampleEvery: number;
  readonly deliveries: Pick<Deliveries, "known" | "arrive" | "complete">;
  /** A frame that is not booked here. `number`: `NOBODY` for a subscription that is none of ours; `key`: of the event. */
  readonly takeFrame: (
    lane: Lane,
    number: number,
    key: string,
    receivedMs: number,
    size: number,
  ) => void;
}

export function createListener(ground: Ground, options: ListenerOptions) {
  const { subscriptions, largestFrame, whenRead, takeFrame, sampleEvery, deliveries } = options;
  const { seen, slots } = subscriptions;
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

  /** What frames of the last one begin with that `turn` found. */
  let foundHead = "";

  /** Whose a frame is, of a connection whose last one was of another; `NOBODY` where it is none of the usual form. */
  const turn = (lane: Lane, text: string): number => {
    const number = subscriptions.find(lane, text, DIGITS_AT);
    if (number === NOBODY) return NOBODY;
    foundHead = subscriptions.headOf(number);
    return indexOf(text, foundHead, 0) === 0 ? number : NOBODY;
  };

  /** A frame of which something is to be said, or that is none of an event; gives where its key is, −1 without one. */
  const takeOther = (lane: Lane, own: number, text: string, receivedMs: number, rest: Rest) => {
    const isEvent = indexOf(text, '["EVENT","', 0) === 0;
    const keyAt = isEvent ? indexOf(text, ID_MEMBER, indexOf(text, '"', DIGITS_AT) + 1) : -1;
    if (keyAt < 0) rest(lane.client, text, receivedMs);
    else {
      const key = substring(text, keyAt, keyAt + KEY_LENGTH);
      takeFrame(lane, own, key, receivedMs, text.length);
    }
    return keyAt;
  };

  return {
    flush,
    noteFrame,
    get came() {
      return came;
    },
    listen(lane: Lane, rest: Rest) {
      const { client } = lane;
      /** The subscription that the last event here was for, and where its key was: `gap` behind what it begins with. */
      let own = NOBODY;
      let topic: Topic | null = null;
      let head = NO_FRAME;
      let slot = 0;
      let gap = 0;
      let at = 0;
      let end = 0;
      let answers = 0;
      let answeredMs = 0;
      lane.plainFrames = () => ({ answers, answeredMs });
      return (message: SocketMessage): void => {
        // All that it needs, here: k6 begins each message with no stack, and takes twice what the function says at first.
        let receivedMs = 0;
        let text = "";
        let whose = own;
        let sent: Sent | undefined;
        let ms = 0;
        let bucket: number | undefined = 0;
        try {
          receivedMs = message.timestamp - offsetMs;
          text = message.data as string;
          if (indexOf(text, head, 0) !== 0) {
            whose = turn(lane, text);
            if (whose !== NOBODY) {
              own = whose;
              head = foundHead;
              slot = slots[own] as number;
              topic = subscriptions.topicOf(own);
              at = head.length + gap;
              end = at + KEY_LENGTH;
            }
          }
          if (whose !== NOBODY) sent = known.get(substring(text, at, end));
          if (
            sent !== undefined &&
            sent.topic === topic &&
            receivedMs <= sent.untilMs &&
            // So its place is awaited too: see `Subscriptions`.
            (seen[own] as number) < sent.order
          ) {
            sent.slots[slot] = receivedMs;
            seen[own] = sent.order;
            answers++;
            answeredMs = receivedMs;
            if (receivedMs > framedMs) {
              if (receivedMs - framedMs > QUIET_MS) noteFrame(sent.row, receivedMs);
              else framedMs = receivedMs;
            }
            if (sent.left-- === sent.whole) arrive(sent, receivedMs);
            if (sent.row !== row) turnTo(sent.row);
            size += text.length;
            // Else it is counted when it is known to be owed.
            if (sent.fate === OWED) {
              count++;
              // `record`, written out.
              ms = receivedMs - sent.dueMs;
              bucket = BUCKETS[(ms * UNITS_PER_MS) >>> 0];
              if (bucket === undefined || ms > responseKnown) {
                response.record(ms);
                responseKnown = response.known;
              } else (responseCounts[bucket] as number)++;
              if (--untilSample === 0) sample(ms);
              ms = receivedMs - sent.sentMs;
              bucket = BUCKETS[(ms * UNITS_PER_MS) >>> 0];
              if (bucket === undefined || ms > serviceKnown) {
                service.record(ms);
                serviceKnown = service.known;
              } else (serviceCounts[bucket] as number)++;
            }
            if (sent.left === 0) complete(sent);
          } else {
            const keyAt = takeOther(lane, whose, text, receivedMs, rest);
            if (keyAt >= 0 && whose !== NOBODY) {
              at = keyAt;
              end = at + KEY_LENGTH;
              gap = at - head.length;
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
