/**
 * The open model inside one VU. Arrivals are due at times set beforehand; whatever turns the event
 * loop (a timer, an answer) first sends what is due. Lateness is recorded as schedule lag. An event
 * whose connection has its fill of unanswered publishes waits, with its due time kept, so that a
 * stall of the relay shows in response times and not only in a lower rate.
 *
 * This is the hot path. k6's interpreter takes about 60 ns for a variable of a closure, 110 for a
 * property, 230 for a `#private` one and 200 for a call, so state lives in closure variables and
 * columns of numbers, and what happens to every event is written out in one place.
 */
import { toDialUrl } from "../../src/guard/relay-url.ts";
import { createArrivals } from "../../src/load/arrivals.ts";
import { BUCKETS, type Histogram, UNITS_PER_MS } from "../../src/measure/histogram.ts";
import {
  ACCEPTED,
  ATTEMPTED,
  BACKPRESSURE,
  DUPLICATE,
  LOST,
  NO_CONNECTION,
  POOL_EXHAUSTED,
  REJECTED,
  SCHEDULED,
  SUPERSEDED,
  TIMED_OUT,
  UNHEARD,
} from "../../src/measure/outcome.ts";
import { MOST_SAMPLES, type Recorder } from "../../src/measure/recorder.ts";
import { type AnsweredOutcome, classifyOk, messagePrefix } from "../../src/nostr/ok.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { FRAME_ID_OFFSET, HEADER_LENGTH } from "../../src/pool/format.ts";
import { seededRandom } from "../../src/random.ts";
import type { Asker } from "./asker.ts";
import { type Client, OPEN, type Waiting } from "./client.ts";
import type { Clock } from "./clock.ts";
import { createFlight, growFlight } from "./flight.ts";
import type { FrameSource } from "./frame-source.ts";
import { type ReadMessage, readMessage } from "./relay-message.ts";
import { createSetBook, type SetPart } from "./sets.ts";

const LETTER_A = 97;
const FIRST_PART = 48;
const ID_START = HEADER_LENGTH + FRAME_ID_OFFSET;
const ID_END = ID_START + 64;
/** Where the id stands in an OK: behind `["OK","`. */
const OK_ID_START = 7;
const OK_ID_END = OK_ID_START + 64;
/** A timed-out id is remembered for a late OK, up to so many in a VU. */
const MOST_REMEMBERED = 100_000;
/** After so many the event loop gets its turn: behind the schedule, answers must not wait for it. */
const MOST_A_TURN = 16;
/**
 * With nothing in flight, no answer will wake the loop: so short a wait for what is due is spent reading
 * the clock, as k6's timers wake up to 1.1 ms late. At 10,000/s it brought p90 of schedule lag from 0.95 ms
 * to 0.13, for 35 µs of CPU an event; with answers under way it never happens.
 */
const SPIN_MS = 0.2;
/**
 * From so many events a second in a VU on, the VU asks to be woken only a moment behind the next event's
 * due time and sends what became due meanwhile along with it: waking up costs more than sending. At
 * 30,000/s, in turn with 0 and in a busy minute, medians of seven: 5 % less CPU, p99 of schedule lag 6.0 for
 * 10.7 ms, median of service time 0.8 for 0.9 ms; the median of lag rises by 0.07 ms.
 */
const GATHER_FROM_RATE = 10_000;
const GATHER_MS = 0.25;
/** Loop and write lag are taken of about so many messages a second: a sample tells as much as all. */
const LOOKS_PER_SECOND = 1_000;

export interface PublisherOptions {
  readonly plan: Plan;
  /** Rows of one phase: the event types and one for events that never got a type. */
  readonly types: number;
  /** By type: its events may be of an ephemeral kind. */
  readonly mayBeEphemeral: readonly boolean[];
  readonly share: number;
  /** Bytes of the pool's largest frame. */
  readonly largestFrame: number;
  /** The pool has sets of several parts. */
  readonly hasSets: boolean;
  readonly clients: readonly Client[];
  readonly frames: FrameSource;
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** Of so many accepted publishes one is noted for the read-back; 0: of none. */
  readonly auditEvery: number;
  /** Answers to queries; `null` when the scenario asks nothing. */
  readonly asker: Asker | null;
  /** The first answer on a connection; called again for some that are not the first. */
  readonly onProof: (client: Client) => void;
  /** What is thrown while a message is handled comes here: k6 would end the iteration, and exit with 0. */
  readonly onFault: (where: string, error: unknown) => void;
}

