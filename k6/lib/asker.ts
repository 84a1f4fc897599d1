/**
 * The queries of sessions, in an open model of their own: each is due a drawn time before the view event
 * that its session ends with, on the same connection, and never waits for another. To know the views in
 * advance, the same part of the pool is read a second time, ahead of the publisher.
 */
import { createArrivals } from "../../src/load/arrivals.ts";
import {
  drawSession,
  FEED_FILTER,
  filterForView,
  LONGEST_SESSION_MS,
  QUERIES,
} from "../../src/load/sessions.ts";
import type { Histogram } from "../../src/measure/histogram.ts";
import {
  Q_CLOSED,
  Q_EOSE,
  Q_EVENTS,
  Q_EVENTS_BEHIND,
  Q_LOST,
  Q_NO_CONNECTION,
  Q_SCHEDULED,
  Q_SENT,
  Q_TIMED_OUT,
} from "../../src/measure/queries.ts";
import { MOST_SAMPLES, type Recorder } from "../../src/measure/recorder.ts";
import { messagePrefix } from "../../src/nostr/ok.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { HEADER_LENGTH } from "../../src/pool/format.ts";
import { seededRandom } from "../../src/random.ts";
import { type Client, OPEN, type Query } from "./client.ts";
import type { Clock } from "./clock.ts";
import { DueQueue } from "./due-queue.ts";
import type { FrameSource } from "./frame-source.ts";
import type { ReadMessage } from "./relay-message.ts";

const LETTER_A = 97;
const FIRST_PART = 48;
const FEED = QUERIES.indexOf("feed");
const CHOOSE = QUERIES.indexOf("choose");
/** A subscription's id begins with its query's: an event behind its end is known by it. */
const INITIALS = QUERIES.map((name) => name.charAt(0));
/** So many lines and queries a turn: events are due meanwhile. */
const MOST_LINES_A_TURN = 64;
const MOST_SENDS_A_TURN = 16;

interface Planned {
  readonly dueMs: number;
  readonly row: number;
  readonly client: Client;
  readonly filter: string;
}

export interface AskerOptions {
  readonly plan: Plan;
  readonly share: number;
  /** The place of `view` among the pool's types. */
  readonly viewType: number;
  readonly clients: readonly Client[];
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** The VU's part of the pool, and how to open it from its start again. */
  readonly frames: FrameSource;
  readonly openFrames: () => Promise<FrameSource>;
  readonly atSec: () => number;
}

type QueryAnswer = Extract<ReadMessage, { readonly type: "EVENT" | "EOSE" | "CLOSED" }>;

export interface Asker {
  readonly nextDueMs: number;
  /** Queries without an end. */
  readonly open: number;
  /** Sets the schedule's start, and that of the measured window. */
  start(startMs: number, windowStartMs: number, windowEndMs: number): void;
  /** Plans sessions that begin soon, and sends what is due. */
  ask(nowMs: number): void;
  onAnswer(client: Client, answer: QueryAnswer, receivedMs: number): void;
  onDrop(client: Client): void;
  /** Gives up queries of a client that have waited for too long; all of them at `Infinity`. */
  expire(client: Client, nowMs: number): void;
}

