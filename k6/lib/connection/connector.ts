/**
 * The driver of connections, in an open model: first ones are due at the set rate, whatever became of those before.
 * They are held, or have one session after another, or are cut off together; who was turned away or lost one comes
 * back as its policy has it. A connection is usable once the first EOSE has come, and a few are asked now and then
 * while they are held: an open socket proves nothing.
 */

import { Reconnects } from "../../../src/load/reconnect.ts";
import { A_ASKED_AGAIN } from "../../../src/measure/classes/auth.ts";
import {
  C_ANSWERED,
  C_ASKED,
  C_DUE,
  C_INTERRUPTED,
  C_MUTE,
  C_PROBES,
  C_RECOVERED,
  C_REFUSED,
  C_UNANSWERED,
  C_UNRECOVERED,
  C_UNSENT,
  C_USABLE,
  CHURN,
  RAMP,
  RECOVERY,
} from "../../../src/measure/classes/connection.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import { type ConnectPlan, cutAtSec } from "../../../src/plan/connect.ts";
import { seededRandom } from "../../../src/random.ts";
import type { Ground, LeadingDriver } from "../driver.ts";
import { DueQueue, type Task } from "../due-queue.ts";
import { Fifo } from "../fifo.ts";
import { record } from "../hot.ts";
import { createLook, lookEvery } from "../look.ts";
import { feedUsable } from "../metrics.ts";
import { type Ask, type AskEnd, Asks } from "./asks.ts";
import { Auths, type Sign } from "./auths.ts";
import { type Client, drawClient, OPEN } from "./client.ts";
import { Comers } from "./comers.ts";
import { createSeat, type Seat } from "./seat.ts";

/** Handshakes that are begun, and connections that are ended, in one turn. */
const MOST_A_TURN = 16;
/** Frames of so many bytes that wait to be written are none of ours. */
const LARGEST_FRAME = 1_024;
const PROBES = { share: 0.01, everyMs: 30_000 };
/** Who is asked something waits so long before it is asked whether its session is over. */
const WAIT_MS = 50;

