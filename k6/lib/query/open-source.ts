/** Questions of a pool in an open model: each due at a time set beforehand, asked by one client after the other. */
import type { VerifyForm } from "../../../src/plan/query.ts";
import { findShape } from "../../../src/query/catalogue.ts";
import { expectedOf, filtersOf } from "../../../src/query/question-line.ts";
import { arrivalsOf } from "../arrivals.ts";
import type { Ground } from "../driver.ts";
import type { FrameSource } from "../frames/frame-source.ts";
import type { Page, QuerySource, Question } from "./question.ts";

const LETTER_A = 97;

export interface OpenSourceOptions {
  readonly ratePerSecond: number;
  readonly verify: VerifyForm;
  /** At most so many pages of a question. */
  readonly pages: number;
  /** The pool's types. */
  readonly shapes: readonly string[];
  /** The VU's part of the pool. */
  readonly frames: FrameSource;
}

export function createOpenSource(ground: Ground, options: OpenSourceOptions): QuerySource {
  const { ratePerSecond, verify, pages, shapes, frames } = options;
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
      if (line !== undefined) lines.push(line);
      // Behind the shape stand this page and the last one.
      if (line !== undefined && line.charCodeAt(1) !== line.charCodeAt(2)) continue;
      const whole = lines;
      lines = [];
      return whole;
    }
  };

  const pageOf = (line: string): Page => ({
    filters: () => filtersOf(line),
    expected: () => (verify === "off" ? null : expectedOf(line)),
  });

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
      const row = whole[0] === undefined ? shapes.length : whole[0].charCodeAt(0) - LETTER_A;
      const dueMs = nextDueMs;
      nextDueMs = startMs + nextArrival();
      const verb = verbs[row] ?? "REQ";
      return { row, dueMs, client: null, verb, pages: whole.slice(0, pages).map(pageOf) };
    },
  };
}
