/**
 * The query driver: REQ until EOSE, and COUNT until its number, in an open model. A question whose connection
 * has its fill of open ones waits, with its due time kept. Subscription ids are fresh, as relays differ in what
 * they do with one that comes again; CLOSE follows EOSE, and so never comes in the turn of its REQ, which khatru
 * may take up in either order. Rows are what comes most: see `listener.ts`; of other messages `replies.ts`.
 */
import {
  Q_BACKPRESSURE,
  Q_EOSE,
  Q_EXHAUSTED,
  Q_LOST,
  Q_NO_CONNECTION,
  Q_SCHEDULED,
  Q_SENT,
  Q_TIMED_OUT,
} from "../../../src/measure/classes/query.ts";
import { type Client, OPEN } from "../connection/client.ts";
import type { Ground, LeadingDriver } from "../driver.ts";
import { Fifo } from "../fifo.ts";
import { record } from "../hot.ts";
import type { Hint } from "../relay-message.ts";
import { createAnswerBook } from "./answer-book.ts";
import {
  type Asked,
  type AskedRelay,
  askedRelays,
  createLane,
  eoseOf,
  keepLiveOf,
  type Lane,
} from "./asked.ts";
import { createListener } from "./listener.ts";
import type { QueryOptions } from "./options.ts";
import type { QuerySource, Question } from "./question.ts";
import { createReplies } from "./replies.ts";
import { Room } from "./room.ts";
import { createRows } from "./rows.ts";
import { idOf } from "./subscription-id.ts";
import { judgeRows, type Verdict } from "./verdict.ts";
import { WaitingLine } from "./waiting-line.ts";

const MOST_A_TURN = 16;

