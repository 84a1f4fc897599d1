/**
 * Connections: each handshake that was due, how its connection ended, and whether it could be used. Every scenario
 * has them; what is usable, alive and back again is counted where connections are what it is about.
 */
import type { ClassOfWork } from "../class-of-work.ts";

/**
 * Why a handshake was due: before the schedule began, or the first of its client; to have held connections whole;
 * the next session of a client; to have a connection back that was lost.
 */
export const CONNECTION_ROWS = ["ramp", "hold", "churn", "recovery"] as const;
export const RAMP = 0;
export const HOLD = 1;
export const CHURN = 2;
export const RECOVERY = 3;

export const connection = {
  unit: "a connection that is due",
  many: "connections",
  doneWord: "opened",
  title: "Connections: handshake until close",
  rowsAre: "phase",
  columns: [
    "due",
    "tried",
    "unsent",
    "opened",
    "failed",
    "unfinished",
    "closedByUs",
    "dropped",
    "openAtEnd",
    "reconnected",
    "stillDown",
    "asked",
    "usable",
    "refused",
    "mute",
    "probes",
    "answered",
    "unanswered",
    "interrupted",
    "recovered",
    "unrecovered",
  ],
  identities: [
    {
      text: "due = tried + unsent",
      left: "due",
      right: ["tried", "unsent"],
      rest: "unsent",
    },
    {
      text: "tried = opened + failed + unfinished",
      left: "tried",
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
    {
      text: "asked = usable + refused + mute",
      left: "asked",
      right: ["usable", "refused", "mute"],
      rest: "mute",
    },
    {
      text: "probes = answered + unanswered",
      left: "probes",
      right: ["answered", "unanswered"],
      rest: "unanswered",
    },
    {
      text: "interrupted = recovered + unrecovered",
      left: "interrupted",
      right: ["recovered", "unrecovered"],
      rest: "unrecovered",
    },
  ],
  times: {
    connect: "from the first packet to the upgrade",
    response: "from when it was due to the upgrade",
    usable: "from when it was due to its first EOSE",
    recovery: "from the loss of a usable connection until its client had one again",
    probe: "from a REQ on a held connection to its EOSE",
  },
  due: "due",
  sent: "tried",
  done: "opened",
  fine: ["opened"],
  failed: ["failed", "unfinished", "unsent"],
  hasWarmup: false,
  hasSchedule: false,
  seriesByRow: false,
  metrics: {
    tag: null,
    trends: { connect: "nostr_connect_time", usable: "nostr_usable_time" },
    counters: {
      due: "nostr_connections_due",
      opened: "nostr_connections_opened",
      failed: "nostr_connections_failed",
      dropped: "nostr_connections_dropped",
      refused: "nostr_connections_refused",
      mute: "nostr_connections_mute",
      unanswered: "nostr_probes_unanswered",
      unrecovered: "nostr_clients_unrecovered",
    },
    failed: "nostr_connect_failed",
  },
} as const satisfies ClassOfWork;

export const C_DUE = 0;
export const C_TRIED = 1;
/** There was no place for its handshake until the window's end. */
export const C_UNSENT = 2;
export const C_OPENED = 3;
export const C_FAILED = 4;
/** The run ended during the handshake. */
export const C_UNFINISHED = 5;
export const C_CLOSED_BY_US = 6;
/** Ended by the relay, or by what stands before it. */
export const C_DROPPED = 7;
/** Its Close frame got no answer. */
export const C_OPEN_AT_END = 8;
/** A client whose connection was dropped has one again; counted where the dropped one was opened. */
export const C_RECONNECTED = 9;
export const C_STILL_DOWN = 10;
/** A REQ was sent as it opened. */
export const C_ASKED = 11;
/** The first EOSE came: an open socket alone proves nothing. */
export const C_USABLE = 12;
/** CLOSED came instead. */
export const C_REFUSED = 13;
/** Neither came in time, or before the connection ended. */
export const C_MUTE = 14;
/** A REQ on a connection that is held, to see whether anybody is there. */
export const C_PROBES = 15;
export const C_ANSWERED = 16;
export const C_UNANSWERED = 17;
/** A client lost a connection that it could use. */
export const C_INTERRUPTED = 18;
export const C_RECOVERED = 19;
export const C_UNRECOVERED = 20;