/** What a relay sent, as k6 hands it over. */
export interface SocketMessage {
  readonly data: string | ArrayBuffer;
  /** Unix ms of its reading from the socket. */
  readonly timestamp: number;
}

export interface Publisher {
  /** Start of the schedule (the warm-up, if any) and of the measured window, ms. */
  readonly startMs: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** When the next event is due; `Infinity` when there is none left. */
  readonly nextDueMs: number;
  /** When to be woken for it. */
  readonly wakeMs: number;
  /** No open connection has room for another publish. */
  readonly isHeld: boolean;
  /** Publishes that have a connection and wait for a place on it. */
  readonly waiting: number;
  /** The end of this process's last long pause, see `resume`. */
  readonly resumedMs: number;
  readonly inFlight: number;
  /** Nothing is in flight or waits, and every place is free again: what must hold at the end. */
  readonly isSettled: boolean;
  /** Sets the schedule's start; nothing is due before. */
  start(startMs: number): void;
  /** Sends what is due, and what will be in a moment when nothing else is to be done till then. */
  pump(nowMs: number): void;
  onOpen(): void;
  /** What a connection's messages are to be given to. */
  listen(client: Client): (message: SocketMessage) => void;
  /** A connection is gone: what was in flight is lost, what waited has no connection. */
  onDrop(client: Client): void;
  /**
   * Times out what has had no answer, and gives up what has waited as long for a place: for a tenth of
   * the connections at each call, so that many of them make no pause in sending.
   */
  expire(nowMs: number): void;
  /** This process had no turn for long: what became due meanwhile waits for a place from now on. */
  resume(nowMs: number): void;
  /** Times out all that is in flight. */
  expireAll(): void;
  /** The window is over: what still waits is not sent any more. */
  endWindow(): void;
  /** Seconds since the window began. */
  atSec(): number;
}

/** As functions: k6 makes an object of a string for each call of a method of it. */
const substring = Function.prototype.call.bind(String.prototype.substring) as (
  text: string,
  start: number,
  end?: number,
) => string;
const charCodeAt = Function.prototype.call.bind(String.prototype.charCodeAt) as (
  text: string,
  index: number,
) => number;

