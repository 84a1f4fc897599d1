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

/** Times that an event takes from its first receiver to the one of a rank: by the share of receivers that have it by then. */
export const RANKS = [
  ["spread25", 0.25],
  ["spread50", 0.5],
  ["spread75", 0.75],
  ["spread90", 0.9],
] as const;

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
    "unfinished",
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
    "lostSubscriptions",
  ],
  identities: [
    {
      text: "due = delivered + late + missing + subscriptionLost + supersededBefore + unfinished",
      left: "due",
      right: ["delivered", "late", "missing", "subscriptionLost", "supersededBefore", "unfinished"],
      rest: "unfinished",
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
    spread25:
      "from an event's first frame to the one with which a quarter of its receivers have it",
    spread50: "from an event's first frame to the one with which half of its receivers have it",
    spread75: "from an event's first frame to the one with which three quarters have it",
    spread90: "from an event's first frame to the one with which nine in ten have it",
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
  fine: ["delivered", "supersededBefore", "unfinished"],
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
      lostSubscriptions: "nostr_subscriptions_lost",
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
/** Column 6, `unfinished`, is what a VU that was cut off had not settled: nobody knows whether it would have come. */
export const D_FRAMES = 7;
export const D_DUPLICATE = 8;
export const D_UNEXPECTED = 9;
/** Of an event that was not accepted, or was published before its subscription was open. */
export const D_UNOWED = 10;
/** Before EOSE, of an event from before the REQ. */
export const D_STORED = 11;
/** One of ours, for a subscription that does not match it. */
export const D_WRONG_SUBSCRIPTION = 12;
/** An event of nobody we know, or for no subscription of ours. */
export const D_FOREIGN = 13;
/** Behind one that was published later; of those, with the same `created_at`, where no order is promised. */
export const D_INVERTED = 14;
export const D_INVERTED_TIES = 15;
/** NIP-01: what comes before EOSE is stored. */
export const D_BEFORE_EOSE = 16;
export const D_BYTES = 17;
/** Of the events that tell whether subscriptions are open; no frame of the load. */
export const D_PROBES = 18;
/** Subscriptions, not deliveries: one was open when the load began or later, and ended, however. */
export const D_LOST_SUBSCRIPTIONS = 19;
