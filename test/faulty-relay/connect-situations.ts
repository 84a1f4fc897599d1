/** Relays that treat connections wrongly or slowly in one known way each, where nothing else is done; see `situations.ts`. */
import { cut } from "./frames.ts";
import type { Behaviour } from "./relay.ts";
import type { Situation } from "./situation.ts";

const CLIENTS = 20;
const NEVER_MS = 3_600_000;

/** Answers each REQ at once. */
const answering: Behaviour = { asked: () => ({ afterMs: 0, events: 0 }) };

/** One after the other, each for so long: how long the next one has to wait. */
function inTurn(costMs: number): () => number {
  let freeAtMs = 0;
  return () => {
    const now = performance.now();
    freeAtMs = Math.max(freeAtMs, now) + costMs;
    return freeAtMs - now;
  };
}

function shakingInTurn(costMs: number): Behaviour {
  const next = inTurn(costMs);
  return { ...answering, handshake: () => ({ afterMs: next() }) };
}

function answeringInTurn(costMs: number): Behaviour {
  const next = inTurn(costMs);
  return { asked: () => ({ afterMs: next(), events: 0 }) };
}

function keeping(bytes: number): Behaviour {
  const kept: Buffer[] = [];
  return {
    ...answering,
    greet: () => {
      kept.push(Buffer.alloc(bytes, 1));
      return [];
    },
  };
}

/** Accepts nobody for so long from its first handshake on, and has little room for those who wait. */
function stoppedAtFirst(forMs: number): Behaviour {
  return {
    ...answering,
    backlog: 4,
    handshake: (place) => {
      if (place === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
      return "open";
    },
  };
}

function holding(most: number): Behaviour {
  let opened = 0;
  return { ...answering, greet: () => (opened++ < most ? [] : [cut(1_013)]) };
}

/** What nginx's `limit_conn` says (ngx_http_special_response.c). */
const NGINX = {
  status: 503,
  headers: { Server: "nginx/1.24.0", "Content-Type": "text/html" },
  body: "<html>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx/1.24.0</center>\r\n</html>\r\n",
};

function situation(
  first: string | null,
  relay: () => Behaviour,
  flags: Situation["flags"] = {},
): Situation {
  return { first, relays: [relay], scenario: "connect", flags: { mode: "hold", ...flags } };
}

/** Clients come at a rate that is taken with ease, and come back together. */
const HERD = {
  mode: "recover",
  clients: "80",
  "connect-rate": "25",
  hold: "4",
  reconnect: "immediate",
};

export const CONNECT_SITUATIONS: Readonly<Record<string, Situation>> = {
  "healthy-connections": situation(null, () => answering),
  "holding-few-connections": situation("connection-limit", () => holding(12), { clients: "60" }),
  // Half-open from the first answer on.
  "forgetting-connections": situation("dead-connections", () => ({
    asked: (place) => ({ afterMs: place < CLIENTS ? 0 : NEVER_MS, events: 0 }),
  })),
  "opening-and-leaving-unanswered": situation("unusable-connections", () => ({
    // Those that come later are probes.
    asked: (place) => ({ afterMs: place < CLIENTS && place % 4 === 0 ? NEVER_MS : 0, events: 0 }),
  })),
  "cutting-idle-connections": situation("idle-timeout", () => ({ ...answering, idleMs: 2_000 }), {
    reconnect: "immediate",
    hold: "12",
  }),
  "herd-of-handshakes": situation("slow-recovery", () => shakingInTurn(15), HERD),
  "herd-of-queries": situation("slow-recovery", () => answeringInTurn(10), HERD),
  "refusing-connections-of-one-address": situation(
    "address-limit",
    () => ({ ...answering, handshake: (place) => (place >= 12 ? 429 : "open") }),
    { clients: "60" },
  ),
  "proxy-with-a-limit": situation(
    "connection-limit",
    () => ({ ...answering, handshake: (place) => (place >= 12 ? NGINX : "open") }),
    { clients: "60" },
  ),
  "full-accept-queue": situation("accept-queue", () => stoppedAtFirst(2_500), {
    clients: "100",
    "connect-rate": "100",
  }),
  "costly-connections": situation("connection-memory", () => keeping(400_000), {
    clients: "300",
    "connect-rate": "60",
  }),
};
