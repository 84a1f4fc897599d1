/** Holds a report's figures against the ledger of the relay that the run was made with. */
import assert from "node:assert/strict";
import {
  CLASSES,
  type ClassName,
  type ColumnOf,
  type CountsOf,
} from "../../src/measure/classes.ts";
import { classesOf, identitiesOf, publishOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { zerosOf } from "../../src/report/zeros.ts";
import type { Ledger } from "./ledger.ts";

/** What the ledger cannot know by itself, or what a fault leaves open. */
export interface Beside {
  /** Errors beside those that the relay's own frames and cuts lead to. */
  readonly errors?: Readonly<Record<string, number>>;
  /** Connections tried while nothing listened; and those that ended before the relay read of them. */
  readonly unreached?: number;
  readonly unread?: number;
  /** The relay kept so much unanswered that some events found no room on a connection. */
  readonly heldBack?: boolean;
  /** Of the unanswered events in a run with cuts: those whose connection outlived the timeout. */
  readonly timedOut?: number;
}

/** Every count and every error is the ledger's, to the event. */
export function assertCounts(report: Report, ledger: Ledger, beside: Beside) {
  const { errors, config, frames } = report;
  const { totals } = publishOf(report);
  const own = ownHandshakes(report);
  const { unreached = 0, unread = 0, heldBack = false } = beside;
  const wasCut = ledger.cuts.length > 0;
  assertBalanced(report);
  // What was on its way when a connection was cut never reached the relay, and is lost like the rest.
  const unseen = wasCut ? totals.attempted - ledger.events.length : 0;
  assert.ok(unseen >= 0, `${ledger.events.length} events received, ${totals.attempted} reported`);
  const missing = ledger.unanswered + unseen;
  const timedOut = wasCut ? (beside.timedOut ?? 0) : missing;
  const taken = ledger.taken - own.all + unread;
  const opened = ledger.opened - own.opened;
  const failed = taken - opened + unreached;
  const seen: CountsOf<"publish"> = {
    scheduled: Math.floor(config.rateEps * config.durationSec),
    attempted: ledger.events.length + unseen,
    accepted: ledger.count("accepted"),
    duplicate: ledger.count("duplicate"),
    superseded: ledger.count("superseded"),
    unheard: ledger.count("unheard"),
    rejected: ledger.count("rejected"),
    timedOut,
    lost: missing - timedOut,
    // The relay cannot know these, but it knows when there can be none.
    backpressure: heldBack ? totals.backpressure : 0,
    noConnection: wasCut || failed > 0 ? totals.noConnection : 0,
    poolExhausted: 0,
  };
  assert.deepEqual(totals, seen);
  assert.deepEqual(frames, {
    notices: ledger.count("notices"),
    malformed: ledger.count("malformedFrames"),
    unknownOk: ledger.count("unknownOk"),
    lateOk: ledger.count("lateOk"),
  });
  const unfinished = beside.errors?.["connect/unfinished"] ?? 0;
  const unclosed = beside.errors?.["close/unanswered"] ?? 0;
  const dropped = ledger.cuts.length;
  const reconnected = Math.max(0, opened - config.clients);
  const connections: CountsOf<"connection"> = {
    ...zerosOf("connection"),
    due: taken + unreached,
    tried: taken + unreached,
    opened,
    failed: failed - unfinished,
    unfinished,
    closedByUs: opened - dropped - unclosed,
    dropped,
    openAtEnd: unclosed,
    reconnected,
    stillDown: dropped - reconnected,
  };
  assert.deepEqual(report.classes.connection.totals, connections);
  const reported: Record<string, number> = {};
  for (const { class: of, code, count } of errors) {
    reported[`${of}/${code}`] = (reported[`${of}/${code}`] ?? 0) + count;
  }
  const timeouts = totals.timedOut > 0 ? { "timeout/no OK": totals.timedOut } : {};
  const misses = {
    ...(unreached > 0 ? { "connect/refused": unreached - unfinished } : {}),
    ...(unread > 0 ? { "connect/reset": unread } : {}),
  };
  assert.deepEqual(reported, {
    ...without(ledger.errors(), own.refusals),
    ...timeouts,
    ...misses,
    ...beside.errors,
  });
  assert.equal(new Set(ledger.events.map(({ id }) => id)).size, ledger.events.length);
}

/** What the relay saw of the CLI's own handshakes, by the error that k6 would have reported. */
function ownHandshakes({ handshakes }: Report) {
  const { asked = 0, answers = [] } = handshakes ?? {};
  const of = (isMeant: (status: number | null) => boolean) =>
    answers.reduce((sum, { status, count }) => sum + (isMeant(status) ? count : 0), 0);
  const opened = of((status) => status === 101);
  const reset = of((status) => status === null);
  const refusals = { "connect/reset": reset, "connect/handshake": asked - opened - reset };
  return { all: asked, opened, refusals };
}

function without(
  errors: Readonly<Record<string, number>>,
  own: Readonly<Record<string, number>>,
): Record<string, number> {
  const left = Object.entries(errors).map(([name, n]) => [name, n - (own[name] ?? 0)] as const);
  return Object.fromEntries(left.filter(([, n]) => n > 0));
}

/**
 * Every identity of every class balances: as the report states it, and held anew against the totals, the warm-up
 * and each row; rows make up the totals.
 */
export function assertBalanced(report: Pick<Report, "classes">): void {
  for (const [name, { totals, warmup, rows, identities }] of classesOf(report)) {
    assert.deepEqual(identities, identitiesOf(name, totals), name);
    const ofRows = Object.values(rows).map((row) => row.totals);
    for (const counts of [totals, ...(warmup === null ? [] : [warmup]), ...ofRows]) {
      for (const { text, left, right, balances } of identitiesOf(name, counts)) {
        assert.ok(balances, `${name}: ${text}: ${left} and ${right}`);
      }
    }
    for (const column of columnsOf(name)) {
      const sum = ofRows.reduce((n, counts) => n + counts[column], 0);
      assert.equal(sum, totals[column], `${name}: ${column}`);
    }
  }
  assertPublishes(publishOf(report).totals);
}

/** The equations of publishing as they are promised, whatever the table of classes says. */
function assertPublishes(totals: CountsOf<"publish">): void {
  const { scheduled, attempted, backpressure, noConnection, poolExhausted } = totals;
  const { accepted, duplicate, superseded, unheard, rejected, timedOut, lost } = totals;
  assert.equal(scheduled, attempted + backpressure + noConnection + poolExhausted);
  const fine = accepted + duplicate + superseded + unheard;
  assert.equal(attempted, fine + rejected + timedOut + lost);
}

function columnsOf<C extends ClassName>(name: C): readonly ColumnOf<C>[] {
  return CLASSES[name].columns;
}
