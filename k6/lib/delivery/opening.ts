/**
 * Opens the subscriptions, and finds out that they are: each has its EOSE, then an event of its topic comes. A relay
 * may answer EOSE and deliver nothing, as beyond a bound of its own. What is not ready in time is named by how.
 */
import { D_PROBES } from "../../../src/measure/classes/delivery.ts";
import { messagePrefix } from "../../../src/nostr/ok.ts";
import { HEADER_LENGTH } from "../../../src/pool/format.ts";
import { type Client, OPEN } from "../connection/client.ts";
import type { Ground } from "../driver.ts";
import { substring } from "../hot.ts";
import { keyOfId, keyOfLine } from "./sent.ts";
import { ASKED, type Lane, LIVE, LOST, type Subscriptions } from "./subscriptions.ts";

/** REQs without an EOSE in a VU and on a connection, and probes without an OK. */
const MOST_ASKED = 256;
const MOST_ASKED_EACH = 8;
const MOST_PROBES = 64;
/** Of ten thousand subscriptions a look at all takes some milliseconds. */
const LOOK_EVERY_MS = 25;

const BEFORE = 0;
const ASKING = 1;
const PROBING = 2;
const OVER = 3;

export interface OpeningOptions {
  readonly subscriptions: Subscriptions;
  /** Those with numbers from here to before there are its own. */
  readonly from: number;
  readonly to: number;
  readonly publishers: readonly Client[];
  /** An event of each topic, as lines of the pool. */
  readonly probes: readonly string[];
  /** Without an EOSE, an OK or a probe for so long, it is given up. */
  readonly patienceMs: number;
  readonly lose: (number: number, how: string) => void;
}

export function createOpening(
  { clock, recorder, atSec, prove }: Ground,
  { subscriptions, from, to, publishers, probes, patienceMs, lose }: OpeningOptions,
) {
  const { now } = clock;
  const { states, askedMs, proven, lostBy } = subscriptions;
  /** Keys of probes → the topic's place; those whose OK is awaited. */
  const topicOfProbe = new Map(probes.map((line, place) => [keyOfLine(line), place]));
  const unanswered = new Set<string>();
  let phase = BEFORE;
  let progressMs = 0;
  let lookMs = 0;
  let asked = 0;
  let nextAsked = from;
  let nextProbe = 0;
  let turn = 0;

  const ask = (number: number): void => {
    states[number] = ASKED;
    askedMs[number] = now();
    asked++;
    const { socket } = subscriptions.laneOf(number).client;
    socket.send(`["REQ","${subscriptions.idOf(number)}",${subscriptions.filterOf(number)}]`);
  };

  /** A subscription that was asked for has an end, whichever. */
  const answered = (nowMs: number): void => {
    asked--;
    progressMs = nowMs;
  };

  const askedOn = ({ first, count }: Lane): number => {
    let n = 0;
    for (let number = first; number < first + count; number++)
      n += Number(states[number] === ASKED);
    return n;
  };

  const askNext = (): void => {
    for (; nextAsked < to && asked < MOST_ASKED; nextAsked++) {
      const lane = subscriptions.laneOf(nextAsked);
      if (lane.client.state !== OPEN) {
        lose(nextAsked, "no connection");
        continue;
      }
      if (lane.count > 1 && askedOn(lane) >= MOST_ASKED_EACH) return;
      ask(nextAsked);
    }
  };

  const probeNext = (): void => {
    while (nextProbe < probes.length && unanswered.size < MOST_PROBES) {
      const line = probes[nextProbe++] as string;
      for (let tries = 0; tries < publishers.length; tries++) {
        const client = publishers[turn++ % publishers.length] as Client;
        if (client.state !== OPEN) continue;
        unanswered.add(keyOfLine(line));
        client.socket.send(substring(line, HEADER_LENGTH));
        break;
      }
    }
  };

  const isReady = (number: number) =>
    states[number] === LIVE && (proven[number] === 1 || subscriptions.topicOf(number) === null);

  const areReady = (): boolean => {
    for (let number = from; number < to; number++) if (!isReady(number)) return false;
    return true;
  };

  const nameOf = (number: number): string => {
    if (states[number] === LOST) return lostBy.get(number) ?? "";
    if (subscriptions.laneOf(number).noticed !== null) return "NOTICE";
    return states[number] === LIVE ? "no event" : "no EOSE";
  };

  const end = (): void => {
    phase = OVER;
    for (let number = from; number < to; number++) {
      if (isReady(number)) continue;
      const how = nameOf(number);
      const { noticed, client } = subscriptions.laneOf(number);
      if (how === "NOTICE") recorder.said("unready", how, atSec(), noticed ?? "");
      else {
        const text = `\`${subscriptions.idOf(number)}\` on connection ${client.index + 1}, ${subscriptions.filterOf(number)}`;
        recorder.error("unready", how, atSec(), text);
      }
      if (states[number] !== LOST) lose(number, how);
    }
  };

  return {
    get isBefore() {
      return phase === BEFORE;
    },
    get isOver() {
      return phase === OVER;
    },
    begin(): void {
      phase = ASKING;
      progressMs = now();
    },
    /** The next step, if there is one. */
    work(nowMs: number): void {
      if (phase === BEFORE || phase === OVER) return;
      const isStuck = nowMs - progressMs > patienceMs;
      if (phase === ASKING) {
        askNext();
        const isThrough = nextAsked >= to && asked === 0;
        if (!isThrough && !isStuck) return;
        phase = PROBING;
        progressMs = nowMs;
      }
      probeNext();
      if (nowMs < lookMs) return;
      lookMs = nowMs + LOOK_EVERY_MS;
      const isProbed = nextProbe >= probes.length && unanswered.size === 0;
      if ((isProbed && areReady()) || nowMs - progressMs > patienceMs) end();
    },
    /** The window is over: what is not ready by now never was. */
    giveUp(): void {
      if (phase !== OVER && phase !== BEFORE) end();
    },
    /** A connection is open: it is asked for again what it was asked for before. */
    open({ first, count }: Lane): void {
      if (phase === BEFORE) return;
      for (let number = first; number < first + count; number++)
        if (states[number] === LOST) ask(number);
    },
    drop(number: number, nowMs: number): void {
      if (states[number] === ASKED) answered(nowMs);
    },
    takeEose(number: number, nowMs: number): void {
      if (states[number] !== ASKED) return;
      states[number] = LIVE;
      answered(nowMs);
      prove(subscriptions.laneOf(number).client);
      if (phase === ASKING) askNext();
    },
    takeClosed(number: number, text: string, nowMs: number): string {
      if (states[number] === ASKED) answered(nowMs);
      return `CLOSED ${messagePrefix(text)}`;
    },
    /** Whether a frame is of a probe. */
    takeProbe(number: number, key: string, nowMs: number): boolean {
      const topic = topicOfProbe.get(key);
      if (topic === undefined) return false;
      recorder.books.delivery.count(subscriptions.rowOf(number), D_PROBES);
      if (topic === subscriptions.topicOf(number)?.place && states[number] === LIVE) {
        proven[number] = 1;
        progressMs = nowMs;
      }
      return true;
    },
    takeOk(id: string, isAccepted: boolean, text: string, nowMs: number): boolean {
      const key = keyOfId(id);
      if (!unanswered.delete(key)) return topicOfProbe.has(key);
      progressMs = nowMs;
      if (!isAccepted) recorder.said("unready", "probe refused", atSec(), text);
      return true;
    },
  };
}
