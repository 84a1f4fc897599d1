/**
 * The questions of sessions: each is due a drawn time before the view event that its session ends with, on the
 * same connection, and never waits for another. To know the views in advance, the same part of the pool is
 * read a second time, ahead of what publishes them.
 */
import {
  drawSession,
  FEED_FILTER,
  filterForView,
  LONGEST_SESSION_MS,
  QUERIES,
} from "../../../src/load/sessions.ts";
import { HEADER_LENGTH } from "../../../src/pool/format.ts";
import { formatUnknown } from "../../../src/query/question-line.ts";
import { seededRandom } from "../../../src/random.ts";
import { arrivalsOf } from "../arrivals.ts";
import type { Client } from "../connection/client.ts";
import type { Ground } from "../driver.ts";
import { DueQueue } from "../due-queue.ts";
import type { FrameSource } from "../frames/frame-source.ts";
import type { QuerySource, Question } from "./question.ts";

const LETTER_A = 97;
const FIRST_PART = 48;
const FEED = QUERIES.indexOf("feed");
const CHOOSE = QUERIES.indexOf("choose");
/** So many lines a turn: events are due meanwhile. */
const MOST_LINES_A_TURN = 64;

export interface SessionOptions {
  /** The place of `view` among the pool's types. */
  readonly viewType: number;
  /** The VU's part of the pool, and how to open it from its start again. */
  readonly frames: FrameSource;
  readonly openFrames: () => Promise<FrameSource>;
}

export function createSessions(ground: Ground, options: SessionOptions): QuerySource {
  const { plan, share, clients } = ground;
  const { viewType, openFrames } = options;
  // Sessions that end behind the schedule's end begin within it: the rate of queries holds to the end.
  const nextArrival = arrivalsOf(ground, {
    name: "arrivals",
    ratePerSecond: plan.rateEps,
    behindMs: LONGEST_SESSION_MS,
  });
  const random = seededRandom(plan.seed, `sessions/${share}`);
  const planned = new DueQueue<Question>();
  let frames = options.frames;
  let isReopening = false;
  let startMs = 0;
  let endMs = 0;
  let nextLineMs = Number.POSITIVE_INFINITY;
  let turn = 0;

  /** Behind the pool's end, views of its start stand for those that would follow. */
  const reopen = (): void => {
    if (isReopening) return;
    isReopening = true;
    void openFrames().then((again) => {
      frames = again;
      isReopening = false;
    });
  };

  const planSession = (line: string, viewMs: number): void => {
    const client = clients[turn] as Client;
    const before = drawSession(random);
    const found = filterForView(line.substring(HEADER_LENGTH));
    planQuery(FEED, viewMs - before.feed, client, FEED_FILTER);
    if (found !== null) planQuery(CHOOSE, viewMs - before.choose, client, found);
  };

  const planQuery = (row: number, dueMs: number, client: Client, filters: string): void => {
    if (dueMs < startMs || dueMs >= endMs) return;
    planned.push({
      row,
      dueMs,
      client,
      verb: "REQ",
      pages: [formatUnknown(row, filters)],
    });
  };

  return {
    skip: null,
    get nextDueMs() {
      return planned.nextMs;
    },
    get wakeMs() {
      return Math.min(planned.nextMs, nextLineMs - LONGEST_SESSION_MS);
    },
    start(schedule) {
      ({ startMs, windowEndMs: endMs } = schedule);
      nextLineMs = startMs + nextArrival();
    },
    work(nowMs) {
      for (let n = 0; n < MOST_LINES_A_TURN && nextLineMs - LONGEST_SESSION_MS <= nowMs; n++) {
        const line = frames.next();
        if (line === undefined) {
          if (!frames.isStarved()) reopen();
          return;
        }
        // As the events are sent: a set stays on its connection, the next goes to the next.
        if (line.charCodeAt(1) === FIRST_PART) turn = turn + 1 === clients.length ? 0 : turn + 1;
        if (line.charCodeAt(0) - LETTER_A === viewType) planSession(line, nextLineMs);
        nextLineMs = startMs + nextArrival();
      }
    },
    take: () => planned.pop() ?? null,
  };
}
