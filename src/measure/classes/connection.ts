/** Connections, as far as every scenario has them: each handshake that was tried, and how its connection ended. */
import type { ClassOfWork } from "../class-of-work.ts";

/** Handshakes before the schedule began, and behind that. */
export const CONNECTION_ROWS = ["ramp", "hold"] as const;
export const RAMP = 0;
export const HOLD = 1;

export const connection = {
  unit: "a handshake that is due",
  many: "connections",
  doneWord: "opened",
  title: "Connections: handshake until close",
  rowsAre: "phase",
  columns: [
    "due",
    "opened",
    "failed",
    "unfinished",
    "closedByUs",
    "dropped",
    "openAtEnd",
    "reconnected",
    "stillDown",
  ],
  identities: [
    {
      text: "due = opened + failed + unfinished",
      left: "due",
      right: ["opened", "failed", "unfinished"],
      rest: "unfinished",
    },
    {
      text: "opened = closedByUs + dropped + openAtEnd",
      left: "opened",
      right: ["closedByUs", "dropped", "openAtEnd"],
      rest: "openAtEnd",
    },
    {
      text: "dropped = reconnected + stillDown",
      left: "dropped",
      right: ["reconnected", "stillDown"],
      rest: "stillDown",
    },
  ],
  times: { connect: "from the first packet to the upgrade" },
  due: "due",
  sent: "due",
  done: "opened",
  fine: ["opened"],
  failed: ["failed", "unfinished"],
  hasWarmup: false,
  hasSchedule: false,
  seriesByRow: false,
  metrics: {
    tag: null,
    trends: { connect: "nostr_connect_time" },
    counters: {},
    failed: null,
  },
} as const satisfies ClassOfWork;

export const C_DUE = 0;
export const C_OPENED = 1;
export const C_FAILED = 2;
/** The run ended during the handshake. */
export const C_UNFINISHED = 3;
export const C_CLOSED_BY_US = 4;
/** Ended by the relay, or by what stands before it. */
export const C_DROPPED = 5;
/** Its Close frame got no answer. */
export const C_OPEN_AT_END = 6;
/** A client whose connection was dropped has one again; counted where the dropped one was opened. */
export const C_RECONNECTED = 7;
export const C_STILL_DOWN = 8;
