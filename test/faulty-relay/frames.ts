/**
 * What the faulty relay may do about an event, as data. Each frame says what a true report counts it
 * as, and under which name it belongs among the errors: that is written here by hand, from the NIPs
 * and the report's format, and never asked of the code under test.
 */

import type { RelayMessage } from "../../src/nostr/wire.ts";
import type { AnswerState } from "../../src/query/answer-check.ts";

/** Where a true report counts a frame; `null`: nowhere among the totals. */
export type Meaning =
  | "accepted"
  | "duplicate"
  | "superseded"
  | "unheard"
  | "rejected"
  | "lateOk"
  | "unknownOk"
  | "malformedFrames"
  | "notices"
  | null;

/** What a frame is to the question whose id is on it; the ledger of questions knows which is open. */
export interface Told {
  readonly id: string;
  readonly is: RowState | "eose" | "count" | "closed" | "refusal";
  /** What a true report says of the answer that this frame ends. */
  readonly state?: AnswerState;
}

export type RowState = "matching" | "duplicate" | "notMatching" | "foreign";

export interface Frame {
  readonly do: "send";
  /** Of an answer to a REQ or COUNT. */
  readonly told?: Told;
  /** A message of the protocol; text or bytes for what is none. */
  readonly data: RelayMessage | string | Buffer;
  readonly means: Meaning;
  /** `class/code` among the report's errors; `null` when it is no error. */
  readonly error: string | null;
  /** Sent so long after the event was received. */
  readonly afterMs: number;
}

/** Ends the connection: TCP reset, end of stream without a Close frame, or a Close frame with a code. */
export interface Cut {
  readonly do: "cut";
  readonly how: "reset" | "end" | number;
  /** So long behind what was sent before; at once, and before it is read, without it. */
  readonly afterMs?: number | undefined;
}

export type Action = Frame | Cut;

export const SOME_ID = "5".repeat(64);

export function frame(
  data: Frame["data"],
  means: Meaning,
  error: string | null = null,
  afterMs = 0,
): Frame {
  return { do: "send", data, means, error, afterMs };
}

export function accept(id: string, afterMs = 0): Frame {
  return frame(["OK", id, true, ""], "accepted", null, afterMs);
}

/** OK false with a text that a true report names `reject/<code>`. */
export function reject(id: string, code: string, text: string): Frame {
  return frame(["OK", id, false, text], "rejected", `reject/${code}`);
}

/** An OK that comes after the answer was given up. */
export function acceptLate(id: string, afterMs: number): Frame {
  return frame(["OK", id, true, ""], "lateOk", null, afterMs);
}

/** An OK that nobody awaits: a second one, or one for an id that was never sent. */
export function acceptUnasked(id: string): Frame {
  return frame(["OK", id, true, ""], "unknownOk", "unknownOk/unmatched");
}

export function notice(text: string, code: string): Frame {
  return frame(["NOTICE", text], "notices", `notice/${code}`);
}

/** What is no message of the protocol, with the name that a true report has for it. */
export function garbage(code: string, data: string | Buffer): Frame {
  return frame(data, "malformedFrames", `malformed/${code}`);
}

export function cut(how: Cut["how"], afterMs?: number): Cut {
  return { do: "cut", how, afterMs };
}