export function createQuerier(ground: Ground, options: QueryOptions): LeadingDriver {
  const { plan, clients, clock, recorder, atSec, prove } = ground;
  const { rowCount, keepLive } = options;
  const { maxInFlight, ackTimeoutMs } = plan;
  const { now } = clock;
  const book = recorder.books.query;
  const source = options.createSource(ground);
  const answers = createAnswerBook(book, options.mostQueries);
  const relays = askedRelays(plan.relays, options, answers.bookVerdict);
  const lanes = clients.map((client) =>
    createLane(client, relays.get(client.target.url) as AskedRelay),
  );
  const rows = createRows(options);
  let windowStartMs = 0;
  let windowEndMs = 0;
  let resumedMs = 0;
  let turn = 0;
  let number = 0;
  let open = 0;
  const room = new Room(maxInFlight);
  /** The oldest first; what has its end stays in it until it is at the head. */
  const asked = new Fifo<Asked>();
  const line = new WaitingLine();

  const laneOf = (client: Client): Lane => lanes[client.index] as Lane;
  const rowOf = ({ row, dueMs }: Pick<Question, "row" | "dueMs">) =>
    dueMs < windowStartMs ? row + rowCount : row;

  const place = (question: Question): void => {
    const row = rowOf(question);
    book.count(row, Q_SCHEDULED);
    if (question.pages.length === 0) {
      book.count(row, Q_EXHAUSTED);
      return;
    }
    if (question.dueMs >= windowStartMs) record(book.lag, now() - room.since(question.dueMs));
    if (question.client === null) turn = turn + 1 === lanes.length ? 0 : turn + 1;
    const lane = question.client === null ? (lanes[turn] as Lane) : laneOf(question.client);
    if (lane.client.state !== OPEN) {
      book.count(row, Q_NO_CONNECTION);
    } else if (lane.open.size < maxInFlight) {
      ask(lane, question, 0, null);
    } else {
      line.push(lane, question);
    }
  };

  const ask = (
    lane: Lane,
    question: Question,
    page: number,
    before: ReadonlySet<number> | null,
  ): void => {
    const row = rowOf(question);
    const id = idOf(row, ++number);
    const one = rows.begin({ lane, question, page, row, id, before });
    lane.open.set(eoseOf(id), one);
    asked.push(one);
    open++;
    book.count(row, Q_SENT);
    one.sentMs = now();
    lane.client.socket.send(`["${question.verb}","${id}",${one.filters}]`);
  };

  /** Every connection has its fill: what is due stays in the schedule, at no cost, until an answer makes room. */
  const isHeld = (): boolean => source.skip !== null && room.isFull(open);

  const work = (nowMs: number): void => {
    source.work(nowMs);
    for (let n = 0; n < MOST_A_TURN && source.nextDueMs <= nowMs && !isHeld(); n++) {
      const question = source.take();
      if (question === null) return;
      place(question);
    }
  };

  /** Books the end of a query and gives its place to one that waits. */
  const end = (one: Asked, column: number): void => {
    rows.sync(one);
    const { lane, row, id } = one;
    one.isOpen = false;
    lane.open.delete(eoseOf(id));
    if (lane.current === one) {
      lane.current = null;
      lane.load();
    }
    if (room.isFull(open)) room.heldUntilMs = now();
    open--;
    book.count(row, column);
    answers.bookRows(one);
  };

  const answer = (one: Asked, receivedMs: number, verdict: Verdict | null): void => {
    const { lane, question, page, seen } = one;
    end(one, Q_EOSE);
    if (verdict !== null) answers.bookVerdict(one.row, verdict);
    answers.bookAnswer(one, receivedMs);
    lane.answers++;
    lane.answeredMs = receivedMs;
    prove(lane.client);
    if (question.verb === "REQ") {
      const done = keepLive ? keepLiveOf(lane, one.id) : one.id;
      if (done !== undefined) lane.client.socket.send(`["CLOSE","${done}"]`);
    }
    if (verdict === "right" && question.pages[page + 1] !== undefined) {
      book.count(one.row, Q_SCHEDULED);
      ask(lane, question, page + 1, seen);
    }
    sendWaiting(lane);
  };

  const takeEose = (one: Asked, hint: Hint, receivedMs: number): void => {
    rows.sync(one);
    answer(one, receivedMs, judgeRows(one, hint));
  };

  const sendWaiting = (lane: Lane): void => {
    while (lane.client.state === OPEN && lane.open.size < maxInFlight) {
      const question = line.shift(lane);
      if (question === undefined) return;
      ask(lane, question, 0, null);
    }
  };

  const dropWaiting = (lane: Lane, column: number): void => {
    for (let one = line.shift(lane); one !== undefined; one = line.shift(lane)) {
      book.count(rowOf(one), column);
    }
  };

  const timeOut = (one: Asked): void => {
    end(one, Q_TIMED_OUT);
    const what = one.question.verb === "REQ" ? "EOSE" : "COUNT";
    recorder.error("timeout", `no ${what}`, atSec(), `no ${what} in ${ackTimeoutMs} ms`);
    const { client } = one.lane;
    if (client.state === OPEN) client.socket.send(`["CLOSE","${one.id}"]`);
    sendWaiting(one.lane);
  };

  const expire = (nowMs: number): void => {
    for (let one = asked.peek(); one !== undefined; one = asked.peek()) {
      if (one.isOpen && one.sentMs + ackTimeoutMs > nowMs) break;
      asked.shift();
      if (one.isOpen) timeOut(one);
    }
    const isExpired = (dueMs: number) => Math.max(dueMs, resumedMs) + ackTimeoutMs <= nowMs;
    while (isHeld() && isExpired(source.nextDueMs)) giveUpNext(source);
    line.expire(isExpired, (one) => book.count(rowOf(one), Q_BACKPRESSURE));
  };

  /** What was due and had no place: its question stays in the pool, and so its shape unknown. */
  const giveUpNext = ({ skip }: QuerySource): void => {
    const row = rowOf({ row: rowCount - 1, dueMs: skip?.() ?? windowStartMs });
    book.count(row, Q_SCHEDULED);
    book.count(row, Q_BACKPRESSURE);
  };

  const takeMessage = createReplies(ground, {
    ...{ rows, end, answer, takeEose, sendWaiting },
    isAlone: options.isAlone,
    asked: () => number,
  });

  const listen = createListener(ground, { options, rows, work, takeEose });

  return {
    get wakeMs() {
      return source.wakeMs;
    },
    get open() {
      return open;
    },
    get isThrough() {
      const isAllTaken = source.nextDueMs >= windowEndMs;
      // What this process held up over the end has as long for a place as it ever has.
      if (resumedMs > windowEndMs) return isAllTaken && line.length === 0;
      return isAllTaken || isHeld();
    },
    get isSettled() {
      return open === 0 && line.length === 0 && lanes.every((lane) => lane.open.size === 0);
    },
    start(schedule) {
      ({ windowStartMs, windowEndMs } = schedule);
      source.start(schedule);
    },
    work,
    take: (client, message, receivedMs) => takeMessage(laneOf(client), message, receivedMs),
    listen(client, rest) {
      const lane = laneOf(client);
      lane.answers = 0;
      lane.answeredMs = 0;
      return listen(lane, rest);
    },
    onOpen: () => room.opened(),
    onDrop(client) {
      const lane = laneOf(client);
      room.dropped();
      for (const one of [...lane.open.values()]) end(one, Q_LOST);
      dropWaiting(lane, Q_NO_CONNECTION);
      lane.live.clear();
    },
    useOf(client) {
      const lane = laneOf(client);
      return { open: lane.open.size, answers: lane.answers, answeredMs: lane.answeredMs };
    },
    expire,
    resume(nowMs) {
      resumedMs = nowMs;
    },
    endWindow() {
      if (source.skip !== null) while (source.nextDueMs < windowEndMs) giveUpNext(source);
      for (const lane of lanes) dropWaiting(lane, Q_BACKPRESSURE);
    },
    giveUp() {
      expire(Number.POSITIVE_INFINITY);
      for (const { caps } of relays.values()) caps.giveUp();
    },
  };
}
