/** What the driver of connections knows of a client. */
import { type ReconnectPolicy, Reconnects } from "../../../src/load/reconnect.ts";
import type { Random } from "../../../src/random.ts";

export interface Seat {
  readonly reconnects: Reconnects;
  /** When the connection that it has, or tries to have, was due. */
  dueMs: number;
  isUsable: boolean;
  /** Since when it lacks a connection that it could use; `null`: it lacks none. */
  lostMs: number | null;
  /** Why we end its connection: its session is over, or it is cut off. */
  closing: "session" | "cut" | null;
  /** When its session ends. */
  endMs: number;
  /** On the connection that it has. */
  answers: number;
  answeredMs: number;
}

export function createSeat(policy: ReconnectPolicy, random: Random): Seat {
  return {
    reconnects: new Reconnects(policy, random),
    dueMs: 0,
    isUsable: false,
    lostMs: null,
    closing: null,
    endMs: Number.POSITIVE_INFINITY,
    answers: 0,
    answeredMs: 0,
  };
}