/** `sign`: for clients that say who they are; `null`: they don't. */
export function createConnector(
  ground: Ground,
  connect: ConnectPlan,
  sign: Sign | null,
): LeadingDriver {
  const { plan, share, clients, clock, recorder, dialer, prove } = ground;
  const { session } = connect;
  const book = recorder.books.connection;
  const random = seededRandom(plan.seed, `connect/${share}`);
  const seats = clients.map(createSeat);
  const reconnects = new Reconnects(connect.reconnect, random, clients.length);
  const seatOf = (client: Client): Seat => seats[client.index] as Seat;
  const most = Math.max(1, Math.floor(plan.connectConcurrency / plan.vus));
  const comers = new Comers(ground, connect.rate);
  const tasks = new DueQueue<Task>();
  /** Due, each in the row that it has by now, and without a place for the handshake. */
  const waiting = new Fifo<Client>();
  const look = createLook(ground, LARGEST_FRAME);
  const every = lookEvery(connect.rate / plan.vus);
  let messages = 0;
  let windowEndMs = 0;
  let underWay = 0;
  let usable = 0;

  /** What lies behind the window's end is not due. */
  const doAt = (dueMs: number, act: Task["act"]) => {
    if (dueMs < windowEndMs) tasks.push({ dueMs, act });
  };
  const comeDue = (client: Client, row: number, dueMs: number, nowMs: number) => {
    seatOf(client).dueMs = dueMs;
    client.row = row;
    book.count(row, C_DUE);
    // Who comes back together is due at one moment, in which nobody opens them all: no schedule is late by that.
    if (row !== RECOVERY) record(book.lag, nowMs - dueMs);
    waiting.push(client);
  };
  const planConnect = (client: Client, row: number, dueMs: number) =>
    doAt(dueMs, (nowMs) => comeDue(client, row, dueMs, nowMs));

  const becomeUsable = (client: Client, atMs: number) => {
    const seat = seatOf(client);
    seat.isUsable = true;
    usable++;
    prove(client);
    const tookMs = atMs - seat.dueMs;
    record(book.times.usable[client.row] as Histogram, tookMs);
    feedUsable(tookMs);
    if (seat.lostMs === null) return;
    book.count(RECOVERY, C_RECOVERED);
    book.times.recovery[RECOVERY]?.record(atMs - seat.lostMs);
    seat.lostMs = null;
  };

  const onEnd = (ask: Ask, end: AskEnd, atMs: number) => {
    const { client, row, isProbe, sentMs } = ask;
    const seat = seatOf(client);
    if (end !== "none") {
      seat.answers++;
      seat.answeredMs = atMs;
    }
    if (isProbe) {
      book.count(row, end === "none" ? C_UNANSWERED : C_ANSWERED);
      if (end !== "none") book.times.probe[row]?.record(atMs - sentMs);
      return;
    }
    // The relay still waits to hear who it is.
    if (end === "auth" || (end === "eose" && auths.isAsked(client))) {
      seat.asked = end;
      return;
    }
    settle(client, row, end, atMs);
  };

  /** What became of the REQ of an opening. */
  const settle = (client: Client, row: number, end: AskEnd, atMs: number) => {
    book.count(row, end === "eose" ? C_USABLE : end === "none" ? C_MUTE : C_REFUSED);
    if (end === "eose") becomeUsable(client, atMs);
  };
  const asks = new Asks(ground, onEnd, (client) => auths.isOpen(client));

  const onSettled = (client: Client, isIn: boolean, atMs: number) => {
    const seat = seatOf(client);
    const { asked } = seat;
    seat.asked = null;
    if (isIn) Object.assign(seat, { answers: seat.answers + 1, answeredMs: atMs });
    if (asked === "auth" && isIn && client.state === OPEN) {
      recorder.books.auth.count(client.row, A_ASKED_AGAIN);
      asks.send(client, false);
    } else if (asked !== null) settle(client, client.row, isIn ? asked : "closed", atMs);
  };
  const auths = new Auths(ground, sign, onSettled);
  const underWayOn = (client: Client) => asks.openOn(client) + Number(auths.isOpen(client));

  /** Ends a connection once nothing is asked on it, if its client has it then. */
  const planEnd = (client: Client, why: NonNullable<Seat["closing"]>, dueMs: number) => {
    const { socket } = client;
    doAt(dueMs, (nowMs) => {
      const isMeant = client.state === OPEN && (why === "cut" || client.socket === socket);
      if (!isMeant) return;
      const seat = seatOf(client);
      if (underWayOn(client) > 0) planEnd(client, why, nowMs + WAIT_MS);
      else {
        seat.closing = why;
        if (why === "cut") lose(seat, nowMs);
        dialer.close(client);
      }
    });
  };

  /** A client lost what it could use. */
  const lose = (seat: Seat, nowMs: number) => {
    if (!seat.isUsable || nowMs >= windowEndMs) return;
    seat.lostMs = nowMs;
    book.count(RECOVERY, C_INTERRUPTED);
  };

  /** One after the other, so that probes wait for none of each other, and make no pulse. */
  const planProbes = (dueMs: number, apartMs: number) =>
    doAt(dueMs, () => {
      const isIdle = (client: Client) => seatOf(client).isUsable && asks.openOn(client) === 0;
      const client = drawClient(clients, random, isIdle);
      if (client !== null) {
        book.count(client.row, C_PROBES);
        asks.send(client, true);
      }
      planProbes(dueMs + apartMs, apartMs);
    });

  const dialNext = () => {
    for (let n = 0; n < MOST_A_TURN && underWay < most; n++) {
      const client = waiting.shift();
      if (client === undefined) return;
      underWay++;
      dialer.connect(client, client.row);
    }
  };

  return {
    get wakeMs() {
      // With half of them under way the next ones wait for the chores: a turn for each costs more than it gives.
      if (waiting.peek() !== undefined && underWay < most / 2) return 0;
      return Math.min(tasks.nextMs, comers.nextMs);
    },
    get open() {
      return asks.open + auths.open + underWay;
    },
    get isThrough() {
      return Math.min(tasks.nextMs, comers.nextMs) === Number.POSITIVE_INFINITY;
    },
    get isSettled() {
      return asks.open + auths.open === 0 && waiting.peek() === undefined;
    },
    get usable() {
      return usable;
    },
    start(schedule) {
      windowEndMs = schedule.windowEndMs;
      comers.begin(schedule);
      const cutMs = schedule.startMs + cutAtSec(connect, plan.clients) * 1_000;
      for (const client of clients) {
        if (random() < connect.dropShare) planEnd(client, "cut", cutMs);
      }
      const everyMs = Math.min(PROBES.everyMs, (connect.holdSec * 1_000) / 2);
      const apartMs = everyMs / Math.ceil(clients.length * PROBES.share);
      planProbes(schedule.startMs + apartMs, apartMs);
    },
    work(nowMs) {
      for (let n = 0; n < MOST_A_TURN && tasks.nextMs <= nowMs; n++) tasks.pop()?.act(nowMs);
      for (let n = 0; n < MOST_A_TURN && comers.nextMs <= nowMs; n++) {
        const dueMs = comers.nextMs;
        comeDue(comers.take(), RAMP, dueMs, nowMs);
      }
      dialNext();
    },
    listen(client, rest) {
      return (message) => {
        const receivedMs = message.timestamp - clock.offsetMs;
        try {
          rest(client, message.data, receivedMs);
          if (++messages % every === 0) look(client, receivedMs);
        } catch (error) {
          ground.onFault("message", error);
        }
      };
    },
    take: (client, message, receivedMs) =>
      asks.take(client, message, receivedMs) || auths.take(client, message, receivedMs),
    onOpen(client) {
      const seat = seatOf(client);
      const nowMs = client.openedMs;
      seat.answers = 0;
      seat.answeredMs = nowMs;
      seat.asked = null;
      reconnects.note(client.index, "open");
      record(book.times.response[client.row] as Histogram, nowMs - seat.dueMs);
      if (session !== null) {
        const meanMs = session.meanSec * 1_000;
        const lengthMs = session.isDrawn ? -Math.log(1 - random()) * meanMs : meanMs;
        planEnd(client, "session", nowMs + lengthMs);
      }
      if (connect.onOpen === "none") {
        becomeUsable(client, nowMs);
        return;
      }
      auths.begin(client);
      book.count(client.row, C_ASKED);
      asks.send(client, false);
    },
    onDrop(client) {
      const seat = seatOf(client);
      lose(seat, clock.now());
      asks.drop(client);
      auths.drop(client);
      if (seat.asked !== null) settle(client, client.row, "none", clock.now());
      seat.asked = null;
    },
    useOf(client) {
      const { answers, answeredMs } = seatOf(client);
      return { open: underWayOn(client), answers, answeredMs };
    },
    expire(nowMs) {
      asks.expire(nowMs - plan.ackTimeoutMs);
      auths.expire(nowMs - plan.ackTimeoutMs);
    },
    resume() {},
    endWindow() {
      for (let client = waiting.shift(); client !== undefined; client = waiting.shift()) {
        book.count(client.row, C_UNSENT);
      }
    },
    giveUp() {
      asks.expire(Number.POSITIVE_INFINITY);
      auths.expire(Number.POSITIVE_INFINITY);
      for (const { lostMs } of seats) if (lostMs !== null) book.count(RECOVERY, C_UNRECOVERED);
    },
    holder: {
      onTried() {
        underWay--;
      },
      onDown(client, { how }) {
        const seat = seatOf(client);
        const nowMs = clock.now();
        if (seat.isUsable) usable--;
        seat.isUsable = false;
        if (how !== "failed" && client.isProven) reconnects.note(client.index, "proven");
        if (how === "closed" && seat.closing === "session") planConnect(client, CHURN, nowMs);
        else {
          const row = how === "failed" ? client.row : RECOVERY;
          planConnect(client, row, nowMs + reconnects.nextMs(client.index));
        }
        seat.closing = null;
      },
    },
  };
}
