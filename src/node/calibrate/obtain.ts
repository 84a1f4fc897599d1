/** The figures a run is held against, and the rule that holds it: warned, refused, or neither. */
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { formatRate } from "../../report/format.ts";
import { CEILING_SHARE } from "../../report/generator.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { cacheDir } from "../setup/cache.ts";
import type { Environment } from "../setup/environment.ts";
import type { Terminal } from "../terminal.ts";
import { calibrate } from "./calibrate.ts";
import { type Calibration, identifyGenerator, isStalled } from "./figures.ts";
import { CALIBRATION_FILE, keep, readKept } from "./kept.ts";
import { describeOthers, wasBusy } from "./others.ts";
import { describeKept, NO_CEILING, STALLED } from "./table.ts";

export interface ObtainOptions {
  readonly k6: K6Binary;
  readonly env: Environment;
  /** Measure when nothing is kept; else go without. */
  readonly mayMeasure: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/**
 * The figures kept for this generator; else measured now in the quick form; else `null`. Quick ones from a
 * busy machine, or from before that was looked at, are measured again where that may be.
 */
export async function obtainCalibration(options: ObtainOptions): Promise<Calibration | null> {
  const { k6, env, terminal, signal } = options;
  const path = calibrationPath(env);
  const found = await readKept(path, identifyGenerator(k6.version));
  const kept = found !== null && options.mayMeasure && isDoubtful(found) ? null : found;
  if (kept === null && !options.mayMeasure) return null;
  const figures = kept ?? (await measureQuickly(path, k6, terminal, signal));
  terminal.note(`generator   ${describeKept(figures)}`);
  if (isStalled(figures)) terminal.note(`            ${STALLED}`);
  return figures;
}

function isDoubtful({ form, othersPercent }: Calibration): boolean {
  return form === "quick" && (othersPercent === undefined || wasBusy(othersPercent));
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
  await keepFigures(path, figures, terminal);
  return figures;
}

/**
 * Keeps figures that hold a ceiling, but not the quick ones of a busy machine: they would refuse good plans on
 * a quiet one. Says so when they are not kept. Gives whether they are.
 */
export async function keepFigures(
  path: string,
  figures: Calibration,
  terminal: Terminal,
): Promise<boolean> {
  const problem = whyNotKept(figures) ?? (await keep(path, figures));
  if (problem !== null) terminal.note(`calibration not kept in \`${path}\`: ${problem}`);
  return problem === null;
}

function whyNotKept(figures: Calibration): string | null {
  if (figures.ceiling === null) return `ceiling ${NO_CEILING}`;
  return isDoubtful(figures) ? describeOthers(figures.othersPercent) : null;
}

export function calibrationPath(env: Environment): string {
  return join(cacheDir(env, process.platform), CALIBRATION_FILE);
}

/**
 * Holds a rate against the ceiling, by the bounds of the report's own signal `ceilingShare`: gives a
 * warning above half of it; throws `ConfigError` above nine tenths, unless forced.
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
