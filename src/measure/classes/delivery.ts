/** Live delivery: each event that the relay accepted, owed to every subscription that asked for it and was open. */
import type { ClassOfWork } from "../class-of-work.ts";

/**
 * By the subscriptions of a topic, so that there are few however many topics there are; behind them subscriptions
 * that match nothing, and what came for none of ours.
 */
export const DELIVERY_ROWS = [
  "of-1",
  "of-2-9",
  "of-10-99",
  "of-100-999",
  "of-1000-up",
  "decoys",
  "strangers",
] as const;
export const DECOYS = 5;
export const STRANGERS = 6;

/** The row of a topic with so many subscriptions. */
export function rowOfTopic(subscriptions: number): number {
  return Math.min(
    4,
    Math.floor(Math.log10(Math.max(1, subscriptions)) + (subscriptions > 1 ? 1 : 0)),
  );
}

export const delivery = {
  unit: "an event owed to one subscription",
  many: "deliveries",
  doneWord: "delivered",
  title: "Delivery: publish until every subscriber",
  rowsAre: "topics by subscriptions",
  columns: [
    "due",
    "delivered",
    "late",
    "missing",
    "subscriptionLost",
    "supersededBefore",
    "frames",
    "duplicate",
    "unexpected",
    "unowed",
    "stored",
    "wrongSubscription",
    "foreign",
    "inverted",
    "invertedTies",
    "beforeEose",
    "bytes",
    "probes",
  ],
  identities: [
    {
      text: "due = delivered + late + missing + subscriptionLost + supersededBefore",
      left: "due",
      right: ["delivered", "late", "missing", "subscriptionLost", "supersededBefore"],
      // Its subscription ended with the VU.
      rest: "subscriptionLost",
    },
    {
      text: "frames = delivered + late + duplicate + unexpected",
      left: "frames",
      right: ["delivered", "late", "duplicate", "unexpected"],
    },
    {
      text: "unexpected = unowed + stored + wrongSubscription + foreign",
      left: "unexpected",
      right: ["unowed", "stored", "wrongSubscription", "foreign"],
    },
  ],
  times: {
    response: "from when it was due to be published to its frame",
    service: "from when it was published to its frame",
    spread: "from an event's first frame to its last",
    behindOk: "from an event's OK to its first frame, where the OK came first",
    bursts:
      "from the beginning of one burst of frames to that of the next, of all subscriptions of a VU",
    okAlone: "from when an event was published to its OK, before the subscriptions were opened",
    okBeside: "from when an event was published to its OK, with all of them open",
    aheadOfOk: "from an event's first frame to its OK, where the frame came first",
  },
  due: "due",
  sent: "due",
  done: "delivered",
  fine: ["delivered", "supersededBefore"],
  failed: ["late", "missing", "subscriptionLost"],
  hasWarmup: true,
  hasSchedule: false,
  seriesByRow: false,
  metrics: {
    tag: "topic",
    trends: { response: "nostr_delivery_time" },
    counters: {
      due: "nostr_deliveries_due",
      delivered: "nostr_deliveries",
      late: "nostr_deliveries_late",
      missing: "nostr_deliveries_missing",
      subscriptionLost: "nostr_deliveries_lost",
      duplicate: "nostr_delivery_duplicates",
      unexpected: "nostr_delivery_unexpected",
    },
    failed: "nostr_delivery_failed",
  },
} as const satisfies ClassOfWork;

export const D_DUE = 0;
export const D_DELIVERED = 1;
/** Behind the delivery timeout. */
export const D_LATE = 2;
/** The subscription was open, and went on. */
export const D_MISSING = 3;
/** The subscription was gone, or went, before it came. */
export const D_SUBSCRIPTION_LOST = 4;
/** The relay had a newer version already, and delivers what it has. */
export const D_SUPERSEDED_BEFORE = 5;
export const D_FRAMES = 6;
export const D_DUPLICATE = 7;
export const D_UNEXPECTED = 8;
/** Of an event that was not accepted, or was published before its subscription was open. */
export const D_UNOWED = 9;
/** Before EOSE, of an event from before the REQ. */
export const D_STORED = 10;
/** One of ours, for a subscription that does not match it. */
export const D_WRONG_SUBSCRIPTION = 11;
/** An event of nobody we know, or for no subscription of ours. */
export const D_FOREIGN = 12;
/** Behind one that was published later; of those, with the same `created_at`, where no order is promised. */
export const D_INVERTED = 13;
export const D_INVERTED_TIES = 14;
/** NIP-01: what comes before EOSE is stored. */
export const D_BEFORE_EOSE = 15;
export const D_BYTES = 16;
/** Of the events that tell whether subscriptions are open; no frame of the load. */
export const D_PROBES = 17;
