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
import { authorOfLine, createSent, ID_MEMBER, KEY_LENGTH, keyOfId, type Sent } from "./sent.ts";
import {
  createLanes,
  type Lane,
  LIVE,
  LOST,
  rowOf,
  type Subscription,
  type Topic,
  UNASKED,
} from "./subscription.ts";

export interface Deliverer extends LeadingDriver {
  readonly following: Following;
}

export function createDeliverer(ground: Ground, options: DeliveryOptions): Deliverer {
  const { plan, share, clients, recorder, atSec } = ground;
  const { fanout, layout, publishers, probes, since } = options;
  const { deliveryTimeoutMs, baseline, filter } = fanout;
  const random = seededRandom(plan.seed, `decoys/${share}`);
  const { lanes, topics } = createLanes(clients, layout, (topic, decoy) =>
    topic === null
      ? filterOfDecoy(filter, decoy, random, since)
      : filterOfTopics(filter, [probes[topic] ?? ""], since),
  );
  const perSecond = deliveriesPerSecond(fanout, plan.rateEps, plan.vus);
  const sampleEvery = Math.max(1, Math.ceil((perSecond * plan.durationSec) / MOST_SAMPLES));
  const deliveries = createDeliveries(ground, {
    ...{ deliveryTimeoutMs, sampleEvery, perSecond: perSecond / plan.vus },
  });
  const opener = { publishers, patienceMs: deliveryTimeoutMs, lose: deliveries.lose };
  /** Decoys that join later are opened by themselves: nothing comes for them that would prove it. */
  const joins = joinsOf(fanout);
  const areApart = (lane: Lane) => joins.decoys !== null && lane.isOfDecoys;
  const opening = createOpening(ground, {
    ...{ ...opener, topics, probes },
    lanes: lanes.filter((lane) => !areApart(lane)),
  });
  const decoyOpening = createOpening(ground, {
    ...{ ...opener, topics: [], probes: [] },
    lanes: lanes.filter(areApart),
  });
  const openingOf = ({ lane }: Subscription) => (areApart(lane) ? decoyOpening : opening);
  const { okAlone, okBeside } = recorder.books.delivery.times;
  const topicOf = new Map<string, Topic>(
    probes.map((line, i) => [authorOfLine(line), topics[i] as Topic]),
  );
  /** By the cell of a publish in flight. */
  const inFlight: (Sent | undefined)[] = [];
  let windowStartMs = Number.POSITIVE_INFINITY;
  let beginMs = Number.POSITIVE_INFINITY;
  let decoysBeginMs = Number.POSITIVE_INFINITY;
  let order = 0;
  let isOver = false;

  const laneOf = (client: Client): Lane => lanes[client.index] as Lane;

  const takeFrame = (
    lane: Lane,
    subscription: Subscription | undefined,
    key: string,
    receivedMs: number,
    size: number,
  ): void => {
    if (isOver) return;
    lane.otherFrames++;
    lane.framedMs = receivedMs;
    if (subscription === undefined) {
      deliveries.takeForeign(STRANGERS, size);
      return;
    }
    const sent = deliveries.known.get(key);
    const brief = sent?.brief ?? deliveries.done.get(key);
    listener.noteFrame(brief?.row ?? null, receivedMs);
    if (brief === undefined && opening.takeProbe(subscription, key, receivedMs)) return;
    deliveries.take(subscription, brief, sent, receivedMs, size);
  };

  const lose = (subscription: Subscription, how: string, nowMs: number): void => {
    openingOf(subscription).drop(subscription, nowMs);
    deliveries.lose(subscription, how);
  };

  const countLost = (subscription: Subscription, nowMs: number): void => {
    const row = rowOf(subscription);
    const of = nowMs < windowStartMs ? row + DELIVERY_ROWS.length : row;
    recorder.books.delivery.count(of, D_LOST_SUBSCRIPTIONS);
  };

  const takeClosed = (
    { id, text }: ReadMessage & { type: "CLOSED" },
    lane: Lane,
    nowMs: number,
  ) => {
    const subscription = lane.byId.get(id);
    if (subscription === undefined || subscription.state === LOST) return;
    const own = openingOf(subscription);
    const how = own.takeClosed(subscription, text, nowMs);
    deliveries.lose(subscription, how);
    // Before it is over the list of what was not ready has it.
    if (!own.isOver) return;
    recorder.said("subscription", how, atSec(), text);
    countLost(subscription, nowMs);
  };

  const following: Following = {
    sent(cell, line, dueMs, sentMs) {
      const topic = topicOf.get(authorOfLine(line));
      if (topic === undefined) {
        inFlight[cell] = undefined;
        return;
      }
      const isOfWarmup = dueMs < windowStartMs;
      const row = isOfWarmup ? topic.row + DELIVERY_ROWS.length : topic.row;
      const untilMs = dueMs + deliveryTimeoutMs;
      const as = { topic, row, isOfWarmup, dueMs, sentMs, untilMs, order: order++ };
      const sent = createSent(line, as, !opening.isOver);
      inFlight[cell] = sent;
      deliveries.add(sent);
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
    ...{ largestFrame, whenRead, sampleEvery, deliveries, takeFrame },
  });

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
            lane.byId.get(message.id),
            keyOf(message.data),
            receivedMs,
            message.data.length,
          );
          return true;
        case "EOSE": {
          const subscription = lane.byId.get(message.id);
          if (subscription !== undefined)
            openingOf(subscription).takeEose(subscription, receivedMs);
          return true;
        }
        case "CLOSED":
          takeClosed(message, lane, receivedMs);
          return true;
        case "NOTICE":
          // Nobody knows which subscription it is about; what gets nothing any more is named by it.
          if (lane.subscriptions.length > 0) lane.noticed = message.text;
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
      for (const one of laneOf(client).subscriptions) {
        if (one.state === LIVE && openingOf(one).isOver) {
          recorder.error("subscription", how, atSec(), `\`${one.id}\` ended with its connection`);
          countLost(one, nowMs);
        }
        if (one.state !== LOST && one.state !== UNASKED) lose(one, how, nowMs);
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
      deliveries.settle(topics, listener.came);
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
