/**
 * The open model inside one VU. Arrivals are due at times set beforehand; whatever turns the event
 * loop (a timer, an answer) first sends what is due. Lateness is recorded as schedule lag. An event
 * whose connection has its fill of unanswered publishes waits, with its due time kept, so that a
 * stall of the relay shows in response times and not only in a lower rate.
 */
import { type Arrivals, createArrivals } from "../../src/load/arrivals.ts";
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
} from "../../src/measure/outcome.ts";
import type { Recorder } from "../../src/measure/recorder.ts";
import { classifyOk, messagePrefix } from "../../src/nostr/ok.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { FRAME_ID_OFFSET } from "../../src/pool/format.ts";
import { seededRandom } from "../../src/random.ts";
import type { Clock } from "./clock.ts";
import { type Client, OPEN } from "./connections.ts";
import { type FrameSource, frameOf, startsSet } from "./frames.ts";
import { Slots } from "./slots.ts";

/** `["OK","<64 hex>",true,""]` */
const PLAIN_OK_LENGTH = 81;
const QUOTE = 34;
const LETTER_T = 116;
const LETTER_A = 97;
/** A timed-out id is remembered for a late OK, up to so many in a VU. */
const MOST_REMEMBERED = 100_000;
const TIMED_OUT_MARK = -1;

export interface PublisherOptions {
  readonly plan: Plan;
  /** Rows of one phase: the event types and one for events that never got a type. */
  readonly types: number;
  readonly share: number;
  readonly clients: readonly Client[];
  readonly frames: FrameSource;
  readonly clock: Clock;
  readonly recorder: Recorder;
}

