/** Queries: a REQ or COUNT until its end, and what was in the answer. */
import type { ClassOfWork } from "../class-of-work.ts";

export const query = {
  unit: "a REQ or COUNT until its end",
  many: "queries",
  doneWord: "answered",
  title: "Queries: REQ until EOSE",
  rowsAre: "query",
  columns: [
    "scheduled",
    "sent",
    "backpressure",
    "noConnection",
    "exhausted",
    "eose",
    "closed",
    "refusedByNotice",
    "timedOut",
    "lost",
    "right",
    "truncated",
    "short",
    "wrong",
    "unchecked",
    "rows",
    "matching",
    "duplicate",
    "notMatching",
    "foreign",
    "uncheckedRows",
    "rowsBehind",
    "boundaryDuplicate",
    "empty",
    "late",
    "bytes",
  ],
  identities: [
    {
      text: "scheduled = sent + unsent (backpressure, noConnection, exhausted)",
      left: "scheduled",
      right: ["sent", "backpressure", "noConnection", "exhausted"],
      rest: "backpressure",
    },
    {
      text: "sent = eose + closed + refusedByNotice + timedOut + lost",
      left: "sent",
      right: ["eose", "closed", "refusedByNotice", "timedOut", "lost"],
      rest: "lost",
    },
    {
      text: "eose = right + truncated + short + wrong + unchecked",
      left: "eose",
      right: ["right", "truncated", "short", "wrong", "unchecked"],
      // Whether an answer was cut at a bound may be known behind others only.
      rest: "unchecked",
    },
    {
      text: "rows = matching + duplicate + notMatching + foreign + uncheckedRows",
      left: "rows",
      right: ["matching", "duplicate", "notMatching", "foreign", "uncheckedRows"],
    },
  ],
  times: {
    response: "from when it was due to its EOSE",
    service: "from when it was sent to its EOSE",
    firstEvent: "from when it was sent to its first row, of those that have one",
    page: "from when it was sent to its EOSE, of the pages behind a first one",
  },
  due: "scheduled",
  sent: "sent",
  done: "eose",
  fine: ["eose"],
  failed: [
    "closed",
    "refusedByNotice",
    "timedOut",
    "lost",
    "backpressure",
    "noConnection",
    "exhausted",
  ],
  hasWarmup: true,
  hasSchedule: true,
  seriesByRow: true,
  metrics: {
    tag: "query",
    trends: { response: "nostr_query_time" },
    counters: {
      scheduled: "nostr_queries_scheduled",
      sent: "nostr_queries_sent",
      eose: "nostr_queries_answered",
      short: "nostr_query_short",
      wrong: "nostr_query_wrong",
      rows: "nostr_query_rows",
    },
    failed: "nostr_query_failed",
  },
} as const satisfies ClassOfWork;

export const Q_SCHEDULED = 0;
export const Q_SENT = 1;
export const Q_BACKPRESSURE = 2;
export const Q_NO_CONNECTION = 3;
/** No question was left. */
export const Q_EXHAUSTED = 4;
/** EOSE came, or the number of a COUNT. */
export const Q_EOSE = 5;
export const Q_CLOSED = 6;
/** A NOTICE came while it was the only one open on its connection. */
export const Q_REFUSED_BY_NOTICE = 7;
export const Q_TIMED_OUT = 8;
export const Q_LOST = 9;
export const Q_RIGHT = 10;
export const Q_TRUNCATED = 11;
export const Q_SHORT = 12;
export const Q_WRONG = 13;
export const Q_UNCHECKED = 14;
export const Q_ROWS = 15;
export const Q_MATCHING = 16;
export const Q_DUPLICATE = 17;
export const Q_NOT_MATCHING = 18;
/** Matches its filter and is not of the corpus: a live event, or somebody else's. */
export const Q_FOREIGN = 19;
export const Q_UNCHECKED_ROWS = 20;
/** Rows that came when their query had its end. */
export const Q_ROWS_BEHIND = 21;
/** Rows of a page that were on the one before it: `until` is inclusive (NIP-01). */
export const Q_BOUNDARY_DUPLICATE = 22;
/** Answered without a row. */
export const Q_EMPTY = 23;
/** Answered later than nostr-tools waits. */
export const Q_LATE = 24;
/** Of all frames that came for it. */
export const Q_BYTES = 25;