/** What `Histogram.record` does, in one call and not three. */
function record(histogram: Histogram, ms: number): void {
  const bucket = BUCKETS[(ms * UNITS_PER_MS) >>> 0];
  if (bucket === undefined || ms > histogram.known) histogram.record(ms);
  else (histogram.counts[bucket] as number)++;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const {
    plan,
    types,
    mayBeEphemeral,
    share,
    largestFrame,
    hasSets,
    clients,
    frames,
    clock,
    recorder,
    auditEvery,
    asker,
    onProof,
    onFault,
  } = options;
  const { maxInFlight, ackTimeoutMs } = plan;
  const sampleEvery = Math.ceil((plan.rateEps * plan.durationSec) / MOST_SAMPLES);
  const lookEvery = Math.max(1, Math.round(plan.rateEps / plan.vus / LOOKS_PER_SECOND));
  const { columns, response, service, scheduleLag, loopLag } = recorder;
  const scheduled = columns[SCHEDULED] as Float64Array;
  const attempted = columns[ATTEMPTED] as Float64Array;
  const acceptedCounts = columns[ACCEPTED] as Float64Array;
  // Read at each event: a call of `clock.now` would cost as much again as the reading.
  const { source, now, offsetMs } = clock;
  const clientCount = clients.length;
  let { rows, due, sent, free } = createFlight();
  /** Height of the stack `free`. */
  let freeCells = free.length;
  const sets = createSetBook(recorder, sampleEvery);
  const relayUrls = plan.relays.map(toDialUrl);
  const isAudited = auditEvery > 0;
  const gatherMs = plan.rateEps / plan.vus > GATHER_FROM_RATE ? GATHER_MS : 0;
  // It takes CPU: only where a core is left for others.
  const spinMs = plan.cores !== null && plan.vus < plan.cores ? SPIN_MS : 0;
  const { byRelay } = recorder;
  const isOfMany = byRelay.length > 0;
  const nextArrival = createArrivals({
    kind: plan.arrival,
    ratePerSecond: plan.rateEps,
    durationMs: (plan.warmupSec + plan.durationSec) * 1_000,
    share,
    shares: plan.vus,
    random: seededRandom(plan.seed, `arrivals/${share}`),
  });
  let startMs = 0;
  let windowStartMs = 0;
  let windowEndMs = 0;
  let nextDueMs = Number.POSITIVE_INFINITY;
  let turn = 0;
  let inFlight = 0;
  let waiting = 0;
  let remembered = 0;
  let messages = 0;
  let accepted = 0;
  let settled = 0;
  let isPumping = false;
  /** Connections that are open, and those of them that may take another publish. */
  let open = 0;
  let room = 0;
  let heldUntilMs = 0;
  /** The end of this process's last pause. */
  let resumedMs = 0;
  /** How long the last message looked at had waited to be read: what may be due by now. */
  let behindMs = 0;
  /** The client whose oldest publishes are looked at next. */
  let expiring = 0;
  /** The oldest publish that this round of looks left in flight, and when the first may expire. */
  let oldestMs = 0;
  let expiryMs = 0;

  const atSec = () => Math.max(0, Math.round(now() - windowStartMs) / 1_000);
  const rowOf = (typeIndex: number, dueMs: number) =>
    dueMs < windowStartMs ? typeIndex + types : typeIndex;

  const pump = (nowMs: number): void => {
    if (nowMs < nextDueMs || isPumping) return;
    isPumping = true;
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
        giveUp(POOL_EXHAUSTED);
      } else {
        // What is sent first is sent now; each one behind it some 20 µs later.
        const atMs = n === 0 ? nowMs : source.currentTestRunDuration;
        let row = charCodeAt(line, 0) - LETTER_A;
        if (nextDueMs < windowStartMs) row += types;
        else {
          // `Math.max` is a call, which costs more than all of this line.
          record(scheduleLag, atMs - (heldUntilMs > nextDueMs ? heldUntilMs : nextDueMs));
        }
        (scheduled[row] as number)++;
        let part: SetPart | null = null;
        if (!hasSets || line.charCodeAt(1) === FIRST_PART) {
          turn = turn + 1 === clientCount ? 0 : turn + 1;
        }
        if (hasSets && line.charCodeAt(2) !== FIRST_PART) part = sets.take(line, row, nextDueMs);
        const client = clients[turn] as Client;
        if (client.state !== OPEN) {
          recorder.count(row, NO_CONNECTION);
          if (part !== null) sets.miss(part);
        } else if (client.inFlight < maxInFlight) {
          const cell = send(client, line, row, nextDueMs, atMs);
          if (part !== null) sets.sent(cell, part);
        } else {
          client.waiting.push({ line, row, dueMs: nextDueMs, part });
          waiting++;
        }
        nextDueMs = startMs + nextArrival();
      }
    }
    isPumping = false;
  };

  /** With no answer under way that could come meanwhile: waits for what is due in a moment; gives the time. */
  const awaitDue = (fromMs: number): number => {
    let nowMs = fromMs;
    if (nextDueMs - nowMs < spinMs) {
      while (nowMs < nextDueMs) nowMs = source.currentTestRunDuration;
    }
    return nowMs;
  };

  /** An arrival that gets no event of the pool: its type stays unknown. */
  const giveUp = (column: number): void => {
    const row = rowOf(types - 1, nextDueMs);
    recorder.count(row, SCHEDULED);
    recorder.count(row, column);
    nextDueMs = startMs + nextArrival();
  };

  const send = (
    client: Client,
    line: string,
    row: number,
    dueMs: number,
    sentMs: number,
  ): number => {
    client.socket.send(substring(line, HEADER_LENGTH));
    // Known by the whole plain OK that will come: no answer is cut or read that needs not be.
    const key = `["OK","${substring(line, ID_START, ID_END)}",true,""]`;
    if (freeCells === 0) growCells();
    const cell = free[--freeCells] as number;
    rows[cell] = row;
    due[cell] = dueMs;
    sent[cell] = sentMs;
    client.pending.set(key, cell);
    inFlight++;
    if (++client.inFlight === maxInFlight) room--;
    (attempted[row] as number)++;
    return cell;
  };

  const growCells = (): void => {
    freeCells = rows.length;
    ({ rows, due, sent, free } = growFlight({ rows, due, sent, free }));
  };

  /** One function for all that is done with a plain OK: k6 starts each message on an empty stack, made anew. */
  const listen = (client: Client) => {
    const { pending } = client;
    // Of this connection. Variables of a closure are the cheapest that can be read elsewhere: 0.2 µs an OK.
    let answers = 0;
    let answeredMs = 0;
    client.answered = () => ({ answers, answeredMs });
    return (message: SocketMessage): void => {
      try {
        const receivedMs = message.timestamp - offsetMs;
        if (++messages >= lookEvery) look(client, receivedMs);
        const text = message.data as string;
        const cell = pending.get(text);
        if (cell === undefined) readOther(client, text, receivedMs);
        else {
          pending.delete(text);
          if (answers++ === 0) onProof(client);
          answeredMs = receivedMs;
          const row = settle(client, cell, receivedMs);
          if (hasSets) sets.settle(cell, true, receivedMs);
          (acceptedCounts[row] as number)++;
          if (isAudited && accepted++ % auditEvery === 0) {
            noteAccepted(client, text.substring(OK_ID_START, OK_ID_END));
          }
          if (waiting > 0) sendWaiting(client);
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

  const look = (client: Client, receivedMs: number): void => {
    messages = 0;
    record(loopLag, now() - receivedMs);
    recorder.link.writeLooks++;
    if (client.socket.bufferedAmount > largestFrame) recorder.link.writesBehind++;
  };

  const noteAccepted = (client: Client, id: string): void =>
    recorder.noteAccepted(relayUrls.indexOf(client.url), id);

  /** Books the times of an answered publish and frees its place; gives its row. */
  const settle = (client: Client, cell: number, receivedMs: number): number => {
    const row = rows[cell] as number;
    const responseMs = receivedMs - (due[cell] as number);
    const serviceMs = receivedMs - (sent[cell] as number);
    record(response[row] as Histogram, responseMs);
    record(service[row] as Histogram, serviceMs);
    if (isOfMany && row < types) {
      record(byRelay[relayUrls.indexOf(client.url)] as Histogram, serviceMs);
    }
    if (++settled % sampleEvery === 0) recorder.samples.push(row, responseMs, serviceMs);
    free[freeCells++] = cell;
    inFlight--;
    if (client.inFlight-- === maxInFlight) makeRoom(receivedMs);
    return row;
  };

  const makeRoom = (nowMs: number): void => {
    if (room === 0) heldUntilMs = nowMs;
    room++;
  };

  const onOk = (client: Client, ok: ReadMessage & { type: "OK" }, receivedMs: number): void => {
    const key = `["OK","${ok.id}",true,""]`;
    const cell = client.pending.get(key);
    if (cell === undefined) {
      settleUnawaited(client, key, ok);
      return;
    }
    client.pending.delete(key);
    client.otherAnswers++;
    client.toldMs = receivedMs;
    onProof(client);
    const outcome = classify(settle(client, cell, receivedMs), ok.accepted, ok.text);
    const isFine = outcome === "accepted" || outcome === "duplicate" || outcome === "unheard";
    sets.settle(cell, isFine, receivedMs);
    if (isAudited && outcome === "accepted" && accepted++ % auditEvery === 0) {
      noteAccepted(client, ok.id);
    }
    if (waiting > 0) sendWaiting(client);
  };

  const settleUnawaited = (
    client: Client,
    key: string,
    { id, accepted: isAccepted, text }: ReadMessage & { type: "OK" },
  ): void => {
    if (client.late?.delete(key)) {
      remembered--;
      recorder.link.lateOk++;
      return;
    }
    recorder.link.unknownOk++;
    const code = id === "" ? "empty id" : "unmatched";
    // A refusal that doesn't say of what, while something waits for its answer.
    const example = `OK ${isAccepted} for \`${id.slice(0, 16)}\`, not awaited: ${text}`;
    if (isAccepted || client.inFlight === 0) recorder.error("unknownOk", code, atSec(), example);
    else recorder.said("unknownOk", code, atSec(), text, { example });
  };

  const classify = (row: number, isAccepted: boolean, text: string): AnsweredOutcome => {
    const outcome = classifyOk(isAccepted, text);
    if (outcome === "accepted") recorder.count(row, ACCEPTED);
    else if (outcome === "duplicate") recorder.count(row, DUPLICATE);
    else if (outcome === "superseded") recorder.count(row, SUPERSEDED);
    else if (mayBeEphemeral[row % types] && recorder.reasonOf(text) === "unheard") {
      recorder.count(row, UNHEARD);
      return "unheard";
    } else {
      recorder.count(row, REJECTED);
      recorder.said("reject", messagePrefix(text), atSec(), text, { row });
    }
    return outcome;
  };

  const readOther = (client: Client, data: string | ArrayBuffer, receivedMs: number): void => {
    const message = readMessage(data);
    client.heardMs = receivedMs;
    switch (message.type) {
      case "OK":
        onOk(client, message, receivedMs);
        return;
      case "NOTICE":
        recorder.link.notices++;
        recorder.said("notice", messagePrefix(message.text), atSec(), message.text);
        return;
      case "AUTH":
        recorder.error("auth", "challenge", atSec(), "the relay asks for authentication (NIP-42)");
        return;
      case "EVENT":
      case "EOSE":
      case "CLOSED":
        asker?.onAnswer(client, message, receivedMs);
        // The CLOSE behind an EOSE has just been sent.
        if (message.type === "EOSE") client.toldMs = receivedMs;
        if (message.type === "EOSE") onProof(client);
        return;
      case "other":
        return;
      case "malformed":
        recorder.link.malformedFrames++;
        recorder.error("malformed", message.code, atSec(), message.example);
    }
  };

  const sendWaiting = (client: Client): void => {
    while (client.inFlight < maxInFlight && client.waiting.length > 0) {
      const next = client.waiting.shift();
      if (next === undefined) return;
      waiting--;
      const cell = send(client, next.line, next.row, next.dueMs, now());
      if (next.part !== null) sets.sent(cell, next.part);
    }
  };

  const dropWaiting = (client: Client, column: number): void => {
    for (let next = client.waiting.shift(); next !== undefined; next = client.waiting.shift()) {
      giveUpWaiting(next, column);
    }
  };

  const giveUpWaiting = ({ row, part }: Waiting, column: number): void => {
    recorder.count(row, column);
    if (part !== null) sets.miss(part);
    waiting--;
  };

  const timeOut = (client: Client, key: string, cell: number): void => {
    const row = rows[cell] as number;
    recorder.count(row, TIMED_OUT);
    sets.settle(cell, false, now());
    recorder.eventError("timeout", "no OK", atSec(), `no OK in ${ackTimeoutMs} ms`, row);
    client.pending.delete(key);
    free[freeCells++] = cell;
    inFlight--;
    if (client.inFlight-- === maxInFlight) makeRoom(now());
    if (remembered >= MOST_REMEMBERED) return;
    client.late ??= new Set();
    client.late.add(key);
    remembered++;
  };

  /** Since when an event due then has waited for a place: what it waited for this process is no wait for one. */
  const waitsSince = (dueMs: number) => Math.max(dueMs, resumedMs);

  const expireClient = (client: Client, nowMs: number): void => {
    // A map keeps the order in which its keys were set: the first is the oldest.
    for (const [key, cell] of client.pending) {
      const sentMs = sent[cell] as number;
      if (sentMs + ackTimeoutMs > nowMs) {
        oldestMs = Math.min(oldestMs, sentMs);
        break;
      }
      timeOut(client, key, cell);
    }
    for (let next = client.waiting.peek(); next !== undefined; next = client.waiting.peek()) {
      if (waitsSince(next.dueMs) + ackTimeoutMs > nowMs) break;
      client.waiting.shift();
      giveUpWaiting(next, BACKPRESSURE);
    }
    asker?.expire(client, nowMs);
    if (client.state === OPEN) sendWaiting(client);
  };

  const expire = (nowMs: number): void => {
    if (room === 0 && open > 0) {
      while (waitsSince(nextDueMs) + ackTimeoutMs <= nowMs) giveUp(BACKPRESSURE);
    }
    if (waiting === 0 && asker === null && (inFlight === 0 || nowMs < expiryMs)) return;
    const looks = Math.min(clientCount, Math.max(50, clientCount / 10));
    for (let n = 0; n < looks; n++) {
      // What is sent behind a look at its client is sent later than this round began.
      if (expiring === 0) oldestMs = nowMs;
      const client = clients[expiring] as Client;
      // Of many connections most are idle: a call for each of them would be a pause in sending.
      if (client.inFlight > 0 || waiting > 0 || asker !== null) expireClient(client, nowMs);
      expiring = expiring + 1 === clientCount ? 0 : expiring + 1;
      if (expiring === 0) expiryMs = oldestMs + ackTimeoutMs;
    }
  };

  const expireAll = (): void => {
    for (const client of clients) expireClient(client, Number.POSITIVE_INFINITY);
  };

  const onDrop = (client: Client): void => {
    open--;
    if (client.inFlight < maxInFlight) room--;
    for (const cell of client.pending.values()) {
      recorder.count(rows[cell] as number, LOST);
      sets.settle(cell, false, now());
      free[freeCells++] = cell;
      inFlight--;
    }
    remembered -= client.late?.size ?? 0;
    client.late = null;
    client.pending.clear();
    client.inFlight = 0;
    dropWaiting(client, NO_CONNECTION);
    asker?.onDrop(client);
  };

  return {
    get startMs() {
      return startMs;
    },
    get windowStartMs() {
      return windowStartMs;
    },
    get windowEndMs() {
      return windowEndMs;
    },
    get nextDueMs() {
      return nextDueMs;
    },
    get wakeMs() {
      return nextDueMs + gatherMs;
    },
    get isHeld() {
      return room === 0 && open > 0;
    },
    get waiting() {
      return waiting;
    },
    get resumedMs() {
      return resumedMs;
    },
    get inFlight() {
      return inFlight;
    },
    get isSettled() {
      const late = clients.reduce((sum, client) => sum + (client.late?.size ?? 0), 0);
      const isFree = freeCells === rows.length && room === open && remembered === late;
      return inFlight === 0 && waiting === 0 && isFree;
    },
    start(atMs) {
      startMs = atMs;
      windowStartMs = atMs + plan.warmupSec * 1_000;
      windowEndMs = windowStartMs + plan.durationSec * 1_000;
      nextDueMs = startMs + nextArrival();
    },
    pump(nowMs) {
      pump(nowMs);
      if (inFlight === 0) pump(awaitDue(now()));
    },
    onOpen() {
      open++;
      makeRoom(now());
    },
    listen,
    onDrop,
    expire,
    resume(nowMs) {
      resumedMs = nowMs;
    },
    expireAll,
    endWindow() {
      while (nextDueMs < Number.POSITIVE_INFINITY) giveUp(BACKPRESSURE);
      for (const client of clients) dropWaiting(client, BACKPRESSURE);
    },
    atSec,
  };
}
