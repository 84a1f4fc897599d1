/** One client of a VU: the connection that it has, or tries to have, and what is under way on it. */
import type { WebSocket } from "k6/websockets";
import { Fifo } from "./fifo.ts";
import type { SetPart } from "./sets.ts";
import type { Target } from "./targets.ts";

export const CONNECTING = 0;
export const OPEN = 1;
export const DOWN = 2;
export const CLOSING = 3;

/** Stands where no socket has been opened yet: the state says that it is not to be used. */
const NO_SOCKET = {} as WebSocket;

/** A publish that waits for a place among those in flight. */
export interface Waiting {
  readonly line: string;
  readonly row: number;
  readonly dueMs: number;
  readonly part: SetPart | null;
}

/** A REQ that has had no EOSE. */
export interface Query {
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface Client extends Target {
  /** The last one that was opened; to be used in the state `OPEN` only. */
  socket: WebSocket;
  state: number;
  inFlight: number;
  /** The plain OK of a publish in flight → its cell in the flight's columns. */
  readonly pending: Map<string, number>;
  /** The same texts of publishes that are timed out: a late OK may still come. */
  late: Set<string> | null;
  readonly waiting: Fifo<Waiting>;
  /** By subscription id. */
  readonly queries: Map<string, Query>;
  /** Tries in a row that led to no connection that proved itself. */
  failures: number;
  tried: boolean;
  everOpened: boolean;
  /** All below is of the connection that it has. */
  openedMs: number;
  isProven: boolean;
  /** Plain OKs, and when the last one came: what it answered had been sent just before. */
  answered: () => { readonly answers: number; readonly answeredMs: number };
  /** Other OKs; and the last frame but plain OKs from the relay, and but publishes to it. */
  otherAnswers: number;
  heardMs: number;
  toldMs: number;
}

export function createClient(target: Target): Client {
  return {
    ...target,
    socket: NO_SOCKET,
    state: DOWN,
    inFlight: 0,
    pending: new Map(),
    late: null,
    waiting: new Fifo(),
    queries: new Map(),
    failures: 0,
    tried: false,
    everOpened: false,
    openedMs: 0,
    isProven: false,
    answered: () => ({ answers: 0, answeredMs: 0 }),
    otherAnswers: 0,
    heardMs: 0,
    toldMs: 0,
  };
}
