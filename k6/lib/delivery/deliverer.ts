/**
 * The delivery driver: subscriptions that wait for what others publish. What was published when, and what the relay
 * said of it, the publish driver tells whoever follows it (`following`); it knows nothing of who that is.
 */

import { filterOfDecoy, filterOfTopics } from "../../../src/events/topic-filter.ts";
import {
  D_LOST_SUBSCRIPTIONS,
  DELIVERY_ROWS,
  STRANGERS,
} from "../../../src/measure/classes/delivery.ts";
import { MOST_SAMPLES } from "../../../src/measure/recorder.ts";
import { deliveriesPerSecond, joinsOf } from "../../../src/plan/fanout.ts";
import { seededRandom } from "../../../src/random.ts";
import type { Client } from "../connection/client.ts";
import type { Following, Ground, LeadingDriver } from "../driver.ts";
import type { ReadMessage } from "../relay-message.ts";
import { createDeliveries } from "./deliveries.ts";
import { createListener } from "./listener.ts";
import { createOpening } from "./opening.ts";
import type { DeliveryOptions } from "./options.ts";
import { authorOfLine, ID_MEMBER, KEY_LENGTH, keyOfId, type Sent } from "./sent.ts";
import {
  type Lane,
  LIVE,
  LOST,
  NOBODY,
  Subscriptions,
  type Topic,
  UNASKED,
} from "./subscriptions.ts";

export interface Deliverer extends LeadingDriver {
  readonly following: Following;
}

