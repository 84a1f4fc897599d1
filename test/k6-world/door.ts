/**
 * A relay, and what is before it, by what they do about connections: the truth that a report of `connect` is held
 * against, in virtual time. It answers each REQ at once unless it is told otherwise.
 */
import assert from "node:assert/strict";
import type { CountsOf } from "../../src/measure/classes.ts";
import type { Report } from "../../src/report/types.ts";
import { type Ran, runScenario } from "./run.ts";
import { type Conditions, NO_CLOSE_FRAME, type RelaySide } from "./world.ts";

/** A handshake that takes longer is given up by the generator; when it opens all the same, it is closed at once. */
const GIVEN_UP_MS = 10_000;
const AT_ONCE_MS = 0.1;
export const badHandshake = "websocket: bad handshake";
export const reset = "read tcp 127.0.0.1:40000->127.0.0.1:7777: read: connection reset by peer";
const REFUSALS: Readonly<Record<string, string>> = {
  [badHandshake]: "handshake",
  [reset]: "reset",
  "dial tcp 127.0.0.1:7777: connect: connection refused": "refused",
};
/** By it the door knows its clients. */
const CLIENT = "X-Client";

type Handshake = ReturnType<NonNullable<Conditions["handshake"]>>;

export interface Door {
  /** By the place of the handshake, from 0, how many connections are open by then, and whose it is. */
  readonly handshake?: (
    place: number,
    now: { readonly open: number; readonly atMs: number; readonly client: string },
  ) => Handshake;
  /** As a connection opens, with how many are open then. */
  readonly onOpen?: (socket: Guest, open: number) => void;
  /** A REQ; answered with EOSE where this says nothing. */
  readonly onAsk?: (
    socket: Guest,
    id: string,
    nth: number,
  ) => "silent" | "closed" | "auth" | undefined;
  /** A message that is no REQ. */
  readonly onOther?: (socket: Guest, message: readonly unknown[]) => void;
  /** What the scripts' HTTP requests get. */
  readonly onRequest?: Conditions["onRequest"];
  /** Close frames on this connection get no answer. */
  readonly isDeaf?: (socket: Guest) => boolean;
  readonly at?: readonly (readonly [atMs: number, act: (guests: readonly Guest[]) => void])[];
}

/** A connection, as the relay has it. */
export interface Guest {
  readonly side: RelaySide;
  readonly visit: Visit;
  /** Ends it: with a code, or without a Close frame. */
  cut(code?: number): void;
}

/** A handshake, and the connection that it led to. */
export interface Visit {
  readonly client: string;
  readonly atMs: number;
  openedMs: number | null;
  endedMs: number | null;
  /** It was answered with EOSE. */
  isAnswered: boolean;
  /** Ended by the client's Close frame. */
  isLeft: boolean;
}

export interface Seen {
  /** When each handshake came. */
  readonly triesMs: number[];
  readonly visits: Visit[];
  readonly cuts: string[];
  readonly failures: Record<string, number>;
  opened: number;
  /** Of them, those that had been given up by then. */
  late: number;
  asked: number;
  eose: number;
  closed: number;
  /** REQs of who had not said who it is. */
  unknown: number;
  /** Close frames that were left without an answer. */
  unanswered: number;
}

