/** What the publish driver is given beside what all drivers have. */
import type { Following } from "../driver.ts";
import type { FrameSource } from "../frames/frame-source.ts";

export interface PublishOptions {
  /** Rows of one phase: the event types and one for events that never got a type. */
  readonly types: number;
  /** By type: its events may be of an ephemeral kind. */
  readonly mayBeEphemeral: readonly boolean[];
  /** Bytes of the pool's largest frame. */
  readonly largestFrame: number;
  /** The pool has sets of several parts. */
  readonly hasSets: boolean;
  readonly frames: FrameSource;
  /** Of so many accepted publishes one is noted for the read-back; 0: of none. */
  readonly auditEvery: number;
  /** Whoever wants to know of each event; nobody costs nothing. */
  readonly following?: Following;
}
