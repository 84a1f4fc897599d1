/** Sets of several events that belong together, as a video's; events that are a set of their own are no part of it. */
import type { ClassOfWork } from "../class-of-work.ts";

export const set = {
  unit: "a set of several events",
  many: "sets",
  doneWord: "complete",
  title: "Multi-part sets: first part due until last OK",
  rowsAre: "event type",
  columns: ["started", "complete", "partial", "failed", "cutOff"],
  identities: [
    {
      text: "started = complete + partial + failed + cutOff",
      left: "started",
      right: ["complete", "partial", "failed", "cutOff"],
      rest: "cutOff",
    },
  ],
  times: { completion: "from when its first part was due to its last OK" },
  due: "started",
  sent: "started",
  done: "complete",
  fine: ["complete"],
  failed: ["partial", "failed", "cutOff"],
  hasWarmup: true,
  hasSchedule: false,
  seriesByRow: false,
  metrics: {
    tag: "event",
    trends: { completion: "nostr_set_completion_time" },
    counters: {},
    failed: null,
  },
} as const satisfies ClassOfWork;

export const SETS_STARTED = 0;
export const SETS_COMPLETE = 1;
/** Some parts were accepted, or none. */
export const SETS_PARTIAL = 2;
export const SETS_FAILED = 3;
/** The run ended before all its parts were due or had their outcome. */
export const SETS_CUT_OFF = 4;