export function createDeliverer(ground: Ground, options: DeliveryOptions): Deliverer {
  const { plan, share, clients, recorder, atSec } = ground;
  const { fanout, layout, publishers, probes, since } = options;
  const { deliveryTimeoutMs, baseline, filter } = fanout;
  const subscriptions = new Subscriptions(clients, layout, {
    topic: (place) => filterOfTopics(filter, [probes[place] ?? ""], since),
    decoy: (number) =>
      filterOfDecoy(filter, number, seededRandom(plan.seed, `decoys/${share}/${number}`), since),
  });
  const { lanes, topics, states, count } = subscriptions;
  const perSecond = deliveriesPerSecond(fanout, plan.rateEps, plan.vus);
  const sampleEvery = Math.max(1, Math.ceil((perSecond * plan.durationSec) / MOST_SAMPLES));
  const deliveries = createDeliveries(ground, subscriptions, {
    ...{ deliveryTimeoutMs, sampleEvery, perSecond: perSecond / plan.vus },
  });
  const opener = {
    subscriptions,
    publishers,
    patienceMs: deliveryTimeoutMs,
    lose: deliveries.lose,
  };
  /** Decoys that join later are opened by themselves: nothing comes for them that would prove it. */
  const joins = joinsOf(fanout);
  const areApart = (lane: Lane) => joins.decoys !== null && lane.isOfDecoys;
  // Decoys are the last ones.
  const firstApart = lanes.find(areApart)?.first ?? count;
  const opening = createOpening(ground, { ...opener, probes, from: 0, to: firstApart });
  const decoyOpening = createOpening(ground, {
    ...{ ...opener, probes: [], from: firstApart, to: count },
  });
  const openingOf = (number: number) => (number < firstApart ? opening : decoyOpening);
  const { okAlone, okBeside } = recorder.books.delivery.times;
  const topicOf = new Map<string, Topic>(
    probes.map((line, i) => [authorOfLine(line), topics[i] as Topic]),
  );
  /** By the cell of a publish in flight. */
  const inFlight: (Sent | undefined)[] = [];
  let windowStartMs = Number.POSITIVE_INFINITY;
  let beginMs = Number.POSITIVE_INFINITY;
  let decoysBeginMs = Number.POSITIVE_INFINITY;
  let isOver = false;

  const laneOf = (client: Client): Lane => lanes[client.index] as Lane;

  const takeFrame = (
    lane: Lane,
    number: number,
    key: string,
    receivedMs: number,
    size: number,
  ): void => {
    if (isOver) return;
    lane.otherFrames++;
    lane.framedMs = receivedMs;
    if (number === NOBODY) {
      deliveries.takeForeign(STRANGERS, size);
      return;
    }
    const order = deliveries.find(key);
    listener.noteFrame(order === undefined ? null : deliveries.rowOf(order), receivedMs);
    if (order === undefined && opening.takeProbe(number, key, receivedMs)) return;
    deliveries.take(number, key, order, receivedMs, size);
  };

  const lose = (number: number, how: string, nowMs: number): void => {
    openingOf(number).drop(number, nowMs);
    deliveries.lose(number, how);
  };

  const countLost = (number: number, nowMs: number): void => {
    const row = subscriptions.rowOf(number);
    const of = nowMs < windowStartMs ? row + DELIVERY_ROWS.length : row;
    recorder.books.delivery.count(of, D_LOST_SUBSCRIPTIONS);
  };

  const takeClosed = (
    { id, text }: ReadMessage & { type: "CLOSED" },
    lane: Lane,
    nowMs: number,
  ) => {
    const number = subscriptions.numberOf(lane, id);
    if (number === NOBODY || states[number] === LOST) return;
    const own = openingOf(number);
    const how = own.takeClosed(number, text, nowMs);
    deliveries.lose(number, how);
    // Before it is over the list of what was not ready has it.
    if (!own.isOver) return;
    recorder.said("subscription", how, atSec(), text);
    countLost(number, nowMs);
  };

  const following: Following = {
    sent(cell, line, dueMs, sentMs) {
      const topic = topicOf.get(authorOfLine(line));
      if (topic === undefined) {
        inFlight[cell] = undefined;
        return;
      }
      const row = dueMs < windowStartMs ? topic.row + DELIVERY_ROWS.length : topic.row;
      const untilMs = dueMs + deliveryTimeoutMs;
      const as = { topic, row, dueMs, sentMs, untilMs };
      inFlight[cell] = deliveries.add(line, as, !opening.isOver);
    },
    accepted(cell, receivedMs) {
      const sent = inFlight[cell];
      if (sent === undefined) return;
      inFlight[cell] = undefined;
      if (baseline > 0 && (opening.isBefore || opening.isOver)) {
        const times = opening.isBefore ? okAlone : okBeside;
        times[sent.row]?.record(receivedMs - sent.sentMs);
      }
      deliveries.accept(sent, receivedMs);
    },
    answered(cell, outcome, receivedMs) {
      const sent = inFlight[cell];
      if (sent === undefined) return;
      if (outcome === "accepted") following.accepted(cell, receivedMs);
      else if (outcome === "superseded") deliveries.supersede(sent);
      else deliveries.disown(sent);
      inFlight[cell] = undefined;
    },
    gaveUp(cell) {
      const sent = inFlight[cell];
      inFlight[cell] = undefined;
      if (sent !== undefined) deliveries.disown(sent);
    },
  };

  const { largestFrame, whenRead } = options;
  const listener = createListener(ground, {
    ...{ subscriptions, largestFrame, whenRead, sampleEvery, deliveries, takeFrame },
  });

  recorder.ifLast = () => deliveries.ifLast(listener.came);

  return {
    following,
    // Its chores come often enough.
    wakeMs: Number.POSITIVE_INFINITY,
    get open() {
      return deliveries.open;
    },
    isThrough: true,
    get isSettled() {
      return deliveries.isSettled;
    },
    prepare() {
      if (baseline === 0) opening.begin();
    },
    get isPrepared() {
      return baseline > 0 || opening.isOver;
    },
    start(schedule) {
      ({ windowStartMs } = schedule);
      beginMs = windowStartMs + baseline * plan.durationSec * 1_000;
      if (joins.decoys !== null) {
        decoysBeginMs = windowStartMs + joins.decoys * plan.durationSec * 1_000;
      }
    },
    work(nowMs) {
      // Chores begin with it: figures are handed over behind it.
      listener.flush();
      if (decoyOpening.isBefore && nowMs >= decoysBeginMs) decoyOpening.begin();
      decoyOpening.work(nowMs);
      if (opening.isOver) return;
      if (opening.isBefore && nowMs >= beginMs) opening.begin();
      opening.work(nowMs);
    },
    take(client, message, receivedMs) {
      const lane = laneOf(client);
      switch (message.type) {
        case "EVENT":
          takeFrame(
            lane,
            subscriptions.numberOf(lane, message.id),
            keyOf(message.data),
            receivedMs,
            message.data.length,
          );
          return true;
        case "EOSE": {
          const number = subscriptions.numberOf(lane, message.id);
          if (number !== NOBODY) openingOf(number).takeEose(number, receivedMs);
          return true;
        }
        case "CLOSED":
          takeClosed(message, lane, receivedMs);
          return true;
        case "NOTICE":
          // Nobody knows which subscription it is about; what gets nothing any more is named by it.
          if (lane.count > 0) lane.noticed = message.text;
          return false;
        case "OK":
          return opening.takeOk(message.id, message.accepted, message.text, receivedMs);
        default:
          return false;
      }
    },
    listen: (client, rest) => {
      const lane = laneOf(client);
      lane.otherFrames = 0;
      lane.framedMs = 0;
      lane.noticed = null;
      return listener.listen(lane, rest);
    },
    onOpen(client) {
      const lane = laneOf(client);
      (areApart(lane) ? decoyOpening : opening).open(lane);
    },
    onDrop(client) {
      const how = `connection ${client.endedBy}`;
      const nowMs = ground.clock.now();
      const { first, count } = laneOf(client);
      for (let number = first; number < first + count; number++) {
        const state = states[number];
        if (state === LIVE && openingOf(number).isOver) {
          const text = `\`${subscriptions.idOf(number)}\` ended with its connection`;
          recorder.error("subscription", how, atSec(), text);
          countLost(number, nowMs);
        }
        if (state !== LOST && state !== UNASKED) lose(number, how, nowMs);
      }
    },
    useOf(client) {
      const { otherFrames, framedMs, plainFrames } = laneOf(client);
      const { answers, answeredMs } = plainFrames();
      return {
        open: 0,
        answers: answers + otherFrames,
        answeredMs: Math.max(answeredMs, framedMs),
      };
    },
    expire: (nowMs) => deliveries.expire(nowMs),
    // Lateness goes by the socket's stamps.
    resume() {},
    endWindow() {
      opening.giveUp();
      decoyOpening.giveUp();
    },
    giveUp() {
      deliveries.expire(Number.POSITIVE_INFINITY);
      deliveries.settle(listener.came);
      isOver = true;
    },
  };
}

/** Of a frame that is not in the usual form. */
function keyOf(data: string): string {
  const at = data.indexOf(ID_MEMBER);
  if (at > 0) return data.substring(at, at + KEY_LENGTH);
  try {
    const [, , event] = JSON.parse(data) as [unknown, unknown, { readonly id?: unknown }?];
    return keyOfId(String(event?.id ?? ""));
  } catch {
    // An event of nobody.
    return "";
  }
}
