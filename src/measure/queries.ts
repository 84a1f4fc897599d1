/**
 * The accounting of queries (REQ until EOSE):
 *
 *     scheduled = sent + noConnection
 *     sent = eose + closed + timedOut + lost
 */
export const QUERY_COLUMNS = [
  "scheduled",
  "sent",
  "noConnection",
  "eose",
  "closed",
  "timedOut",
  "lost",
  "events",
  "eventsBehind",
] as const;

export type QueryColumn = (typeof QUERY_COLUMNS)[number];

export const Q_SCHEDULED = 0;
export const Q_SENT = 1;
export const Q_NO_CONNECTION = 2;
export const Q_EOSE = 3;
export const Q_CLOSED = 4;
export const Q_TIMED_OUT = 5;
export const Q_LOST = 6;
export const Q_EVENTS = 7;
/** Events that came when their query had its end. */
export const Q_EVENTS_BEHIND = 8;
