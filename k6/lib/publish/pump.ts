/**
 * The hot path of publishing: what is due is sent, and an answer books its times and makes room.
 *
 * k6's interpreter takes about 60 ns for a variable of a closure, 110 for a property, 230 for a `#private`
 * one and 200 for a call, so state lives in closure variables and columns of numbers, and what happens to
 * every event is written out in one place.
 */

import type { WebSocket } from "k6/websockets";
import {
  ACCEPTED,
  ATTEMPTED,
  NO_CONNECTION,
  POOL_EXHAUSTED,
  SCHEDULED,
} from "../../../src/measure/classes/publish.ts";
import { BUCKETS, type Histogram, UNITS_PER_MS } from "../../../src/measure/histogram.ts";
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../../../src/pool/format.ts";
import { arrivalsOf } from "../arrivals.ts";
import type { Ground, Rest, Schedule, SocketMessage } from "../driver.ts";
import { charCodeAt, record, substring } from "../hot.ts";
import { createLook, lookEvery } from "../look.ts";
import { createFlight, growFlight } from "./flight.ts";
import type { Lane } from "./lane.ts";
import type { PublishOptions } from "./options.ts";
import { paceOf } from "./pace.ts";
import type { SetBook, SetPart } from "./sets.ts";

const LETTER_A = 97;
const FIRST_PART = 48;
const ID_START = HEADER_LENGTH + FRAME_ID_OFFSET;
const ID_END = ID_START + 64;
/** Where the id stands in an OK: behind `["OK","`. */
const OK_ID_START = 7;
const OK_ID_END = OK_ID_START + 64;
/** After so many the event loop gets its turn: behind the schedule, answers must not wait for it. */
const MOST_A_TURN = 16;
const STEPS_A_READING = 32;

