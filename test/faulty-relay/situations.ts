/**
 * Relays that are slow or wrong in one known way each, for reports whose first finding is known: what
 * each does is written here, what the findings say of it is held against `first`.
 */
import { Corpus } from "../../src/query/corpus.ts";
import { CONNECT_SITUATIONS } from "./connect-situations.ts";
import { FAN_SITUATIONS } from "./fan-situations.ts";
import {
  type Action,
  accept,
  acceptLate,
  acceptUnasked,
  cut,
  frame,
  notice,
  reject,
} from "./frames.ts";
import { LINK_SITUATIONS } from "./link-situations.ts";
import { QUERY_FAULTS } from "./query-faults.ts";
import { QUERY_SITUATIONS } from "./query-situations.ts";
import type { Behaviour } from "./relay.ts";
import type { Situation } from "./situation.ts";

/** Keeps the processor busy, as parsing and checking do. */
function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Answers one after the other, each after so long: a store that syncs for each event. */
function serially(costMs: () => number): Behaviour {
  let freeAtMs = 0;
  return {
    answer: ({ event }) => {
      const now = performance.now();
      freeAtMs = Math.max(freeAtMs, now) + costMs();
      return [accept(event.id, freeAtMs - now)];
    },
  };
}

/** Questions and events one after the other, each for so long: either waits for the other. */
function onOneThread({
  questionMs,
  eventMs,
}: {
  readonly questionMs: number;
  readonly eventMs: number;
}): Behaviour {
  let freeAtMs = 0;
  const take = (costMs: number): number => {
    const now = performance.now();
    freeAtMs = Math.max(freeAtMs, now) + costMs;
    return freeAtMs - now;
  };
  return {
    answer: ({ event }) => [accept(event.id, take(eventMs))],
    asked: () => ({ afterMs: take(questionMs), events: 1 }),
  };
}

/** Waits for so long before each answer, whatever else goes on. */
function after(delayMs: (place: number, bytes: number) => number): Behaviour {
  return {
    answer: ({ event, place }) => [accept(event.id, delayMs(place, JSON.stringify(event).length))],
  };
}

function answering(answer: (id: string, place: number) => readonly Action[]): Behaviour {
  return { answer: ({ event, place }) => answer(event.id, place) };
}

/** Computes for so long for each event. */
function burning(ms: number): Behaviour {
  return answering((id) => {
    burn(ms);
    return [accept(id)];
  });
}

/** Computes for so long for each event and connection: each of them is told. */
function burningByConnection(ms: number): Behaviour {
  return {
    answer: ({ event }, { ledger }) => {
      burn(ms * ledger.opened);
      return [accept(event.id)];
    },
  };
}

function stalling(everyMs: number, forMs: number): Behaviour {
  const timer = setInterval(() => burn(forMs), everyMs);
  timer.unref();
  return {};
}

function rateLimited(perSecond: number): Behaviour {
  let tokens = perSecond;
  let atMs = performance.now();
  return answering((id) => {
    const now = performance.now();
    tokens = Math.min(perSecond, tokens + ((now - atMs) / 1_000) * perSecond);
    atMs = now;
    if (tokens < 1) return [reject(id, "rate-limited", "rate-limited: slow down")];
    tokens--;
    return [accept(id)];
  });
}

/** Keeps so much for each event, for so many of them. */
function leaking(bytes: number, most = Number.POSITIVE_INFINITY): Behaviour {
  const kept: Buffer[] = [];
  return answering((id) => {
    if (kept.length < most) kept.push(Buffer.alloc(bytes, 1));
    return [accept(id)];
  });
}

/** Has room for so many connections, and ends the others as soon as they are open. */
function holding(most: number, code: number): Behaviour {
  let opened = 0;
  return { greet: () => (opened++ < most ? [] : [cut(code)]) };
}

/** Answers nothing more from then on, and keeps its connections. */
function silentFrom(ms: number): Behaviour {
  let firstMs = 0;
  return answering((id) => {
    firstMs ||= performance.now();
    return performance.now() - firstMs < ms ? [accept(id)] : [];
  });
}

