/** The figures a run is held against, and the rule that holds it: warned, refused, or neither. */
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { formatRate } from "../../report/format.ts";
import { CEILING_SHARE } from "../../report/generator.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { cacheDir } from "../setup/cache.ts";
import { findK6 } from "../setup/ensure.ts";
import type { Environment } from "../setup/environment.ts";
import type { Terminal } from "../terminal.ts";
import { calibrate } from "./calibrate.ts";
import { type Calibration, identifyGenerator, isStalled } from "./figures.ts";
import { CALIBRATION_FILE, keep, readKept } from "./kept.ts";
import { describeOthers } from "./others.ts";
import { describeKept, NO_CEILING, STALLED } from "./table.ts";

export interface ObtainOptions {
  readonly k6: K6Binary;
  readonly env: Environment;
  /** Measure when nothing is kept; else go without. */
  readonly mayMeasure: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The figures kept for this generator; else measured now in the quick form; else `null`. */
export async function obtainCalibration(options: ObtainOptions): Promise<Calibration | null> {
  const { k6, env, terminal, signal } = options;
  const path = calibrationPath(env);
  const found = await readKept(path, identifyGenerator(k6.version));
  // On a busy machine, or from before that was looked at.
  const isDoubtful =
    found?.form === "quick" && (found.othersPercent === undefined || isBusy(found));
  const kept = options.mayMeasure && isDoubtful ? null : found;
  if (kept === null && !options.mayMeasure) return null;
  const figures = kept ?? (await measureQuickly(path, k6, terminal, signal));
  terminal.note(`generator   ${describeKept(figures)}`);
  if (isStalled(figures)) terminal.note(`            ${STALLED}`);
  return figures;
}

/** Refuses a rate by figures that are kept, where k6 is here already: nothing is measured, gotten or sent. */
export async function refuseByKept(rateEps: number, env: Environment): Promise<void> {
  const k6 = await findK6(env);
  if (k6 === null) return;
  judgeRate(rateEps, await readKept(calibrationPath(env), identifyGenerator(k6.version)), false);
}

async function measureQuickly(
  path: string,
  k6: K6Binary,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Calibration> {
  terminal.note(
    "calibration no figures of this machine yet: about 15 s against the embedded sink\n" +
      "            (kept for the next runs; --no-calibrate skips it, `k6-nostr calibrate` is exact)",
  );
  const onStep = (text: string) => terminal.status(text);
  const figures = await calibrate({ k6, form: "quick", onStep, signal });
  terminal.clear();
  await keepFigures(path, figures, terminal, false);
  return figures;
}

/**
 * Keeps figures that hold a ceiling; those that nobody asked for only from a quiet machine, as they would refuse
 * good plans there. Says so when they are not kept. Gives whether they are.
 */
export async function keepFigures(
  path: string,
  figures: Calibration,
  terminal: Terminal,
  wasAskedFor: boolean,
): Promise<boolean> {
  const problem = whyNotKept(figures, wasAskedFor) ?? (await keep(path, figures));
  if (problem !== null) terminal.note(`calibration not kept in \`${path}\`: ${problem}`);
  return problem === null;
}

function whyNotKept(figures: Calibration, wasAskedFor: boolean): string | null {
  if (figures.ceiling === null) return `ceiling ${NO_CEILING}`;
  return wasAskedFor ? null : describeOthers(figures.othersPercent);
}

export function calibrationPath(env: Environment): string {
  return join(cacheDir(env, process.platform), CALIBRATION_FILE);
}

/** The ceiling that a run is held against; `null` where none was found, or on a machine that was busy. */
export function ceilingOf(figures: Calibration | null): number | null {
  return figures === null || isBusy(figures) ? null : (figures.ceiling?.heldEps ?? null);
}

/** Others took so much of the machine that the ceiling is too low. */
function isBusy({ othersPercent }: Calibration): boolean {
  return describeOthers(othersPercent) !== null;
}

/**
 * Holds a rate against the ceiling, by the bounds of the report's own signal `ceilingShare`: gives a
 * warning above half of it; throws `ConfigError` above nine tenths, unless forced, or measured on a machine
 * that was busy: such figures refuse nothing, and no report holds a run against them.
 */
export function judgeRate(
  rateEps: number,
  figures: Calibration | null,
  isForced: boolean,
): string | null {
  const ceilingEps = figures?.ceiling?.heldEps;
  if (ceilingEps === undefined) return null;
  const share = rateEps / ceilingEps;
  if (share <= CEILING_SHARE.suspect) return null;
  const text = `${formatRate(rateEps)} is ${(share * 100).toFixed(0)} % of what this generator reaches against the sink (${formatRate(ceilingEps)})`;
  if (figures !== null && isBusy(figures)) {
    return `${text}; ${describeOthers(figures.othersPercent)}`;
  }
  if (share <= CEILING_SHARE.invalid) return `${text}: the report will call the run suspect`;
  if (isForced) {
    const unless = share > 1 ? ", unless the rate is held all the same" : "";
    return `${text}: the report will call the run invalid${unless}`;
  }
  const mostEps = Math.floor(ceilingEps * CEILING_SHARE.suspect);
  throw new ConfigError(
    `${text}: the figures would be the generator's, not the relay's\n` +
      `Lower --rate to ${mostEps}, use a machine with more cores, measure exactly with \`k6-nostr calibrate\`, or give --force.`,
  );
}
