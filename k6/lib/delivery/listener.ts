/**
 * The hot path of subscribers: of a frame two things are looked at, whose it is and which event. `"id":"` occurs in
 * an EVENT as the member's name only: in texts quotes are escaped (RFC 8259), and tags are lists of texts (NIP-01).
 */
import type { Ground, Rest, SocketMessage } from "../driver.ts";
import { charCodeAt, indexOf, substring } from "../hot.ts";
import { createLook } from "../look.ts";
import type { DeliveryOptions } from "./options.ts";
import { ID_LENGTH } from "./sent.ts";
import type { Lane, Subscription } from "./subscription.ts";

/** Of so many messages one is followed by a look at the clock. */
const LOOK_EVERY = 16;

/** Behind `["EVENT","`. */
const ID_AT = 10;
const LETTER_V = 86;
const ID_MEMBER = '"id":"';

export interface ListenerOptions extends Pick<DeliveryOptions, "largestFrame" | "whenRead"> {
  /** `subscription`: `undefined` for one that is none of ours. */
  readonly takeFrame: (
    lane: Lane,
    subscription: Subscription | undefined,
    id: string,
    receivedMs: number,
    size: number,
  ) => void;
}

export function createListener(ground: Ground, options: ListenerOptions) {
  const { largestFrame, whenRead, takeFrame } = options;
  const { clock, onFault } = ground;
  const { now, offsetMs } = clock;
  const look = createLook(ground, largestFrame);
  let messages = 0;

  return (lane: Lane, rest: Rest) => (message: SocketMessage) => {
    try {
      const text = message.data as string;
      const receivedMs = message.timestamp - offsetMs;
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
        takeFrame(
          lane,
          subscription,
          substring(text, start, start + ID_LENGTH),
          receivedMs,
          text.length,
        );
      } else rest(lane.client, text, receivedMs);
      if (++messages < LOOK_EVERY) return;
      messages = 0;
      look(lane.client, receivedMs);
      whenRead(now());
    } catch (error) {
      onFault("message", error);
    }
  };
}
