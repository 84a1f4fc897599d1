/** Holds what a run of questions will have to read against what this generator reads. */

import { meanRows } from "../calibrate/expected-rows.ts";
import type { Calibration } from "../calibrate/figures.ts";
import { judgeRows } from "../calibrate/obtain.ts";
import type { RunRequest } from "./driven.ts";

/** Warns of a plan whose right answers are more, or throws `ConfigError`. `dir`: of the pool of questions, if it is one. */
export async function holdReading(
  dir: string | null,
  calibration: Calibration | null,
  { plan: { query }, force = false, terminal }: RunRequest,
): Promise<void> {
  if (query === null || dir === null) return;
  const rowsEach = await meanRows(dir, query.pages);
  if (rowsEach === null) return;
  const warning = judgeRows({ queryRate: query.rate, rowsEach }, calibration, force);
  if (warning !== null) terminal.note(`warning     ${warning}`);
}