/** Ends as a crash does, so long behind its first event. */
function crashing(afterMs: number): Behaviour {
  let firstMs = 0;
  return answering((id) => {
    firstMs ||= performance.now();
    if (performance.now() - firstMs > afterMs) process.exit(1);
    return [accept(id)];
  });
}

/** Answers together at each full so many ms. */
function committing(everyMs: number): Behaviour {
  return answering((id) => [accept(id, everyMs - (performance.now() % everyMs))]);
}

function slowAtFirst(forMs: number, delayMs: number): Behaviour {
  let firstMs = 0;
  return answering((id) => {
    firstMs ||= performance.now();
    return [accept(id, performance.now() - firstMs < forMs ? delayMs : 0)];
  });
}

/** Lets so many through at the begin of each second, and sleeps until the next. */
function throttling(perSecond: number): Behaviour {
  let second = 0;
  let left = perSecond;
  return answering((id) => {
    const now = performance.now();
    if (left === 0 || now >= (second + 1) * 1_000) {
      second = Math.max(second + 1, Math.floor(now / 1_000));
      left = perSecond;
    }
    left--;
    return [accept(id, Math.max(0, second * 1_000 - now))];
  });
}

/** On each connection a bucket of so many tokens, filled again within a second. */
function limitingBursts(tokens: number): Behaviour {
  const buckets = new Map<number, { left: number; atMs: number }>();
  return {
    answer: ({ event, place, receivedMs }, { ledger }) => {
      const connection = ledger.events[place]?.connection ?? 0;
      const { left, atMs } = buckets.get(connection) ?? { left: tokens, atMs: receivedMs };
      const now = Math.min(tokens, left + ((receivedMs - atMs) * tokens) / 1_000);
      buckets.set(connection, { left: now < 1 ? now : now - 1, atMs: receivedMs });
      if (now < 1) return [reject(event.id, "rate-limited", "rate-limited: slow down")];
      return [accept(event.id)];
    },
  };
}

/** What is done about events of a kind; the others are accepted. */
const ofKind = (
  isMeant: (kind: number) => boolean,
  what: (id: string, kind: number) => readonly Action[],
): Behaviour => ({
  answer: ({ event }) => (isMeant(event.kind) ? what(event.id, event.kind) : [accept(event.id)]),
});
const isEphemeral = (kind: number) => kind >= 20_000 && kind < 30_000;

const every = (n: number, what: (id: string) => readonly Action[]): Behaviour =>
  answering((id, place) => (place % n === n - 1 ? what(id) : [accept(id)]));

