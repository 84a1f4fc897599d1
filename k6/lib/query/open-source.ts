/** Questions of a pool in an open model: each due at a time set beforehand, asked by one client after the other. */
import { findShape } from "../../../src/query/catalogue.ts";
import { arrivalsOf } from "../arrivals.ts";
import type { Ground } from "../driver.ts";
import type { FrameSource } from "../frames/frame-source.ts";
import { charCodeAt } from "../hot.ts";
import type { QuerySource, Question } from "./question.ts";

const LETTER_A = 97;

export interface OpenSourceOptions {
  readonly ratePerSecond: number;
  /** At most so many pages of a question. */
  readonly pages: number;
  /** The pool's types. */
  readonly shapes: readonly string[];
  /** The VU's part of the pool. */
  readonly frames: FrameSource;
}

export function createOpenSource(ground: Ground, options: OpenSourceOptions): QuerySource {
  const { ratePerSecond, pages, shapes, frames } = options;
  const nextArrival = arrivalsOf(ground, { name: "queries", ratePerSecond });
  const verbs = shapes.map((name) => findShape(name)?.verb ?? "REQ");
  let startMs = 0;
  let nextDueMs = Number.POSITIVE_INFINITY;
  /** Lines of a question whose last page has not been read so far. */
  let lines: string[] = [];

  /** All pages of the next question; none at the end, `null` while they are on their way. */
  const nextLines = (): readonly string[] | null => {
    for (;;) {
      const line = frames.next();
      if (line === undefined && frames.isStarved()) return null;
      if (line !== undefined) {
        lines.push(line);
        // Behind the shape stand this page and the last one.
        if (charCodeAt(line, 1) !== charCodeAt(line, 2)) continue;
      }
      const whole = lines;
      lines = [];
      return whole;
    }
  };

  return {
    get nextDueMs() {
      return nextDueMs;
    },
    get wakeMs() {
      return nextDueMs;
    },
    start(schedule) {
      ({ startMs } = schedule);
      nextDueMs = startMs + nextArrival();
    },
    work() {},
    skip() {
      const dueMs = nextDueMs;
      nextDueMs = startMs + nextArrival();
      return dueMs;
    },
    take(): Question | null {
      const whole = nextLines();
      if (whole === null) return null;
      const [first] = whole;
      const row = first === undefined ? shapes.length : charCodeAt(first, 0) - LETTER_A;
      const dueMs = nextDueMs;
      nextDueMs = startMs + nextArrival();
      const verb = verbs[row] ?? "REQ";
      return {
        row,
        dueMs,
        client: null,
        verb,
        pages: whole.length > pages ? whole.slice(0, pages) : whole,
      };
    },
  };
}