export function createAsker(options: AskerOptions): Asker {
  const { plan, share, viewType, clients, clock, recorder, openFrames, atSec } = options;
  const scheduleMs = (plan.warmupSec + plan.durationSec) * 1_000;
  // Sessions that end behind the schedule's end begin within it: the rate of queries holds to the end.
  const nextArrival = createArrivals({
    kind: plan.arrival,
    ratePerSecond: plan.rateEps,
    durationMs: scheduleMs + LONGEST_SESSION_MS,
    share,
    shares: plan.vus,
    random: seededRandom(plan.seed, `arrivals/${share}`),
  });
  const random = seededRandom(plan.seed, `sessions/${share}`);
  const planned = new DueQueue<Planned>();
  let frames = options.frames;
  let isReopening = false;
  let startMs = 0;
  let windowStartMs = 0;
  let endMs = 0;
  let nextLineMs = Number.POSITIVE_INFINITY;
  let turn = 0;
  let number = 0;
  let open = 0;
  let answered = 0;
  // At most two queries an event of the schedule.
  const sampleEvery = Math.ceil((2 * plan.rateEps * plan.durationSec) / MOST_SAMPLES);

  const count = (row: number, column: number): void => {
    const cells = recorder.queries[column] as Float64Array;
    cells[row] = (cells[row] as number) + 1;
  };
  /** Queries of the warm-up are asked and not counted. */
  const countOf = (query: Query, column: number): void => {
    if (query.dueMs >= windowStartMs) count(query.row, column);
  };

  const planAhead = (nowMs: number): void => {
    for (let n = 0; n < MOST_LINES_A_TURN && nextLineMs - LONGEST_SESSION_MS <= nowMs; n++) {
      const line = frames.next();
      if (line === undefined) {
        if (!frames.isStarved()) reopen();
        return;
      }
      // As the publisher has it: a set stays on its connection, the next goes to the next.
      if (line.charCodeAt(1) === FIRST_PART) turn = turn + 1 === clients.length ? 0 : turn + 1;
      if (line.charCodeAt(0) - LETTER_A === viewType) planSession(line, nextLineMs);
      nextLineMs = startMs + nextArrival();
    }
  };

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

  const planQuery = (row: number, dueMs: number, client: Client, filter: string): void => {
    if (dueMs >= startMs && dueMs < endMs) planned.push({ dueMs, row, client, filter });
  };

  const send = ({ client, dueMs, row, filter }: Planned): void => {
    const isMeasured = dueMs >= windowStartMs;
    if (isMeasured) count(row, Q_SCHEDULED);
    if (client.state !== OPEN) {
      if (isMeasured) count(row, Q_NO_CONNECTION);
      return;
    }
    const id = `${INITIALS[row]}${++number}`;
    const query: Query = { row, dueMs, sentMs: clock.now() };
    client.socket.send(`["REQ","${id}",${filter}]`);
    client.queries.set(id, query);
    open++;
    if (isMeasured) count(row, Q_SENT);
  };

  const end = (client: Client, id: string, query: Query, column: number): void => {
    client.queries.delete(id);
    open--;
    countOf(query, column);
  };

  return {
    get nextDueMs() {
      return Math.min(planned.nextMs, nextLineMs - LONGEST_SESSION_MS);
    },
    get open() {
      return open;
    },
    start(atMs, windowAtMs, windowEndMs) {
      startMs = atMs;
      windowStartMs = windowAtMs;
      endMs = windowEndMs;
      nextLineMs = startMs + nextArrival();
    },
    ask(nowMs) {
      planAhead(nowMs);
      for (let n = 0; n < MOST_SENDS_A_TURN && planned.nextMs <= nowMs; n++) {
        send(planned.pop() as Planned);
      }
    },
    onAnswer(client, answer, receivedMs) {
      const query = client.queries.get(answer.id);
      // An answer behind its query's end: events under way when it was closed, or after a time-out.
      if (query === undefined) {
        const row = INITIALS.indexOf(answer.id.charAt(0));
        if (answer.type === "EVENT" && row >= 0 && clock.now() >= windowStartMs) {
          count(row, Q_EVENTS_BEHIND);
        }
        return;
      }
      if (answer.type === "EVENT") {
        countOf(query, Q_EVENTS);
      } else if (answer.type === "EOSE") {
        end(client, answer.id, query, Q_EOSE);
        client.socket.send(`["CLOSE","${answer.id}"]`);
        if (query.dueMs < windowStartMs) return;
        (recorder.queryResponse[query.row] as Histogram).record(receivedMs - query.dueMs);
        (recorder.queryService[query.row] as Histogram).record(receivedMs - query.sentMs);
        if (++answered % sampleEvery === 0) {
          recorder.querySamples.push(query.row, receivedMs - query.dueMs);
        }
      } else {
        end(client, answer.id, query, Q_CLOSED);
        recorder.said("closed", messagePrefix(answer.text), atSec(), answer.text);
      }
    },
    onDrop(client) {
      for (const [id, query] of client.queries) end(client, id, query, Q_LOST);
    },
    expire(client, nowMs) {
      for (const [id, query] of client.queries) {
        if (query.sentMs + plan.ackTimeoutMs > nowMs) break;
        end(client, id, query, Q_TIMED_OUT);
        recorder.error("timeout", "no EOSE", atSec(), `no EOSE in ${plan.ackTimeoutMs} ms`);
        if (client.state === OPEN) client.socket.send(`["CLOSE","${id}"]`);
      }
    },
  };
}
