/**
 * Every fault of a relay, and of what is before it, at once and in virtual time, under each reconnect policy: each
 * handshake comes when the policy has it, and none besides.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { badHandshake, type Door, type Guest, reset, type Visit, visit } from "./k6-world/door.ts";
import { refusal } from "./k6-world/trial.ts";

/** Windows begin at full seconds, the first one with a margin. */
const START_MS = 1_000;
/** Timers of the generator and its turns, ms. */
const SLACK_MS = 5;
const PROVEN_MS = 5_000;

/** As docs/connect.md has them, in ms; the last one stands for all that follow. */
const POLICIES = {
  immediate: { delays: [0, 1_000], anew: "proven" },
  "nostr-tools": { delays: [10_000, 10_000, 10_000, 20_000, 20_000, 30_000, 60_000], anew: "open" },
  snort: { delays: [4_000, 8_000, 16_000, 32_000, 64_000], anew: "never" },
  jitter: { delays: [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000], anew: "proven" },
} as const;
type Policy = keyof typeof POLICIES;

/** What becomes of each client: the client of that place among them, and those that many further on. */
const FAULTS = [
  "none",
  "late",
  "too late",
  "turned away",
  "reset at once",
  "refused by status",
  "reset in its handshake",
  "nobody there",
  "cut when idle",
  "forgotten",
  "second from its address",
  "silent handshake",
] as const;
type Fault = (typeof FAULTS)[number];
const EACH = 2;
const CLIENTS = FAULTS.length * EACH;
/** Ms into the window, and how long. */
const RESTART = { atMs: 9_000, forMs: 700 };

const faultOf = (client: string): Fault =>
  FAULTS[(Number(client.split(".").at(-1)) - 1) % FAULTS.length] as Fault;

/** As a proxy keeps one connection for each address; those of this fault share one. */
function createDoor(): Door & { readonly forgotten: Set<Guest> } {
  const forgotten = new Set<Guest>();
  let ofAddress: Guest | null = null;
  const idle = (guest: Guest) => guest.side.later(2_000, () => guest.cut());
  return {
    forgotten,
    handshake: (_, { atMs, client }) => {
      const sinceMs = atMs - START_MS - RESTART.atMs;
      if (sinceMs >= 0 && sinceMs < RESTART.forMs) return { error: refusal };
      switch (faultOf(client)) {
        case "late":
          return { afterMs: 2_500 };
        case "too late":
          return { afterMs: 12_000 };
        case "refused by status":
          return { error: badHandshake };
        case "reset in its handshake":
          return { error: reset };
        case "nobody there":
          return { error: refusal };
        case "silent handshake":
          return "silent";
        case "second from its address":
          return ofAddress === null ? "open" : { error: badHandshake };
        default:
          return "open";
      }
    },
    onOpen: (guest) => {
      switch (faultOf(guest.visit.client)) {
        case "turned away":
          return guest.cut(1_013);
        case "reset at once":
          return guest.cut();
        case "cut when idle":
          return idle(guest);
        case "forgotten":
          return void forgotten.add(guest);
        case "second from its address":
          ofAddress = guest;
      }
    },
    onAsk: (guest) => (forgotten.has(guest) ? "silent" : undefined),
    isDeaf: (guest) => forgotten.has(guest),
    // Of what has forgotten its connections nothing can be heard, not even that it ended them.
    at: [
      [
        START_MS + RESTART.atMs,
        (guests) => {
          for (const guest of guests) if (!forgotten.has(guest)) guest.cut();
          ofAddress = null;
        },
      ],
    ],
  };
}

describe("under every fault at once", () => {
  const runs = [
    ["storm", "immediate"],
    ["hold", "jitter"],
    ["churn", "nostr-tools"],
    ["recover", "snort"],
    ["churn", "immediate"],
    ["recover", "jitter"],
  ] as const;
  for (const [mode, policy] of runs) {
    it(`\`${mode}\` comes back as \`${policy}\` has it, and counts as the door does`, async () => {
      const door = createDoor();
      const { report, seen } = await visit(door, {
        ...{ CONNECT_MODE: mode, RECONNECT: policy, CLIENTS: String(CLIENTS) },
        ...{ CONNECT_RATE: "24", HOLD_SEC: mode === "recover" ? "14" : "29" },
        ...(mode === "churn" ? { SESSION_LENGTH: "exp:4s" } : {}),
      });
      const endMs = START_MS + report.run.durationSec * 1_000;
      const clients = new Set(seen.visits.map(({ client }) => client));
      assert.equal(clients.size, CLIENTS);
      for (const client of clients) {
        const visits = seen.visits.filter((visit) => visit.client === client);
        assertPolicy(visits, { policy, mode, endMs, what: `${client}, ${faultOf(client)}` });
      }
      // What each fault leads to is there, so that its handling was looked at.
      const { mute, recovered } = report.classes.connection.totals;
      const seenOf = { late: seen.late, unanswered: seen.unanswered, mute, recovered };
      for (const [what, count] of Object.entries(seenOf)) assert.ok(count > 0, what);
      assert.deepEqual(Object.keys(seen.failures).sort(), ["handshake", "refused", "reset"]);
      assert.deepEqual([...new Set(seen.cuts)].sort(), ["1013", "no close frame"]);
    });
  }
});

interface Rule {
  readonly policy: Policy;
  readonly mode: string;
  readonly endMs: number;
  readonly what: string;
}

/** Each try comes as long behind the end of the one before as the policy has it. */
function assertPolicy(visits: readonly Visit[], { policy, mode, endMs, what }: Rule): void {
  const { delays, anew } = POLICIES[policy];
  const isDrawn = policy === "jitter";
  let inRow = 0;
  for (const [i, { atMs, openedMs, endedMs, isAnswered, isLeft }] of visits.entries()) {
    const next = visits[i + 1];
    const goneMs = endedMs ?? atMs + 10_000;
    const livedMs = openedMs === null ? 0 : goneMs - openedMs;
    const isProven = isAnswered || livedMs >= PROVEN_MS;
    if (anew === "open" ? openedMs !== null : anew === "proven" && isProven) inRow = 0;
    // The next session of a client is due at once.
    const isSession = isLeft && mode === "churn";
    const delayMs = isSession ? 0 : (delays[Math.min(inRow, delays.length - 1)] ?? 0);
    const told = `${what}: try ${i} at ${atMs}, gone at ${goneMs}, next at ${next?.atMs}, by ${delayMs}`;
    if (next === undefined) {
      const isUp = openedMs !== null && (endedMs === null || endedMs >= endMs - SLACK_MS);
      assert.ok(isUp || isDrawn || goneMs + delayMs >= endMs - SLACK_MS, told);
      continue;
    }
    if (!isSession) inRow++;
    const gapMs = next.atMs - goneMs;
    assert.ok(gapMs <= delayMs + SLACK_MS, told);
    assert.ok(gapMs >= (isDrawn ? 0 : delayMs) - SLACK_MS, told);
  }
}
