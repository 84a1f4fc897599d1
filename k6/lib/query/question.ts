/** What a query is asked for, and where questions come from. */
import type { ExpectedAnswer } from "../../../src/query/expected-answer.ts";
import type { Client } from "../connection/client.ts";
import type { Schedule } from "../driver.ts";

/** What the answer should be; `null` where nobody knows, or it is not to be checked. */
export type Expected = ExpectedAnswer | number | null;

export interface Question {
  /** A row of the class, without the warm-up's. */
  readonly row: number;
  readonly dueMs: number;
  /** Who asks; `null`: whose turn it is. */
  readonly client: Client | null;
  readonly verb: "REQ" | "COUNT";
  /**
   * A line each (`src/query/question-line.ts`), read when it is asked. The first one is due then, each other one
   * when the one before it is answered. None: no question was left.
   */
  readonly pages: readonly string[];
}

export interface QuerySource {
  /** When the next question is due; `Infinity` when none is left. */
  readonly nextDueMs: number;
  /** When it has something to do the next time, before a question is due or with it. */
  readonly wakeMs: number;
  start(schedule: Schedule): void;
  /** Prepares what will be due. */
  work(nowMs: number): void;
  /** The next question; `null` when it is on its way and will be here soon. */
  take(): Question | null;
  /** Leaves the next one unasked and gives when it was due; `null` where a question is a certain client's. */
  readonly skip: (() => number) | null;
}
