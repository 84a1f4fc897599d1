/**
 * The queries of sessions, in an open model of their own: each is due a drawn time before the view event
 * that its session ends with, on the same connection, and never waits for another. To know the views in
 * advance, the same part of the pool is read a second time, ahead of the publisher.
 */
import {
  drawSession,
  FEED_FILTER,
  filterForView,
  LONGEST_SESSION_MS,
  QUERIES,
} from "../../../src/load/sessions.ts";
import {
  Q_CLOSED,
  Q_EOSE,
  Q_LOST,
  Q_NO_CONNECTION,
  Q_ROWS,
  Q_ROWS_BEHIND,
  Q_SCHEDULED,
  Q_SENT,
  Q_TIMED_OUT,
  Q_UNCHECKED,
  Q_UNCHECKED_ROWS,
} from "../../../src/measure/classes/query.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import { MOST_SAMPLES } from "../../../src/measure/recorder.ts";
import { messagePrefix } from "../../../src/nostr/ok.ts";
import { HEADER_LENGTH } from "../../../src/pool/format.ts";
import { seededRandom } from "../../../src/random.ts";
import { arrivalsOf } from "../arrivals.ts";
import { type Client, OPEN } from "../connection/client.ts";
import type { Driver, Ground } from "../driver.ts";
import type { FrameSource } from "../frames/frame-source.ts";
import type { ReadMessage } from "../relay-message.ts";
import { DueQueue } from "./due-queue.ts";

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

/** A REQ that has had no end. */
interface Query {
  readonly client: Client;
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface AskerOptions {
  /** The place of `view` among the pool's types. */
  readonly viewType: number;
  /** The VU's part of the pool, and how to open it from its start again. */
  readonly frames: FrameSource;
  readonly openFrames: () => Promise<FrameSource>;
}

type QueryAnswer = Extract<ReadMessage, { readonly type: "EVENT" | "EOSE" | "CLOSED" }>;

export function createAsker(ground: Ground, options: AskerOptions): Driver {
  const { plan, share, clients, clock, recorder, atSec, prove } = ground;
  const { viewType, openFrames } = options;
  // Sessions that end behind the schedule's end begin within it: the rate of queries holds to the end.
  const nextArrival = arrivalsOf(ground, {
    name: "arrivals",
    ratePerSecond: plan.rateEps,
    behindMs: LONGEST_SESSION_MS,
  });
  const book = recorder.books.query;
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
  /** By subscription id, the oldest first. */
  const open = new Map<string, Query>();
  let answered = 0;
  // At most two queries an event of the schedule.
  const sampleEvery = Math.ceil((2 * plan.rateEps * plan.durationSec) / MOST_SAMPLES);

  const count = (row: number, column: number): void => {
    const cells = book.columns[column] as Float64Array;
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
    open.set(id, { client, row, dueMs, sentMs: clock.now() });
    client.socket.send(`["REQ","${id}",${filter}]`);
    if (isMeasured) count(row, Q_SENT);
  };

  const end = (id: string, query: Query, column: number): void => {
    open.delete(id);
    countOf(query, column);
  };

  const take = (client: Client, answer: QueryAnswer, receivedMs: number): void => {
    const query = open.get(answer.id);
    // An answer behind its query's end: events under way when it was closed, or after a time-out.
    if (query === undefined) {
      const row = INITIALS.indexOf(answer.id.charAt(0));
      if (answer.type === "EVENT" && row >= 0 && clock.now() >= windowStartMs) {
        count(row, Q_ROWS_BEHIND);
      }
      return;
    }
    if (answer.type === "EVENT") {
      countOf(query, Q_ROWS);
      countOf(query, Q_UNCHECKED_ROWS);
    } else if (answer.type === "EOSE") {
      end(answer.id, query, Q_EOSE);
      countOf(query, Q_UNCHECKED);
      client.socket.send(`["CLOSE","${answer.id}"]`);
      if (query.dueMs < windowStartMs) return;
      (book.times.response[query.row] as Histogram).record(receivedMs - query.dueMs);
      (book.times.service[query.row] as Histogram).record(receivedMs - query.sentMs);
      if (++answered % sampleEvery === 0) {
        book.samples.push(query.row, receivedMs - query.dueMs);
      }
    } else {
      end(answer.id, query, Q_CLOSED);
      recorder.said("closed", messagePrefix(answer.text), atSec(), answer.text);
    }
  };

  const expire = (nowMs: number): void => {
    for (const [id, query] of open) {
      if (query.sentMs + plan.ackTimeoutMs > nowMs) break;
      end(id, query, Q_TIMED_OUT);
      recorder.error("timeout", "no EOSE", atSec(), `no EOSE in ${plan.ackTimeoutMs} ms`);
      const { client } = query;
      if (client.state === OPEN) client.socket.send(`["CLOSE","${id}"]`);
    }
  };

  return {
    get wakeMs() {
      return Math.min(planned.nextMs, nextLineMs - LONGEST_SESSION_MS);
    },
    get open() {
      return open.size;
    },
    get isThrough() {
      return planned.nextMs >= endMs;
    },
    get isSettled() {
      return open.size === 0;
    },
    start(schedule) {
      ({ startMs, windowStartMs, windowEndMs: endMs } = schedule);
      nextLineMs = startMs + nextArrival();
    },
    work(nowMs) {
      planAhead(nowMs);
      for (let n = 0; n < MOST_SENDS_A_TURN && planned.nextMs <= nowMs; n++) {
        send(planned.pop() as Planned);
      }
    },
    take(client, message, receivedMs) {
      const { type } = message;
      if (type !== "EVENT" && type !== "EOSE" && type !== "CLOSED") return false;
      take(client, message, receivedMs);
      if (type !== "EOSE") return true;
      // The CLOSE behind an EOSE has just been sent.
      client.toldMs = receivedMs;
      prove(client);
      return true;
    },
    onOpen() {},
    onDrop(client) {
      for (const [id, query] of open) if (query.client === client) end(id, query, Q_LOST);
    },
    useOf(client) {
      let n = 0;
      for (const query of open.values()) if (query.client === client) n++;
      return { open: n, answers: 0, answeredMs: 0 };
    },
    expire,
    resume() {},
    endWindow() {},
    giveUp: () => expire(Number.POSITIVE_INFINITY),
  };
}
