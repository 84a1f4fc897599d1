/**
 * The publish driver: EVENT until OK, in an open model. Arrivals are due at times set beforehand; whatever
 * turns the event loop (a timer, an answer) first sends what is due. Lateness is recorded as schedule lag. An
 * event whose connection has its fill of unanswered publishes waits, with its due time kept, so that a stall
 * of the relay shows in response times and not only in a lower rate. Sending and plain OKs are `pump.ts`.
 */
import { toDialUrl } from "../../../src/guard/relay-url.ts";
import {
  BACKPRESSURE,
  LOST,
  NO_CONNECTION,
  TIMED_OUT,
} from "../../../src/measure/classes/publish.ts";
import type { Client } from "../connection/client.ts";
import type { Ground, LeadingDriver } from "../driver.ts";
import type { ReadMessage } from "../relay-message.ts";
import { createExpiry } from "./expiry.ts";
import { createLane, type Lane, type Waiting } from "./lane.ts";
import { LateBook } from "./late.ts";
import type { PublishOptions } from "./options.ts";
import { createOutcomeBook, FINE } from "./outcome.ts";
import { paceOf } from "./pace.ts";
import { createPump } from "./pump.ts";
import { createSetBook } from "./sets.ts";

export function createPublisher(ground: Ground, options: PublishOptions): LeadingDriver {
  const { plan, clients, clock, recorder, atSec, prove } = ground;
  const { ackTimeoutMs } = plan;
  const book = recorder.books.publish;
  const relayUrls = plan.relays.map(toDialUrl);
  const lanes = clients.map((client) => createLane(client, relayUrls.indexOf(client.target.url)));
  const sets = createSetBook(recorder, paceOf(plan).sampleEvery);
  const pump = createPump(ground, options, lanes, sets);
  const late = new LateBook();
  const bookOutcome = createOutcomeBook(ground, options.types, options.mayBeEphemeral);
  let windowEndMs = 0;
  /** The end of this process's last pause. */
  let resumedMs = 0;

  const laneOf = (client: Client): Lane => lanes[client.index] as Lane;

  /** An OK that is not the plain one of a publish in flight. */
  const takeOk = (
    client: Client,
    { id, accepted, text }: ReadMessage & { type: "OK" },
    receivedMs: number,
  ): boolean => {
    const lane = laneOf(client);
    const key = `["OK","${id}",true,""]`;
    const cell = lane.pending.get(key);
    if (cell === undefined) {
      const isLate = late.take(lane, key);
      if (isLate) recorder.link.lateOk++;
      return isLate;
    }
    lane.pending.delete(key);
    lane.otherAnswers++;
    client.toldMs = receivedMs;
    prove(client);
    const outcome = bookOutcome(pump.settle(lane, cell, receivedMs), accepted, text);
    sets.settle(cell, FINE.includes(outcome), receivedMs);
    options.following?.answered(cell, outcome, receivedMs);
    if (outcome === "accepted") pump.accept(lane, id);
    pump.sendWaiting(lane);
    return true;
  };

  const dropWaiting = (lane: Lane, column: number): void => {
    for (let next = lane.waiting.shift(); next !== undefined; next = lane.waiting.shift()) {
      giveUpWaiting(next, column);
    }
  };

  const giveUpWaiting = ({ row, part }: Waiting, column: number): void => {
    book.count(row, column);
    if (part !== null) sets.miss(part);
    pump.unwait();
  };

  const giveUpCell = (cell: number, column: number): number => {
    const row = pump.giveUpCell(cell);
    book.count(row, column);
    sets.settle(cell, false, clock.now());
    options.following?.gaveUp(cell);
    return row;
  };

  const timeOut = (lane: Lane, key: string, cell: number): void => {
    const row = giveUpCell(cell, TIMED_OUT);
    recorder.eventError("timeout", "no OK", atSec(), `no OK in ${ackTimeoutMs} ms`, row);
    lane.pending.delete(key);
    pump.vacate(lane);
    late.add(lane, key);
  };

  /** What an event waited for this process is no wait for a place. */
  const waitsSince = (dueMs: number) => Math.max(dueMs, resumedMs);

  const expiry = createExpiry({
    lanes,
    ackTimeoutMs,
    sentMsOf: pump.sentMsOf,
    timeOut,
    waitsSince,
    giveUpWaiting: (one) => giveUpWaiting(one, BACKPRESSURE),
    sendWaiting: (lane) => {
      if (lane.room > 0) pump.sendWaiting(lane);
    },
  });

  return {
    get wakeMs() {
      // An answer makes room and sends what is due with it: to be woken before would be a timer for nothing.
      return pump.isHeld ? Number.POSITIVE_INFINITY : pump.nextDueMs + pump.gatherMs;
    },
    get open() {
      return pump.inFlight;
    },
    get isThrough() {
      const isAllTaken = pump.nextDueMs === Number.POSITIVE_INFINITY;
      // What this process held up over the end has as long for a place as it ever has; behind a pause the
      // answers that made room are still to be read.
      if (resumedMs > windowEndMs) return isAllTaken && pump.waiting === 0;
      // What is late by us is still sent; what no connection had room for was not sent in time.
      return isAllTaken || pump.isHeld;
    },
    get isSettled() {
      return pump.isSettled && late.isRight(lanes);
    },
    start(schedule) {
      ({ windowEndMs } = schedule);
      pump.start(schedule);
    },
    work: pump.work,
    take: (client, message, receivedMs) =>
      message.type === "OK" && takeOk(client, message, receivedMs),
    listen: (client, rest) => pump.listen(laneOf(client), rest),
    onOpen: (client) => pump.opened(laneOf(client)),
    onDrop(client) {
      const lane = laneOf(client);
      pump.dropped(lane);
      for (const cell of lane.pending.values()) giveUpCell(cell, LOST);
      late.forget(lane);
      lane.pending.clear();
      dropWaiting(lane, NO_CONNECTION);
    },
    useOf(client) {
      const { pending, otherAnswers, plainAnswers } = laneOf(client);
      const { answers, answeredMs } = plainAnswers();
      return { open: pending.size, answers: answers + otherAnswers, answeredMs };
    },
    expire(nowMs) {
      while (pump.isHeld && waitsSince(pump.nextDueMs) + ackTimeoutMs <= nowMs) {
        pump.giveUp(BACKPRESSURE);
      }
      expiry.look(nowMs, pump.waiting > 0, pump.inFlight > 0);
    },
    resume(nowMs) {
      resumedMs = nowMs;
    },
    endWindow() {
      while (pump.nextDueMs < Number.POSITIVE_INFINITY) pump.giveUp(BACKPRESSURE);
      for (const lane of lanes) dropWaiting(lane, BACKPRESSURE);
    },
    giveUp() {
      expiry.lookAtAll(Number.POSITIVE_INFINITY);
      sets.cutOff();
    },
  };
}