export const SITUATIONS: Readonly<Record<string, Situation>> = {
  healthy: { first: null, relays: [() => ({})] },
  // Busy for half of a core each: together a whole one, and none of them at its limit.
  "two-half-busy": { first: null, relays: [() => burning(4), () => burning(4)] },
  "filling-a-cache": { first: null, relays: [() => leaking(120_000, 700)] },
  // At nine tenths of a core, with arrivals by chance: events wait for each other, and the rate is kept.
  "cpu-bound": {
    first: "cpu-bound",
    relays: [() => burning(4.4)],
    flags: { arrival: "poisson" },
  },
  // Each event is work for each connection: 0.01 ms.
  "connection-cost": {
    first: "connection-cost",
    relays: [() => burningByConnection(0.01)],
    flags: { clients: "800", rate: "100", arrival: "poisson" },
  },
  // A relay with little to do, beside others with much.
  "host-busy": { first: "host-busy", relays: [() => ({})], busy: true },
  "overloaded-computing": { first: "overload", relays: [() => burning(6)] },
  stalling: { first: "stalls", relays: [() => stalling(1_500, 300)] },
  "fsync-floor": { first: "fsync-floor", relays: [() => serially(() => 6)], flags: { rate: "60" } },
  "group-commit": { first: "group-commit", relays: [() => committing(30)] },
  "rate-limited": { first: "rate-limited", relays: [() => rateLimited(80)] },
  leaking: { first: "memory-growth", relays: [() => leaking(80_000)] },
  dropping: { first: "silent-drops", relays: [() => every(20, () => [])] },
  "answering-late": {
    first: "timeouts",
    relays: [
      () => answering((id, place) => (place % 10 === 0 ? [acceptLate(id, 1_300)] : [accept(id)])),
    ],
  },
  overloaded: { first: "overload", relays: [() => serially(() => 20)] },
  hanging: { first: "stopped-answering", relays: [() => silentFrom(4_000)] },
  crashing: { first: "relay-gone", relays: [() => crashing(4_000)] },
  "rejecting-and-limiting": {
    first: "proof-of-work-wanted",
    relays: [
      () =>
        answering((id, place) => {
          if (place % 50 === 0) return [reject(id, "rate-limited", "rate-limited: slow down")];
          return place % 4 === 0 ? [reject(id, "pow", "pow: 20 bits needed")] : [accept(id)];
        }),
    ],
  },
  "one-of-two-crashing": {
    first: "dropped-connections",
    relays: [() => ({}), () => crashing(1_500)],
  },
  "slow-tail-at-a-low-rate": {
    first: "tail",
    relays: [() => after((place) => ((place * 7) % 31 === 0 ? 120 : 0))],
    flags: { rate: "50" },
  },
  rejecting: {
    first: "refused-by-policy",
    relays: [() => every(10, (id) => [reject(id, "blocked", "blocked: not on the list")])],
  },
  throttling: {
    first: "throttled",
    relays: [() => throttling(80)],
    flags: { "max-in-flight": "2", "ack-timeout": "3000" },
  },
  "refusing-by-notice": {
    first: "refused-by-notice",
    relays: [() => every(3, () => [notice("Rate limit exceeded. Please slow down.", "other")])],
  },
  "refusing-without-id": {
    first: "refused-without-id",
    relays: [
      () =>
        every(2, () => [
          frame(
            ["OK", "", false, "invalid: 1767225600 is too old"],
            "unknownOk",
            "unknownOk/empty id",
          ),
        ]),
    ],
  },
  "leaving-kinds-unanswered": {
    first: "unanswered-kinds",
    relays: [() => ofKind(isEphemeral, () => [])],
    flags: { mix: "social" },
  },
  "refusing-a-kind": {
    first: "kind-refused",
    relays: [
      () =>
        ofKind(
          (kind) => kind === 1_063,
          (id, kind) => [reject(id, "blocked", `blocked: event kind ${kind} not allowed`)],
        ),
    ],
  },
  "cutting-sets": {
    first: "sets-cut",
    relays: [() => limitingBursts(2)],
    flags: { mix: "video-rich:1", clients: "5", rate: "10", duration: "12" },
  },
  // `mute:` is no fault: there is nobody to relay an ephemeral event to.
  "nobody-listening": {
    first: null,
    relays: [
      () =>
        ofKind(isEphemeral, (id) => [
          frame(["OK", id, false, "mute: no one was listening for this"], "unheard"),
        ]),
    ],
    flags: { mix: "social" },
  },
  "connection-limit": {
    first: "connection-limit",
    relays: [() => ({ handshake: (place) => (place >= 12 ? 503 : "open") })],
  },
  "accepting-and-closing": {
    first: "connection-limit",
    relays: [() => holding(12, 1013)],
    flags: { clients: "60", duration: "10" },
  },
  "address-limit": {
    first: "address-limit",
    relays: [() => ({ handshake: (place) => (place >= 12 ? 429 : "open") })],
  },
  "idle-timeout": {
    first: "idle-timeout",
    relays: [() => ({ idleMs: 1_500 })],
    flags: { rate: "6", duration: "12" },
  },
  "slow-handshake": {
    first: "slow-handshake",
    relays: [() => ({ handshake: () => ({ afterMs: 400 }) })],
  },
  "dropping-connections": {
    first: "dropped-connections",
    relays: [() => answering((id, place) => (place % 100 === 99 ? [cut(1011)] : [accept(id)]))],
  },
  duplicates: {
    first: "duplicates",
    relays: [() => every(4, (id) => [frame(["OK", id, true, "duplicate: have it"], "duplicate")])],
  },
  superseding: {
    first: "addressable-contention",
    relays: [
      () =>
        every(8, (id) => [
          frame(["OK", id, true, "duplicate: have a newer version"], "superseded"),
        ]),
    ],
  },
  "slow-by-size": {
    first: "size-latency",
    relays: [() => after((_, bytes) => bytes / 100)],
    flags: { mix: "view:0.5,video:0.5" },
  },
  "slow-start": { first: "slow-start", relays: [() => slowAtFirst(1_200, 80)] },
  drifting: { first: "latency-drift", relays: [() => after((place) => place / 25)] },
  "overloaded-by-few-places": {
    first: "overload",
    relays: [() => serially(() => 8)],
    flags: { "max-in-flight": "2" },
  },
  "slow-to-query": {
    first: "slow-queries",
    relays: [() => ({ asked: () => ({ afterMs: 120, events: 1 }) })],
    scenario: "playback",
    flags: { rate: "60" },
  },
  "ignoring-limits": {
    first: "ignored-limit",
    relays: [() => ({ asked: () => ({ afterMs: 2, events: 40 }) })],
    scenario: "playback",
    flags: { rate: "60" },
  },
  "leaving-queries-open": {
    first: "no-eose",
    relays: [
      () => ({
        questions: {
          corpus: new Corpus([]),
          fault: ({ place }) => QUERY_FAULTS[place % 10 === 0 ? "silent" : "rightly"],
        },
      }),
    ],
    scenario: "playback",
    flags: { rate: "60" },
  },
  // Most answers wait for an acknowledgement that is held back, some go out with another one.
  "held-back-queries": {
    first: "nagle-delay",
    relays: [() => ({ asked: (place) => ({ afterMs: place % 9 === 0 ? 0 : 41, events: 1 }) })],
    scenario: "playback",
    flags: { rate: "60" },
  },
  // How many are due changes from slice to slice, and many slices are looked at.
  "reading-before-writing": {
    first: "starved-publishes",
    relays: [() => onOneThread({ questionMs: 30, eventMs: 0.1 })],
    scenario: "playback",
    flags: { rate: "30", mix: "view:1,reaction:29", arrival: "poisson", duration: "70" },
  },
  "writing-before-reading": {
    first: "starved-queries",
    relays: [() => onOneThread({ questionMs: 0.1, eventMs: 120 })],
    scenario: "playback",
    // A rank correlation of 0.49 in virtual time; of 100 ms four times a second it is 0.36, near the rule's bound.
    flags: {
      ...{ rate: "3", mix: "view:1,reaction:1", arrival: "poisson", duration: "110" },
      "ack-timeout": "5000",
    },
  },
  "one-slow-of-two": { first: "slow-relay", relays: [() => ({}), () => after(() => 30)] },
  "answering-twice": {
    first: "protocol-faults",
    relays: [() => every(10, (id) => [accept(id), acceptUnasked(id)])],
  },
  "slow-tail": {
    first: "tail",
    relays: [() => after((place) => ((place * 7) % 31 === 0 ? 120 : 0))],
  },
  losing: {
    first: "lost-after-ok",
    relays: [() => ({ keeps: ({ place }) => place % 50 !== 0 })],
    flags: { audit: "" },
  },
  crowded: { first: "host-full", relays: [() => burning(2)], crowded: true },
  "generator-bound": {
    first: "generator-limit",
    relays: [() => ({})],
    flags: { rate: "3000", duration: "5", "max-in-flight": "1000" },
    starved: true,
  },
  ...QUERY_SITUATIONS,
  ...LINK_SITUATIONS,
  ...CONNECT_SITUATIONS,
  ...FAN_SITUATIONS,
};