export class Publisher {
  /** Start of the schedule (the warm-up, if any) and of the measured window, ms. */
  startMs = 0;
  windowStartMs = 0;
  windowEndMs = 0;
  readonly #options: PublisherOptions;
  readonly #clients: readonly Client[];
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #slots = new Slots();
  #arrivals: Arrivals;
  #nextDueMs = Number.POSITIVE_INFINITY;
  #client = 0;
  #waiting = 0;
  #remembered = 0;
  #pumping = false;
  #countedMs = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#clients = options.clients;
    this.#clock = options.clock;
    this.#recorder = options.recorder;
    const { plan, share } = options;
    this.#arrivals = createArrivals({
      kind: plan.arrival,
      ratePerSecond: plan.rateEps,
      durationMs: (plan.warmupSec + plan.durationSec) * 1_000,
      share,
      shares: plan.vus,
      random: seededRandom(plan.seed, `arrivals/${share}`),
    });
  }

  /** Sets the schedule's start; nothing is due before. */
  start(startMs: number): void {
    const { plan } = this.#options;
    this.startMs = startMs;
    this.windowStartMs = startMs + plan.warmupSec * 1_000;
    this.windowEndMs = this.windowStartMs + plan.durationSec * 1_000;
    this.#nextDueMs = startMs + this.#arrivals.dueMs;
  }

  /** When the next event is due; `Infinity` when there is none left. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  get inFlight(): number {
    return this.#slots.used;
  }

  /** Sends all that is due. Cheap when nothing is. */
  pump(nowMs: number): void {
    if (nowMs < this.#nextDueMs || this.#pumping) return;
    this.#pumping = true;
    while (this.#nextDueMs <= nowMs) {
      const line = this.#options.frames.next();
      // The chunk on its way will be here within a turn or two; what is due waits for it, late.
      if (line === null && this.#options.frames.starved) break;
      this.#arrive(line, this.#nextDueMs, nowMs);
      this.#arrivals.advance();
      this.#nextDueMs = this.startMs + this.#arrivals.dueMs;
    }
    this.#pumping = false;
  }

  #arrive(line: string | null, dueMs: number, nowMs: number): void {
    const recorder = this.#recorder;
    const phaseRow = dueMs < this.windowStartMs ? this.#options.types : 0;
    if (line === null) {
      const row = phaseRow + this.#options.types - 1;
      recorder.count(row, SCHEDULED);
      recorder.count(row, POOL_EXHAUSTED);
      return;
    }
    const row = phaseRow + line.charCodeAt(0) - LETTER_A;
    recorder.count(row, SCHEDULED);
    if (phaseRow === 0) recorder.scheduleLag.record(nowMs - dueMs);
    if (startsSet(line)) this.#client = (this.#client + 1) % this.#clients.length;
    const client = this.#clients[this.#client];
    if (client === undefined || client.state !== OPEN) {
      recorder.count(row, NO_CONNECTION);
    } else if (client.inFlight < this.#options.plan.maxInFlight && client.waiting.length === 0) {
      this.#send(client, frameOf(line), row, dueMs);
    } else {
      client.waiting.push({ frame: frameOf(line), row, dueMs });
      this.#waiting++;
    }
  }

  #send(client: Client, frame: string, row: number, dueMs: number): void {
    const id = frame.substring(FRAME_ID_OFFSET, FRAME_ID_OFFSET + 64);
    const sentMs = this.#clock.now();
    this.#integrate(sentMs);
    client.socket?.send(frame);
    const slot = this.#slots.take(id, client, row, dueMs, sentMs);
    client.pending.set(id, slot);
    client.inFlight++;
    this.#recorder.count(row, ATTEMPTED);
  }

  /** Takes a message of the relay. The hot path: a plain OK costs no parse. */
  onMessage(client: Client, data: string | ArrayBuffer, receivedMs: number, nowMs: number): void {
    this.#integrate(nowMs);
    if (typeof data !== "string") {
      this.#malformed("binary frame");
      return;
    }
    if (data.startsWith('["OK","') && data.charCodeAt(71) === QUOTE) {
      const id = data.substring(7, 71);
      if (data.length === PLAIN_OK_LENGTH && data.charCodeAt(73) === LETTER_T) {
        this.#settle(client, id, receivedMs, true, "");
        return;
      }
      const parsed = parseMessage(data);
      if (parsed && typeof parsed[2] === "boolean") {
        this.#settle(client, id, receivedMs, parsed[2], String(parsed[3] ?? ""));
        return;
      }
      this.#malformed(data);
      return;
    }
    this.#other(client, data, receivedMs);
  }

  #other(client: Client, data: string, receivedMs: number): void {
    const message = parseMessage(data);
    const type = message?.[0];
    if (
      message &&
      type === "OK" &&
      typeof message[1] === "string" &&
      typeof message[2] === "boolean"
    ) {
      this.#settle(client, message[1], receivedMs, message[2], String(message[3] ?? ""));
    } else if (message && type === "NOTICE" && typeof message[1] === "string") {
      this.#recorder.link.notices++;
      this.#recorder.error("notice", messagePrefix(message[1]), this.atSec(), message[1]);
    } else if (message && type === "AUTH" && typeof message[1] === "string") {
      this.#recorder.error(
        "auth",
        "challenge",
        this.atSec(),
        "the relay asks for NIP-42 authentication",
      );
    } else if (!message || !["EVENT", "EOSE", "CLOSED", "COUNT"].includes(String(type))) {
      this.#malformed(data);
    }
  }

  #settle(client: Client, id: string, receivedMs: number, accepted: boolean, text: string): void {
    const slot = client.pending.get(id);
    const recorder = this.#recorder;
    if (slot === undefined) {
      recorder.link.unknownOk++;
      recorder.error(
        "unknownOk",
        "unmatched",
        this.atSec(),
        `OK for ${id.slice(0, 16)}…, which was not awaited`,
      );
      return;
    }
    client.pending.delete(id);
    if (slot === TIMED_OUT_MARK) {
      this.#remembered--;
      recorder.link.lateOk++;
      return;
    }
    const slots = this.#slots;
    const row = slots.row(slot);
    recorder.response[row]?.record(receivedMs - slots.dueMs(slot));
    recorder.service[row]?.record(receivedMs - slots.sentMs(slot));
    slots.release(slot);
    client.inFlight--;
    if (accepted && text === "") recorder.count(row, ACCEPTED);
    else this.#classify(row, accepted, text);
    if (client.waiting.length > 0) this.#sendWaiting(client);
  }

  #classify(row: number, accepted: boolean, text: string): void {
    const outcome = classifyOk(accepted, text);
    if (outcome === "accepted") this.#recorder.count(row, ACCEPTED);
    else if (outcome === "duplicate") this.#recorder.count(row, DUPLICATE);
    else if (outcome === "superseded") this.#recorder.count(row, SUPERSEDED);
    else {
      this.#recorder.count(row, REJECTED);
      this.#recorder.error("reject", messagePrefix(text), this.atSec(), text);
    }
  }

  #sendWaiting(client: Client): void {
    while (client.waiting.length > 0 && client.inFlight < this.#options.plan.maxInFlight) {
      const next = client.waiting.shift();
      if (!next) return;
      this.#waiting--;
      this.#send(client, next.frame, next.row, next.dueMs);
    }
  }

  /** A connection is gone: what was in flight is lost, what waited has no connection. */
  onDrop(client: Client): void {
    this.#integrate(this.#clock.now());
    for (const slot of client.pending.values()) {
      if (slot === TIMED_OUT_MARK) {
        this.#remembered--;
        continue;
      }
      this.#recorder.count(this.#slots.row(slot), LOST);
      this.#slots.release(slot);
    }
    client.pending.clear();
    client.inFlight = 0;
    this.#dropWaiting(client, NO_CONNECTION);
  }

  /** Times out what has had no answer, and gives up what has waited as long for a place. */
  expire(nowMs: number): void {
    const { ackTimeoutMs } = this.#options.plan;
    for (;;) {
      const slot = this.#slots.oldest();
      if (slot < 0 || this.#slots.sentMs(slot) + ackTimeoutMs > nowMs) break;
      this.#timeOut(slot);
    }
    if (this.#waiting === 0) return;
    for (const client of this.#clients) {
      while ((client.waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY) + ackTimeoutMs <= nowMs) {
        const expired = client.waiting.shift();
        if (expired) this.#recorder.count(expired.row, BACKPRESSURE);
        this.#waiting--;
      }
      if (client.state === OPEN) this.#sendWaiting(client);
    }
  }

  #timeOut(slot: number): void {
    const slots = this.#slots;
    const client = slots.client(slot);
    this.#integrate(this.#clock.now());
    const id = slots.id(slot);
    this.#recorder.count(slots.row(slot), TIMED_OUT);
    this.#recorder.error(
      "timeout",
      "no OK",
      this.atSec(),
      `no OK in ${this.#options.plan.ackTimeoutMs} ms`,
    );
    slots.release(slot);
    client.inFlight--;
    if (this.#remembered < MOST_REMEMBERED) {
      client.pending.set(id, TIMED_OUT_MARK);
      this.#remembered++;
    } else client.pending.delete(id);
  }

  /** The window is over: what still waits is not sent any more. */
  endWindow(): void {
    for (const client of this.#clients) this.#dropWaiting(client, BACKPRESSURE);
  }

  /** Adds the publishes in flight since the last change, for the check by Little's law. */
  #integrate(nowMs: number): void {
    const fromMs = Math.max(this.#countedMs, this.windowStartMs);
    const toMs = Math.min(nowMs, this.windowEndMs);
    if (toMs > fromMs) this.#recorder.inFlightMs += this.#slots.used * (toMs - fromMs);
    this.#countedMs = nowMs;
  }

  /** Seconds since the window began. */
  atSec(): number {
    return Math.max(0, Math.round(this.#clock.now() - this.windowStartMs) / 1_000);
  }

  #dropWaiting(client: Client, column: number): void {
    for (const waiting of client.waiting) this.#recorder.count(waiting.row, column);
    this.#waiting -= client.waiting.length;
    client.waiting = [];
  }

  #malformed(example: string): void {
    this.#recorder.link.malformedFrames++;
    this.#recorder.error("malformed", "frame", this.atSec(), example);
  }
}

function parseMessage(data: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(data);
    return Array.isArray(value) ? value : null;
  } catch {
    // What is not JSON is counted as a malformed frame by the caller.
    return null;
  }
}
