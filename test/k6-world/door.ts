/**
 * A relay, and what is before it, by what they do about connections: the truth that a report of `connect` is held
 * against, in virtual time. It answers each REQ at once unless it is told otherwise.
 */
import assert from "node:assert/strict";
import type { CountsOf } from "../../src/measure/classes.ts";
import type { Report } from "../../src/report/types.ts";
import { type Ran, runScenario } from "./run.ts";
import type { Conditions, RelaySide } from "./world.ts";

/** RFC 6455, 7.1.5: what stands for the end of a connection without a Close frame. */
const NO_CLOSE_FRAME = 1_006;
export const badHandshake = "websocket: bad handshake";
const REFUSALS: Readonly<Record<string, string>> = {
  [badHandshake]: "handshake",
  "dial tcp 127.0.0.1:7777: connect: connection refused": "refused",
};

type Handshake = ReturnType<NonNullable<Conditions["handshake"]>>;

export interface Door {
  /** By the place of the handshake, from 0, and how many connections are open by then. */
  readonly handshake?: (
    place: number,
    now: { readonly open: number; readonly atMs: number },
  ) => Handshake;
  /** As a connection opens, with how many are open then. */
  readonly onOpen?: (socket: Guest, open: number) => void;
  /** A REQ; answered with EOSE where this says nothing. */
  readonly onAsk?: (socket: Guest, id: string, nth: number) => "silent" | "closed" | undefined;
  readonly at?: readonly (readonly [atMs: number, act: (guests: readonly Guest[]) => void])[];
}

/** A connection, as the relay has it. */
export interface Guest {
  readonly side: RelaySide;
  /** Ends it: with a code, or without a Close frame. */
  cut(code?: number): void;
}

export interface Seen {
  /** When each handshake came. */
  readonly triesMs: number[];
  readonly cuts: string[];
  readonly failures: Record<string, number>;
  opened: number;
  asked: number;
  eose: number;
  closed: number;
}

/** Runs `connect` against a door and holds the report's counts against what the door saw. */
export async function visit(
  door: Door,
  variables: Readonly<Record<string, string>>,
  conditions: Pick<Conditions, "ignoresClose"> = {},
): Promise<Ran & { readonly seen: Seen }> {
  const seen: Seen = {
    ...{ triesMs: [], cuts: [], failures: {} },
    ...{ opened: 0, asked: 0, eose: 0, closed: 0 },
  };
  const guests = new Map<RelaySide, Guest>();
  const guestOf = (side: RelaySide): Guest => {
    const known = guests.get(side);
    if (known !== undefined) return known;
    const cut = (code = NO_CLOSE_FRAME) => {
      if (!guests.delete(side)) return;
      seen.cuts.push(code === NO_CLOSE_FRAME ? "no close frame" : String(code));
      side.drop(code);
    };
    const guest = { side, cut };
    guests.set(side, guest);
    return guest;
  };
  const ran = await runScenario(
    null,
    { CLIENTS: "20", CONNECT_RATE: "10", HOLD_SEC: "4", ACK_TIMEOUT_MS: "500", ...variables },
    (frame, side) => {
      const [verb, id] = JSON.parse(frame) as [string, string];
      if (verb !== "REQ") return;
      const nth = seen.asked++;
      const how = door.onAsk?.(guestOf(side), id, nth);
      if (how === "silent") return;
      seen[how === "closed" ? "closed" : "eose"]++;
      side.answer(
        JSON.stringify(how === "closed" ? ["CLOSED", id, "blocked: no"] : ["EOSE", id]),
        2,
      );
    },
    {
      ...conditions,
      scenario: "connect",
      handshake: (place, atMs) => {
        seen.triesMs.push(atMs);
        const how = door.handshake?.(place, { open: guests.size, atMs }) ?? "open";
        if (typeof how === "object") {
          const code = REFUSALS[how.error] ?? "other";
          seen.failures[code] = (seen.failures[code] ?? 0) + 1;
        }
        return how;
      },
      onOpen: (side) => {
        seen.opened++;
        const guest = guestOf(side);
        door.onOpen?.(guest, guests.size);
      },
      onClose: (side) => guests.delete(side),
      at: (door.at ?? []).map(([atMs, act]) => [atMs, () => act([...guests.values()])] as const),
    },
  );
  assertSeen(ran.report, seen);
  return { ...ran, seen };
}

/** Attempts, opens, ends and what came of each REQ are the door's, to the last one. */
function assertSeen({ classes, errors }: Report, seen: Seen): void {
  const { totals } = classes.connection;
  const counts: Partial<CountsOf<"connection">> = {
    tried: seen.triesMs.length,
    opened: seen.opened,
    dropped: seen.cuts.length,
    refused: seen.closed,
  };
  const reported = Object.fromEntries(
    Object.keys(counts).map((column) => [column, totals[column as keyof typeof counts]]),
  );
  assert.deepEqual(reported, counts);
  // Those of the door that were under way when their connection ended are nobody's.
  assert.ok(totals.asked + totals.probes <= seen.asked);
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
