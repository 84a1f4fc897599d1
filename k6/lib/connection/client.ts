/** One client of a VU: the connection that it has, or tries to have. What is under way on it, each driver knows. */
import type { WebSocket } from "k6/websockets";
import type { Random } from "../../../src/random.ts";
import type { Target } from "./targets.ts";

export const CONNECTING = 0;
export const OPEN = 1;
export const DOWN = 2;
export const CLOSING = 3;

/** Stands where no socket has been opened yet: the state says that it is not to be used. */
const NO_SOCKET = {} as WebSocket;

/** Fourteen members, as many as Go keeps in a map of 16 places: with another one it takes twice as many. */
export interface Client {
  readonly target: Target;
  /** Its place among the VU's clients. */
  readonly index: number;
  /** The last one that was opened; to be used in the state `OPEN` only. */
  socket: WebSocket;
  state: number;
  /** Tries in a row that led to no connection that proved itself. */
  failures: number;
  /** Row of the handshake that it has or tries, and of the last one that the relay ended; −1: none is missing. */
  row: number;
  droppedRow: number;
  /** How the last connection ended that the relay ended: a close code, or its absence in words. */
  endedBy: string;
  /** When its last handshake began. */
  startedMs: number;
  /** All below is of the connection that it has. */
  openedMs: number;
  isProven: boolean;
  /** The last frame from the relay, and to it, but for those that the leading driver's handler knows. */
  heardMs: number;
  toldMs: number;
  /** When it was pinged last, or opened. */
  pingedMs: number;
}

export function createClient(target: Target, index: number): Client {
  return {
    target,
    index,
    socket: NO_SOCKET,
    state: DOWN,
    failures: 0,
    row: 0,
    droppedRow: -1,
    endedBy: "",
    startedMs: 0,
    openedMs: 0,
    isProven: false,
    heardMs: 0,
    toldMs: 0,
    pingedMs: 0,
  };
}

/** Where so many draws found none, few fit. */
const MOST_DRAWS = 20;

/** Any client with a connection that fits. */
export function drawClient(
  clients: readonly Client[],
  random: Random,
  fits: (client: Client) => boolean,
): Client | null {
  for (let n = 0; n < MOST_DRAWS; n++) {
    const client = clients[Math.floor(random() * clients.length)] as Client;
    if (client.state === OPEN && fits(client)) return client;
  }
  return null;
}