/** Runs `connect` against a door and holds the report's counts against what the door saw. */
export async function visit(
  door: Door,
  variables: Readonly<Record<string, string>>,
): Promise<Ran & { readonly seen: Seen }> {
  const seen: Seen = {
    ...{ triesMs: [], visits: [], cuts: [], failures: {} },
    ...{ opened: 0, late: 0, asked: 0, eose: 0, closed: 0, unknown: 0, unanswered: 0 },
  };
  const guests = new Map<RelaySide, Guest>();
  const visits = new Map<RelaySide, Visit>();
  const welcome = (side: RelaySide): Guest => {
    const visit = visits.get(side);
    assert.ok(visit, "a connection without a handshake");
    const cut = (code = NO_CLOSE_FRAME) => {
      if (!guests.delete(side)) return;
      visit.endedMs = side.nowMs;
      seen.cuts.push(code === NO_CLOSE_FRAME ? "no close frame" : String(code));
      side.drop(code);
    };
    const guest = { side, visit, cut };
    guests.set(side, guest);
    return guest;
  };
  const shake = (visit: Visit, now: { readonly open: number; readonly place: number }) => {
    const { client, atMs } = visit;
    const how = door.handshake?.(now.place, { open: now.open, atMs, client }) ?? "open";
    if (typeof how !== "object" || "afterMs" in how) return how;
    const code = REFUSALS[how.error] ?? "other";
    seen.failures[code] = (seen.failures[code] ?? 0) + 1;
    visit.endedMs = atMs + 1;
    return how;
  };
  const ran = await runScenario(
    null,
    {
      ...{ CLIENTS: "20", CONNECT_RATE: "10", HOLD_SEC: "4", ACK_TIMEOUT_MS: "500" },
      CLIENT_IP_HEADER: CLIENT,
      ...variables,
    },
    (frame, side) => {
      const message = JSON.parse(frame) as readonly [string, string];
      const [verb, id] = message;
      const guest = guests.get(side);
      if (verb !== "REQ") {
        if (guest !== undefined) door.onOther?.(guest, message);
        return;
      }
      const nth = seen.asked++;
      if (guest === undefined) return;
      const how = door.onAsk?.(guest, id, nth);
      if (how === "silent") return;
      seen[how === undefined ? "eose" : how === "auth" ? "unknown" : "closed"]++;
      const text = how === "auth" ? "auth-required: say who you are" : "blocked: no";
      side.answer(
        JSON.stringify(how === undefined ? ["EOSE", id] : ["CLOSED", id, text]),
        2,
        () => {
          guest.visit.isAnswered ||= how === undefined;
        },
      );
    },
    {
      scenario: "connect",
      ...(door.onRequest === undefined ? {} : { onRequest: door.onRequest }),
      handshake: (place, atMs, headers, _compression, side) => {
        seen.triesMs.push(atMs);
        const client = headers[CLIENT] ?? "";
        const visit: Visit = {
          ...{ client, atMs, openedMs: null, endedMs: null },
          ...{ isAnswered: false, isLeft: false },
        };
        seen.visits.push(visit);
        visits.set(side, visit);
        return shake(visit, { open: guests.size, place });
      },
      onOpen: (side) => {
        const guest = welcome(side);
        const { visit } = guest;
        seen.opened++;
        if (side.nowMs >= visit.atMs + GIVEN_UP_MS) {
          seen.late++;
          visit.endedMs = visit.atMs + GIVEN_UP_MS;
          return;
        }
        visit.openedMs = side.nowMs;
        door.onOpen?.(guest, guests.size);
      },
      onClose: (side) => {
        const visit = guests.get(side)?.visit;
        guests.delete(side);
        if (visit === undefined || visit.openedMs === null) return;
        Object.assign(visit, { endedMs: side.nowMs, isLeft: true });
        // It opened as the run had ended: nobody wanted it any more.
        if (side.nowMs - visit.openedMs < AT_ONCE_MS) seen.late++;
      },
      ignoresClose: (side) => {
        const guest = guests.get(side);
        const isDeaf = guest !== undefined && (door.isDeaf?.(guest) ?? false);
        if (isDeaf) seen.unanswered++;
        return isDeaf;
      },
      at: (door.at ?? []).map(([atMs, act]) => [atMs, () => act([...guests.values()])] as const),
    },
  );
  assertSeen(ran.report, seen);
  return { ...ran, seen };
}

/** Attempts, opens, ends and what came of each REQ are the door's, to the last one. */
function assertSeen({ classes, errors }: Report, seen: Seen): void {
  const { totals } = classes.connection;
  const opened = seen.opened - seen.late;
  const askedAgain = classes.auth?.totals.askedAgain ?? 0;
  const counts: Partial<CountsOf<"connection">> = {
    tried: seen.triesMs.length,
    opened,
    dropped: seen.cuts.length,
    openAtEnd: seen.unanswered,
    closedByUs: opened - seen.cuts.length - seen.unanswered,
    // A REQ that was refused for want of AUTH may have been cut with its connection before that was settled.
    ...(classes.auth === undefined ? { refused: seen.closed } : {}),
  };
  const reported = Object.fromEntries(
    Object.keys(counts).map((column) => [column, totals[column as keyof typeof counts]]),
  );
  assert.deepEqual(reported, counts);
  assert.equal(totals.asked + totals.probes + askedAgain, seen.asked);
  const of = (wanted: string) =>
    Object.fromEntries(
      errors.filter((e) => e.class === wanted).map(({ code, count }) => [code, count]),
    );
  const { timeout = 0, unfinished = 0, ...failed } = of("connect");
  assert.deepEqual(failed, seen.failures);
  assert.equal(
    totals.failed,
    timeout + Object.values(seen.failures).reduce((sum, n) => sum + n, 0),
  );
  assert.equal(totals.unfinished, unfinished);
  const { unanswered: _, ...closes } = of("close");
  const told: Record<string, number> = {};
  for (const cut of seen.cuts) told[cut] = (told[cut] ?? 0) + 1;
  assert.deepEqual(closes, told);
}
