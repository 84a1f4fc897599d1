/** A run in virtual time, held against the ledger of a relay that misbehaves. */
import assert from "node:assert/strict";
import { parseMix } from "../../src/events/mix.ts";
import { classesOf, publishOf, setOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { zerosOf } from "../../src/report/zeros.ts";
import { assertCounts, type Beside } from "../faulty-relay/hold.ts";
import { keepPool } from "../kept-pool.ts";
import type { misbehave } from "./misbehave.ts";
import { type Ran, runScenario } from "./run.ts";
import type { Conditions, Relay } from "./world.ts";

/** 200 events over 4 connections, from 1 s on: connections open in a millisecond, windows begin at full seconds. */
const LOAD = { CLIENTS: "4", RATE_EPS: "200", DURATION_SEC: "1", ACK_TIMEOUT_MS: "500" };

export const refusal = "dial tcp 127.0.0.1:7777: connect: connection refused";

type Variables = Readonly<Record<string, string>>;

let pool: Promise<string> | undefined;

/** Views, and videos of two parts. */
function makeEvents(): Promise<string> {
  const mix = parseMix("view:0.5,video:0.5");
  return keepPool({ seed: "outcomes", mix, events: 1_400, epoch: 1_767_225_600 });
}

/** Runs against any relay. */
export async function publish(
  relay: Relay,
  variables: Variables = {},
  conditions: Conditions = {},
): Promise<Ran> {
  pool ??= makeEvents();
  return runScenario(await pool, { ...LOAD, ...variables }, relay, conditions);
}

interface Trial {
  readonly variables?: Variables;
  readonly conditions?: Conditions;
  readonly beside?: Beside;
}

/** Runs against the relay and holds the counts against its ledger. */
export async function hold(
  { relay, ledger }: ReturnType<typeof misbehave>,
  { variables, conditions, beside = {} }: Trial = {},
): Promise<Ran> {
  const ran = await publish(relay, variables, conditions);
  ledger.taken = ran.dialled;
  ledger.opened = ran.opened;
  assertCounts(ran.report, ledger, beside);
  assertSetsClosed(ran.report);
  assertSeriesSums(ran.report);
  return ran;
}

/** Every set that was begun is settled, as complete as its accepted parts make it: videos have two. */
function assertSetsClosed(report: Report): void {
  const { rows, lacking } = setOf(report);
  const { rows: types, totals } = publishOf(report);
  const inParts = Object.entries(report.config.pool.types).filter(
    ([, { kinds }]) => kinds.length > 1,
  );
  const names = inParts.map(([type]) => type);
  assert.ok(
    Object.keys(rows).every((type) => names.includes(type)),
    Object.keys(rows).join(),
  );
  for (const type of names) {
    const sets = rows[type]?.totals ?? zerosOf("set");
    const { started, complete, partial, failed, cutOff } = sets;
    assert.equal(started, complete + partial + failed + cutOff);
    assert.ok(cutOff <= 1, `${cutOff} sets cut off`);
    const parts = (lacking[type] ?? []).reduce((sum, { count }) => sum + count, 0);
    assert.ok(parts >= partial + 2 * failed, `${parts} parts lacking`);
    if (totals.duplicate > 0) continue;
    const accepted = types[type]?.totals.accepted ?? 0;
    const open = accepted - 2 * complete - partial;
    assert.ok(
      open >= 0 && open <= 2 * cutOff,
      `${accepted} parts in ${complete} sets and ${partial}`,
    );
  }
}

/** What the points of a class say adds up to its totals; handshakes before the window are in no point. */
export function assertSeriesSums({ classes }: Pick<Report, "classes">): void {
  for (const [name, { totals, series }] of classesOf({ classes })) {
    if (name === "connection") continue;
    for (const [column, total] of Object.entries<number>(totals)) {
      // They come before the window.
      if (column === "probes") continue;
      const sum = series.reduce((n, { counts }) => n + Number(Reflect.get(counts, column)), 0);
      assert.equal(sum, total, `${name}: ${column}`);
    }
    assert.ok(series.length >= 60);
  }
}
