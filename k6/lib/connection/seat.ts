/** What the driver of connections knows of a client. */

export interface Seat {
  /** When the connection that it has, or tries to have, was due. */
  dueMs: number;
  isUsable: boolean;
  /** How the REQ of its opening ended, which counts once the relay knows who it is; `null`: none waits for that. */
  asked: "eose" | "auth" | null;
  /** Since when it lacks a connection that it could use; `null`: it lacks none. */
  lostMs: number | null;
  /** Why we end its connection: its session is over, or it is cut off. */
  closing: "session" | "cut" | null;
  /** On the connection that it has. */
  answers: number;
  answeredMs: number;
}

export function createSeat(): Seat {
  return {
    dueMs: 0,
    isUsable: false,
    asked: null,
    lostMs: null,
    closing: null,
    answers: 0,
    answeredMs: 0,
  };
}
