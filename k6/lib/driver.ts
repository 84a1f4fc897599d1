/**
 * What the VU's loop drives: a driver does the work of one class, in an open model of its own. Connections,
 * clock, recorder and the loop belong to all of them; no driver knows another. What it keeps of a client
 * is its own: an array by `client.index`.
 */
import type { Recorder } from "../../src/measure/recorder.ts";
import type { AnsweredOutcome } from "../../src/nostr/ok.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { Clock } from "./clock.ts";
import type { Client } from "./connection/client.ts";
import type { Holder } from "./connection/holder.ts";
import type { ReadMessage } from "./relay-message.ts";

/** What the VU has for all of its drivers. */
export interface Ground {
  readonly plan: Plan;
  /** This VU's place among the VUs: 0 … `plan.vus` − 1. */
  readonly share: number;
  readonly clients: readonly Client[];
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** Seconds since the window began. */
  readonly atSec: () => number;
  /** An answer on a connection; may be called for some that are not the first. */
  readonly prove: (client: Client) => void;
  readonly dialer: Dialer;
  /** What is thrown while a message is handled comes here: k6 would end the iteration, and exit with 0. */
  readonly onFault: (where: string, error: unknown) => void;
}

/** For a driver that says itself when a client has a connection. */
interface Dialer {
  /** Begins a handshake, which was counted as due in this row. */
  connect(client: Client, row: number): void;
  /** Ends a connection that is open. */
  close(client: Client): void;
}

/** When the VU's load begins (with the warm-up, if any), and its measured window, ms. */
export interface Schedule {
  readonly startMs: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

/** What a relay sent, as k6 hands it over. */
export interface SocketMessage {
  readonly data: string | ArrayBuffer;
  /** Unix ms of its reading from the socket. */
  readonly timestamp: number;
}

/** Takes what the leading driver's own handler does not know. */
export type Rest = (client: Client, data: string | ArrayBuffer, receivedMs: number) => void;

/** What a connection had of a driver when it ended. */
export interface Use {
  /** Under way on it. */
  readonly open: number;
  readonly answers: number;
  /** Of the last of them. */
  readonly answeredMs: number;
}

export interface Driver {
  /** When to be woken for what is due next; `Infinity` when there is nothing left. */
  readonly wakeMs: number;
  /** Sent, and without an end so far. */
  readonly open: number;
  /** Whatever was due is sent, or has had no place until the window's end. */
  readonly isThrough: boolean;
  /** Nothing is open or waits, and every place is free again: what must hold at the end. */
  readonly isSettled: boolean;
  /** What it has to do when connections are open and before anything is due, and whether that is done. */
  prepare?(): void;
  readonly isPrepared?: boolean;
  /** Nothing is due before. */
  start(schedule: Schedule): void;
  /** Sends what is due. */
  work(nowMs: number): void;
  /** A message that may be of its class: whether it was. */
  take(client: Client, message: ReadMessage, receivedMs: number): boolean;
  onOpen(client: Client): void;
  /** A connection is gone: what was open on it is lost. */
  onDrop(client: Client): void;
  useOf(client: Client): Use;
  /**
   * Gives up what has had no answer, or no place, for too long. With many connections it looks at a part of
   * them at each call, so that it makes no pause in sending.
   */
  expire(nowMs: number): void;
  /** This process had no turn for long: what became due meanwhile waits for a place from now on. */
  resume(nowMs: number): void;
  /** The window is over: what still waits is not sent any more. */
  endWindow(): void;
  /** Gives up all that is open. */
  giveUp(): void;
}

/** The driver whose messages are most of what comes: it has the first look at each. */
export interface LeadingDriver extends Driver {
  /** What a connection's messages are to be given to; it must not throw. */
  listen(client: Client, rest: Rest): (message: SocketMessage) => void;
  /** Says when a client has a connection; left out: all are opened before the schedule, and kept. */
  readonly holder?: Holder;
  /** Clients that can use the relay; left out: nobody asks. */
  readonly usable?: number;
}

/**
 * What follows each event that is published, by the cell that it is known by while it is in flight: what was sent
 * when, and what came of it.
 */
export interface Following {
  /** `line`: of the pool. */
  sent(cell: number, line: string, dueMs: number, sentMs: number): void;
  /** The plain OK came. */
  accepted(cell: number, receivedMs: number): void;
  /** Another OK came. */
  answered(cell: number, outcome: AnsweredOutcome, receivedMs: number): void;
  /** No OK came in time, or its connection is gone. */
  gaveUp(cell: number): void;
}
