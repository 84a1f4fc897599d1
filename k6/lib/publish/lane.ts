/** What the publish driver keeps of a client: its publishes in flight, and those that wait for a place. */
import type { WebSocket } from "k6/websockets";
import type { Client } from "../connection/client.ts";
import { Fifo } from "../fifo.ts";
import type { SetPart } from "./sets.ts";

/** A publish that waits for a place among those in flight. */
export interface Waiting {
  readonly line: string;
  readonly row: number;
  readonly dueMs: number;
  readonly part: SetPart | null;
}

export interface Lane {
  readonly client: Client;
  /** Which relay of the plan it is of. */
  readonly relay: number;
  /** Of the connection that it has. As a member of its own: k6 takes 0.15 µs for each one on the way. */
  socket: WebSocket | null;
  /** How many more publishes may be in flight; 0 without a connection. */
  room: number;
  /** The plain OK of a publish in flight → its cell in the flight's columns. */
  readonly pending: Map<string, number>;
  /** The same texts of publishes that are timed out: a late OK may still come. */
  late: Set<string> | null;
  readonly waiting: Fifo<Waiting>;
  /** Of the connection that the client has: plain OKs, and when the last one came. */
  plainAnswers: () => { readonly answers: number; readonly answeredMs: number };
  otherAnswers: number;
}

export function createLane(client: Client, relay: number): Lane {
  return {
    client,
    relay,
    socket: null,
    room: 0,
    pending: new Map(),
    late: null,
    waiting: new Fifo(),
    plainAnswers: () => ({ answers: 0, answeredMs: 0 }),
    otherAnswers: 0,
  };
}
