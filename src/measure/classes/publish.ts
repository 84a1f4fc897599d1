/** Publishing: every event of the schedule ends in exactly one outcome. */
import type { ClassOfWork } from "../class-of-work.ts";

export const publish = {
  unit: "an event of the schedule",
  many: "events",
  doneWord: "accepted",
  title: "Publishing: EVENT until OK",
  rowsAre: "event type",
  columns: [
    "scheduled",
    "attempted",
    "accepted",
    "duplicate",
    "superseded",
    "rejected",
    "timedOut",
    "lost",
    "backpressure",
    "noConnection",
    "poolExhausted",
    "unheard",
  ],
  identities: [
    {
      text: "scheduled = attempted + unsent (backpressure, noConnection, poolExhausted)",
      left: "scheduled",
      right: ["attempted", "backpressure", "noConnection", "poolExhausted"],
      rest: "backpressure",
    },
    {
      text: "attempted = accepted + duplicate + superseded + unheard + rejected + timedOut + lost",
      left: "attempted",
      right: ["accepted", "duplicate", "superseded", "unheard", "rejected", "timedOut", "lost"],
      rest: "lost",
    },
  ],
  times: {
    response: "from when it was due to its OK",
    service: "from when it was sent to its OK",
  },
  due: "scheduled",
  sent: "attempted",
  done: "accepted",
  fine: ["accepted", "duplicate", "superseded", "unheard"],
  failed: ["rejected", "timedOut", "lost", "backpressure", "noConnection", "poolExhausted"],
  hasWarmup: true,
  hasSchedule: true,
  seriesByRow: false,
  metrics: {
    tag: "event",
    trends: { response: "nostr_publish_response_time", service: "nostr_publish_service_time" },
    counters: {
      scheduled: "nostr_events_scheduled",
      attempted: "nostr_events_attempted",
      accepted: "nostr_events_accepted",
      rejected: "nostr_events_rejected",
      timedOut: "nostr_events_timed_out",
      lost: "nostr_events_lost",
    },
    failed: "nostr_publish_failed",
  },
} as const satisfies ClassOfWork;

export const SCHEDULED = 0;
export const ATTEMPTED = 1;
export const ACCEPTED = 2;
export const DUPLICATE = 3;
export const SUPERSEDED = 4;
export const REJECTED = 5;
export const TIMED_OUT = 6;
export const LOST = 7;
export const BACKPRESSURE = 8;
export const NO_CONNECTION = 9;
export const POOL_EXHAUSTED = 10;
/** An ephemeral event that the relay turned down since nobody listened (NIP-01, `mute:`): no failure. */
export const UNHEARD = 11;
