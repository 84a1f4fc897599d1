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
import {
  ASKED,
  type Lane,
  LIVE,
  LOST,
  rowOf,
  type Subscription,
  type Topic,
} from "./subscription.ts";

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
  readonly lanes: readonly Lane[];
  readonly topics: readonly Topic[];
  readonly publishers: readonly Client[];
  /** An event of each topic, as lines of the pool. */
  readonly probes: readonly string[];
  /** Without an EOSE, an OK or a probe for so long, it is given up. */
  readonly patienceMs: number;
  readonly lose: (subscription: Subscription, how: string) => void;
}

export function createOpening(
  { clock, recorder, atSec, prove }: Ground,
  { lanes, topics, publishers, probes, patienceMs, lose }: OpeningOptions,
) {
  const { now } = clock;
  const all = lanes.flatMap(({ subscriptions }) => subscriptions);
  /** Keys of probes → the topic; those whose OK is awaited. */
  const topicOfProbe = new Map(probes.map((line, i) => [keyOfLine(line), topics[i] as Topic]));
  const unanswered = new Set<string>();
  let phase = BEFORE;
  let progressMs = 0;
  let lookMs = 0;
  let number = 0;
  let asked = 0;
  let nextAsked = 0;
  let nextProbe = 0;
  let turn = 0;

  const ask = (subscription: Subscription): void => {
    const { lane, filter } = subscription;
    const id = `d${(++number).toString(36)}`;
    lane.byId.delete(subscription.id);
    lane.byId.set(id, subscription);
    lane.only = lane.subscriptions.length === 1 ? subscription : null;
    Object.assign(subscription, { id, head: `["EVENT","${id}",`, state: ASKED, askedMs: now() });
    asked++;
    lane.client.socket.send(`["REQ","${id}",${filter}]`);
  };

  /** A subscription that was asked for has an end, whichever. */
  const answered = (nowMs: number): void => {
    asked--;
    progressMs = nowMs;
  };

  const askedOn = ({ subscriptions }: Lane): number =>
    subscriptions.reduce((n, { state }) => n + Number(state === ASKED), 0);

  const askNext = (): void => {
    for (; nextAsked < all.length && asked < MOST_ASKED; nextAsked++) {
      const subscription = all[nextAsked] as Subscription;
      if (subscription.lane.client.state !== OPEN) {
        lose(subscription, "no connection");
        continue;
      }
      if (
        subscription.lane.subscriptions.length > 1 &&
        askedOn(subscription.lane) >= MOST_ASKED_EACH
      )
        return;
      ask(subscription);
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

  const isOpen = ({ state }: Subscription) => state === LIVE;
  const isReady = (one: Subscription) => isOpen(one) && (one.topic === null || one.isProven);

  const nameOf = ({ state, lostBy, lane }: Subscription): string => {
    if (state === LOST) return lostBy;
    if (lane.noticed !== null) return "NOTICE";
    return state === LIVE ? "no event" : "no EOSE";
  };

  const end = (): void => {
    phase = OVER;
    for (const one of all) {
      if (isReady(one)) continue;
      const how = nameOf(one);
      const { noticed, client } = one.lane;
      if (how === "NOTICE") recorder.said("unready", how, atSec(), noticed ?? "");
      else {
        const text = `\`${one.id}\` on connection ${client.index + 1}, ${one.filter}`;
        recorder.error("unready", how, atSec(), text);
      }
      if (one.state !== LOST) lose(one, how);
    }
  };

  return {
    get isBefore() {
      return phase === BEFORE;
    },
    get isOver() {
      return phase === OVER;
    },
    get subscriptions() {
      return all;
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
        const isThrough = nextAsked >= all.length && asked === 0;
        if (!isThrough && !isStuck) return;
        phase = PROBING;
        progressMs = nowMs;
      }
      probeNext();
      if (nowMs < lookMs) return;
      lookMs = nowMs + LOOK_EVERY_MS;
      const isProbed = nextProbe >= probes.length && unanswered.size === 0;
      if ((isProbed && all.every(isReady)) || nowMs - progressMs > patienceMs) end();
    },
    /** The window is over: what is not ready by now never was. */
    giveUp(): void {
      if (phase !== OVER && phase !== BEFORE) end();
    },
    /** A connection is open: it is asked for again what it was asked for before. */
    open({ subscriptions }: Lane): void {
      if (phase === BEFORE) return;
      for (const one of subscriptions) if (one.state === LOST) ask(one);
    },
    drop(subscription: Subscription, nowMs: number): void {
      if (subscription.state === ASKED) answered(nowMs);
    },
    takeEose(subscription: Subscription, nowMs: number): void {
      if (subscription.state !== ASKED) return;
      subscription.state = LIVE;
      answered(nowMs);
      prove(subscription.lane.client);
      if (phase === ASKING) askNext();
    },
    takeClosed(subscription: Subscription, text: string, nowMs: number): string {
      if (subscription.state === ASKED) answered(nowMs);
      return `CLOSED ${messagePrefix(text)}`;
    },
    /** Whether a frame is of a probe. */
    takeProbe(subscription: Subscription, key: string, nowMs: number): boolean {
      const topic = topicOfProbe.get(key);
      if (topic === undefined) return false;
      recorder.books.delivery.count(rowOf(subscription), D_PROBES);
      if (topic === subscription.topic && subscription.state === LIVE) {
        subscription.isProven = true;
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
