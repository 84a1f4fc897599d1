/**
 * A machine that was busy with something else makes a run suspect or invalid by its lags, and every count
 * of it is still true: what tests under the real k6 hold verdicts and exit codes against.
 */
import assert from "node:assert/strict";
import { availableParallelism, loadavg } from "node:os";
import type { Report } from "../../src/report/types.ts";
import { EXIT } from "../../src/report/verdict.ts";
import type { Ended } from "./cli.ts";

const LAGS: readonly string[] = ["scheduleLag", "loopLag", "ownDelay"];
/** And what says that it was busy. */
const BUSY: readonly string[] = [...LAGS, "hostCpu"];

/** The run ended with this code, or as invalid when nothing but its lags says so. */
export function assertEnded(ended: Ended, report: Report, exitCode: number): void {
  const bad = report.generator.signals.filter(({ state }) => state === "invalid");
  const wasHeldUp = bad.length > 0 && bad.every(({ id }) => LAGS.includes(id));
  const expected = wasHeldUp ? EXIT.invalid : exitCode;
  assert.equal(ended.exitCode, expected, `${ended.stdout}\n${ended.stderr}`);
}

/** Something else had the machine: what is said of times, and what they left no room for, is not the relay's. */
export function wasHeldUp({ generator }: Report): boolean {
  return generator.signals.some(({ id, state }) => BUSY.includes(id) && isAgainst(state));
}

/** No signal but those of a busy machine speaks against the run. */
export function assertBelieved({ generator }: Report): void {
  const against = generator.signals.filter(
    ({ id, state }) => isAgainst(state) && !BUSY.includes(id),
  );
  assert.deepEqual(against, []);
}

/** Others want the cores twice over: what takes a quiet machine can't be shown, and its test is skipped. */
export function isOverloaded(): boolean {
  const [lastMinute = 0] = loadavg();
  return lastMinute > 2 * availableParallelism();
}

function isAgainst(state: string): boolean {
  return state === "suspect" || state === "invalid";
}
