/** Holds what a report says of queries against the ledger of the relay that was asked. */
import assert from "node:assert/strict";
import { queryOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerColumn } from "./query-ledger.ts";

/** Every column that a relay can know, and every error of its doing, is the ledger's. */
export function assertQueries(
  report: Report,
  ledger: Ledger,
  beside: Partial<Record<LedgerColumn, number>> = {},
): void {
  const { totals, identities } = queryOf(report);
  const seen = { ...ledger.queries.columns(), ...beside };
  // What was on its way when a connection was cut never reached the relay, and is lost like the rest.
  const unseen = ledger.cuts.length > 0 ? totals.sent - seen.sent : 0;
  assert.ok(unseen >= 0, `${seen.sent} questions received, ${totals.sent} reported`);
  const expected = { ...seen, sent: seen.sent + unseen, lost: seen.lost + unseen };
  const reported = Object.fromEntries(
    Object.keys(expected).map((column) => [column, totals[column as LedgerColumn]]),
  );
  assert.deepEqual(reported, expected);
  for (const { text, left, right, balances } of identities) {
    assert.ok(balances, `${text}: ${left} and ${right}`);
  }
  const errors: Record<string, number> = {};
  for (const { class: of, code, count } of report.errors) {
    // Whether it was EOSE or COUNT that did not come, the ledger counts together.
    const name = of === "timeout" ? of : `${of}/${code}`;
    errors[name] = (errors[name] ?? 0) + count;
  }
  const timeouts = seen.timedOut > 0 ? { timeout: seen.timedOut } : {};
  assert.deepEqual(errors, { ...ledger.errors(), ...timeouts });
  assert.equal(report.frames.notices, ledger.count("notices"));
  assert.equal(report.frames.malformed, ledger.count("malformedFrames"));
}