export function createPump(
  ground: Ground,
  options: PublishOptions,
  lanes: readonly Lane[],
  sets: SetBook,
) {
  const { plan, clock, recorder, prove, onFault } = ground;
  const { types, largestFrame, hasSets, frames, auditEvery, following } = options;
  const { maxInFlight } = plan;
  const { spinMs, gatherMs, sampleEvery } = paceOf(plan);
  const { byRelay } = recorder;
  const book = recorder.books.publish;
  const { columns, times, lag: scheduleLag } = book;
  const { response, service } = times;
  const scheduled = columns[SCHEDULED] as Float64Array;
  const attempted = columns[ATTEMPTED] as Float64Array;
  const acceptedCounts = columns[ACCEPTED] as Float64Array;
  // Read at each event: a call of `clock.now` would cost as much again as the reading.
  const { source, now, offsetMs } = clock;
  const laneCount = lanes.length;
  let { rows, due, sent, free } = createFlight();
  /** Height of the stack `free`. */
  let freeCells = free.length;
  const look = createLook(ground, largestFrame);
  const everyNth = lookEvery(plan.rateEps / plan.vus);
  const isAudited = auditEvery > 0;
  const isOfMany = byRelay.length > 0;
  const nextArrival = arrivalsOf(ground, { name: "arrivals", ratePerSecond: plan.rateEps });
  let startMs = 0;
  let windowStartMs = 0;
  let nextDueMs = Number.POSITIVE_INFINITY;
  let turn = 0;
  let inFlight = 0;
  let waiting = 0;
  let messages = 0;
  let accepted = 0;
  let settled = 0;
  /** Connections that are open, and those of them that may take another publish. */
  let open = 0;
  let room = 0;
  let heldUntilMs = 0;
  /** How long the last message looked at had waited to be read: what may be due by now. */
  let behindMs = 0;

  const pump = (nowMs: number): void => {
    for (let n = 0; n < MOST_A_TURN && nextDueMs <= nowMs; n++) {
      if (room === 0) {
        // Every connection has its fill: what is due stays in the schedule, at no cost, until an answer
        // makes room.
        if (open > 0) break;
        // Without a connection nothing is sent, and so nothing is sent late.
        heldUntilMs = nowMs;
      }
      const line = frames.next();
      if (line === undefined) {
        // The chunk on its way will be here within a turn or two; what is due waits for it, late.
        if (frames.isStarved()) break;
        bookNotSent(POOL_EXHAUSTED);
      } else {
        // What is sent first is sent now; each one behind it some 20 µs later.
        const atMs = n === 0 ? nowMs : source.currentTestRunDuration;
        let row = charCodeAt(line, 0) - LETTER_A;
        if (nextDueMs < windowStartMs) row += types;
        else {
          // Written out, as `record` and `Math.max` are calls, which cost more than all of this.
          const lagMs = atMs - (heldUntilMs > nextDueMs ? heldUntilMs : nextDueMs);
          const bucket = BUCKETS[(lagMs * UNITS_PER_MS) >>> 0];
          if (bucket === undefined || lagMs > scheduleLag.known) scheduleLag.record(lagMs);
          else (scheduleLag.counts[bucket] as number)++;
        }
        (scheduled[row] as number)++;
        let part: SetPart | null = null;
        if (!hasSets || line.charCodeAt(1) === FIRST_PART) {
          turn = turn + 1 === laneCount ? 0 : turn + 1;
        }
        if (hasSets && line.charCodeAt(2) !== FIRST_PART) part = sets.take(line, row, nextDueMs);
        const lane = lanes[turn] as Lane;
        if (lane.room > 0) {
          // As `send` does, without the call. k6 starts each message on an empty stack and doubles it as it fills:
          // in 24 places all of this fits, for half the garbage (0.7 kB) that 25 would make.
          const frame = substring(line, HEADER_LENGTH);
          const key = `["OK","${substring(line, ID_START, ID_END)}",true,""]`;
          (lane.socket as WebSocket).send(frame);
          if (freeCells === 0) growCells();
          const cell = free[--freeCells] as number;
          rows[cell] = row;
          due[cell] = nextDueMs;
          sent[cell] = atMs;
          lane.pending.set(key, cell);
          inFlight++;
          if (--lane.room === 0) room--;
          (attempted[row] as number)++;
          if (following !== undefined) following.sent(cell, line, nextDueMs, atMs);
          if (part !== null) sets.sent(cell, part);
        } else if (lane.socket === null) {
          book.count(row, NO_CONNECTION);
          if (part !== null) sets.miss(part);
        } else {
          lane.waiting.push({ line, row, dueMs: nextDueMs, part });
          waiting++;
        }
      }
      nextDueMs = startMs + nextArrival();
    }
  };

  /** With no answer under way that could come meanwhile: waits for what is due in a moment; gives the time. */
  const awaitDue = (fromMs: number): number => {
    let nowMs = fromMs;
    if (nextDueMs - nowMs < spinMs) {
      while (nowMs < nextDueMs) {
        // Some 2 µs: each reading is 0.1 kB of garbage.
        for (let n = 0; n < STEPS_A_READING; n++);
        nowMs = source.currentTestRunDuration;
      }
    }
    return nowMs;
  };

  /** An arrival that gets no event of the pool: its type stays unknown. */
  const bookNotSent = (column: number): void => {
    const row = nextDueMs < windowStartMs ? types - 1 + types : types - 1;
    book.count(row, SCHEDULED);
    book.count(row, column);
  };

  const giveUp = (column: number): void => {
    bookNotSent(column);
    nextDueMs = startMs + nextArrival();
  };

  /** What waited for a place. */
  const send = (lane: Lane, line: string, row: number, dueMs: number, sentMs: number): number => {
    (lane.socket as WebSocket).send(substring(line, HEADER_LENGTH));
    // Known by the whole plain OK that will come: no answer is cut or read that needs not be.
    const key = `["OK","${substring(line, ID_START, ID_END)}",true,""]`;
    if (freeCells === 0) growCells();
    const cell = free[--freeCells] as number;
    rows[cell] = row;
    due[cell] = dueMs;
    sent[cell] = sentMs;
    lane.pending.set(key, cell);
    inFlight++;
    if (--lane.room === 0) room--;
    (attempted[row] as number)++;
    if (following !== undefined) following.sent(cell, line, dueMs, sentMs);
    return cell;
  };

  const growCells = (): void => {
    freeCells = rows.length;
    ({ rows, due, sent, free } = growFlight({ rows, due, sent, free }));
  };

  /** One function for all that is done with a plain OK: k6 starts each message on an empty stack, made anew. */
  const listen = (lane: Lane, rest: Rest) => {
    const { client, pending } = lane;
    // Of this connection. Variables of a closure are the cheapest that can be read elsewhere: 0.2 µs an OK.
    let answers = 0;
    let answeredMs = 0;
    lane.plainAnswers = () => ({ answers, answeredMs });
    lane.otherAnswers = 0;
    return (message: SocketMessage): void => {
      try {
        const receivedMs = message.timestamp - offsetMs;
        if (++messages >= everyNth) {
          messages = 0;
          look(client, receivedMs);
        }
        const text = message.data as string;
        const cell = pending.get(text);
        if (cell === undefined) rest(client, text, receivedMs);
        else {
          pending.delete(text);
          if (answers++ === 0) prove(client);
          answeredMs = receivedMs;
          const row = settleAccepted(lane, cell, receivedMs);
          if (hasSets) sets.settle(cell, true, receivedMs);
          (acceptedCounts[row] as number)++;
          if (isAudited && accepted++ % auditEvery === 0) {
            recorder.noteAccepted(lane.relay, text.substring(OK_ID_START, OK_ID_END));
          }
          if (waiting > 0) sendWaiting(lane);
        }
        if (receivedMs + behindMs >= nextDueMs + gatherMs || inFlight === 0) {
          const nowMs = source.currentTestRunDuration;
          behindMs = nowMs - receivedMs;
          pump(inFlight === 0 ? awaitDue(nowMs) : nowMs);
        }
      } catch (error) {
        onFault("message", error);
      }
    };
  };

  /** Books the times of an answered publish and frees its place; gives its row. */
  const settle = (lane: Lane, cell: number, receivedMs: number): number => {
    const row = rows[cell] as number;
    const responseMs = receivedMs - (due[cell] as number);
    const serviceMs = receivedMs - (sent[cell] as number);
    // `record`, written out.
    let histogram = response[row] as Histogram;
    let bucket = BUCKETS[(responseMs * UNITS_PER_MS) >>> 0];
    if (bucket === undefined || responseMs > histogram.known) histogram.record(responseMs);
    else (histogram.counts[bucket] as number)++;
    histogram = service[row] as Histogram;
    bucket = BUCKETS[(serviceMs * UNITS_PER_MS) >>> 0];
    if (bucket === undefined || serviceMs > histogram.known) histogram.record(serviceMs);
    else (histogram.counts[bucket] as number)++;
    if (isOfMany && row < types) record(byRelay[lane.relay] as Histogram, serviceMs);
    if (++settled % sampleEvery === 0) book.samples.push(row, responseMs, serviceMs);
    free[freeCells++] = cell;
    inFlight--;
    if (lane.room++ === 0) {
      if (room === 0) heldUntilMs = receivedMs;
      room++;
    }
    return row;
  };

  const settleAccepted: typeof settle =
    following === undefined
      ? settle
      : (lane, cell, receivedMs) => {
          following.accepted(cell, receivedMs);
          return settle(lane, cell, receivedMs);
        };

  const makeRoom = (nowMs: number): void => {
    if (room === 0) heldUntilMs = nowMs;
    room++;
  };

  const sendWaiting = (lane: Lane): void => {
    while (lane.room > 0 && lane.waiting.length > 0) {
      const next = lane.waiting.shift();
      if (next === undefined) return;
      waiting--;
      const cell = send(lane, next.line, next.row, next.dueMs, now());
      if (next.part !== null) sets.sent(cell, next.part);
    }
  };

  return {
    gatherMs,
    get nextDueMs() {
      return nextDueMs;
    },
    get inFlight() {
      return inFlight;
    },
    /** Publishes that have a connection and wait for a place on it. */
    get waiting() {
      return waiting;
    },
    /** No open connection has room for another publish. */
    get isHeld() {
      return room === 0 && open > 0;
    },
    get isSettled() {
      return inFlight === 0 && waiting === 0 && freeCells === rows.length && room === open;
    },
    start(schedule: Schedule): void {
      ({ startMs, windowStartMs } = schedule);
      nextDueMs = startMs + nextArrival();
    },
    /** Sends what is due, and what will be in a moment when nothing else is to be done till then. */
    work(nowMs: number): void {
      pump(nowMs);
      if (inFlight === 0) pump(awaitDue(now()));
    },
    listen,
    settle,
    giveUp,
    sendWaiting,
    /** Notes an accepted publish now and then. */
    accept(lane: Lane, id: string): void {
      if (isAudited && accepted++ % auditEvery === 0) recorder.noteAccepted(lane.relay, id);
    },
    opened(lane: Lane): void {
      lane.socket = lane.client.socket;
      lane.room = maxInFlight;
      open++;
      makeRoom(now());
    },
    dropped(lane: Lane): void {
      open--;
      if (lane.room > 0) room--;
      lane.socket = null;
      lane.room = 0;
    },
    sentMsOf: (cell: number) => sent[cell] as number,
    /** Frees the place of a publish that has had no answer; its lane forgets it. Gives its row. */
    giveUpCell(cell: number): number {
      free[freeCells++] = cell;
      inFlight--;
      return rows[cell] as number;
    },
    /** A place on an open connection has become free. */
    vacate(lane: Lane): void {
      if (lane.room++ === 0) makeRoom(now());
    },
    /** One of those that waited waits no more. */
    unwait(): void {
      waiting--;
    },
  };
}
