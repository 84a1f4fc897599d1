/** The figures a run is held against, and the rule that holds it: warned, refused, or neither. */
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { formatRate } from "../../report/format.ts";
import { CEILING_SHARE, RECEIVE_SHARE } from "../../report/share-signals.ts";
import type { ReceiveFigures } from "../../report/types.ts";
import type { K6Binary } from "../setup/attempt.ts";
import { cacheDir } from "../setup/cache.ts";
import { findK6 } from "../setup/ensure.ts";
import type { Environment } from "../setup/environment.ts";
import type { Terminal } from "../terminal.ts";
import { calibrate } from "./calibrate.ts";
import {
  type Calibration,
  identifyGenerator,
  isStalled,
  mergeFigures,
  type Part,
} from "./figures.ts";
import { CALIBRATION_FILE, keep, readKept } from "./kept.ts";
import { describeOthers } from "./others.ts";
import { describeKept, describeRows, NO_CEILING, STALLED } from "./table.ts";

export interface ObtainOptions {
  readonly k6: K6Binary;
  readonly env: Environment;
  /** Measure when nothing is kept; else go without. */
  readonly mayMeasure: boolean;
  /** What the run is held against; `null`: nothing. */
  readonly part: Part | null;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The figures kept for this generator; what of them a run needs is else measured now, in the quick form. */
export async function obtainCalibration({
  part,
  ...options
}: ObtainOptions): Promise<Calibration | null> {
  const { terminal, mayMeasure } = options;
  if (part === null) return null;
  const found = await readKept(calibrationPath(options.env), identifyGenerator(options.k6.version));
  const figures =
    mayMeasure && !hasSound(found, part)
      ? await measureQuickly({ ...options, part }, found)
      : found;
  if (figures === null) return null;
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

/** Figures of a quick form from a busy machine, or from before that was looked at, are taken again. */
function hasSound(found: Calibration | null, part: Part): boolean {
  const one = part === "receive" ? found?.receive : found?.ceiling && found;
  if (!one) return false;
  return one.form === "full" || (one.othersPercent !== undefined && !isBusy(one));
}

async function measureQuickly(
  { k6, env, part, terminal, signal }: ObtainOptions & { readonly part: Part },
  found: Calibration | null,
): Promise<Calibration> {
  const path = calibrationPath(env);
  terminal.note(
    "calibration no figures of this machine yet: about 15 s against the embedded sink\n" +
      "            (kept for the next runs; --no-calibrate skips it, `k6-nostr calibrate` is exact)",
  );
  const onStep = (text: string) => terminal.status(text);
  const measured = await calibrate({ k6, form: "quick", parts: [part], onStep, signal });
  terminal.clear();
  const figures = mergeFigures(found, measured, part);
  await keepFigures(path, figures, terminal, part);
  return figures;
}

/**
 * Keeps figures that hold a ceiling; those of one part, which nobody asked for, only from a quiet machine, as
 * they would refuse good plans there. Says so when they are not kept. Gives whether they are.
 */
export async function keepFigures(
  path: string,
  figures: Calibration,
  terminal: Terminal,
  part: Part | null,
): Promise<boolean> {
  const problem = whyNotKept(figures, part) ?? (await keep(path, figures));
  if (problem !== null) terminal.note(`calibration not kept in \`${path}\`: ${problem}`);
  return problem === null;
}

function whyNotKept(figures: Calibration, part: Part | null): string | null {
  const { ceiling, receive = null } = figures;
  const isLacking =
    part === null
      ? ceiling === null && receive === null
      : (part === "receive" ? receive : ceiling) === null;
  if (isLacking) return `ceiling ${NO_CEILING}`;
  if (part === null) return null;
  return describeOthers((part === "receive" ? receive : figures)?.othersPercent);
}

export function calibrationPath(env: Environment): string {
  return join(cacheDir(env, process.platform), CALIBRATION_FILE);
}

/** The ceiling that a run is held against; `null` where none was found, or on a machine that was busy. */
export function ceilingOf(figures: Calibration | null): number | null {
  return figures === null || isBusy(figures) ? null : (figures.ceiling?.heldEps ?? null);
}

/** The same of what is read. */
export function receiveOf(figures: Calibration | null): ReceiveFigures | null {
  const receive = figures?.receive ?? null;
  if (receive === null || isBusy(receive)) return null;
  return { rowsPerSec: receive.heldRowsPerSec, bytesPerSec: receive.heldBytesPerSec };
}

/** Others took so much of the machine that the ceiling is too low. */
function isBusy({ othersPercent }: Pick<Calibration, "othersPercent">): boolean {
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

/**
 * Holds the rows that right answers would have against the ceiling, as `judgeRate` holds a rate, by the bounds of
 * the report's signal `receiveShare`.
 */
export function judgeRows(
  { queryRate, rowsEach }: { readonly queryRate: number; readonly rowsEach: number },
  figures: Calibration | null,
  isForced: boolean,
): string | null {
  const receive = figures?.receive ?? null;
  if (receive === null) return null;
  const rowsPerSec = queryRate * rowsEach;
  const share = rowsPerSec / receive.heldRowsPerSec;
  if (share <= RECEIVE_SHARE.suspect) return null;
  const text = `${describeRows(rowsPerSec)} in right answers are ${(share * 100).toFixed(0)} % of what this generator reads from the sink (${describeRows(receive.heldRowsPerSec)})`;
  const busy = describeOthers(receive.othersPercent);
  if (busy !== null) return `${text}; ${busy}`;
  if (share <= RECEIVE_SHARE.invalid) return `${text}: the report will call the run suspect`;
  if (isForced) return `${text}: the report will call the run invalid`;
  const most = Math.floor((receive.heldRowsPerSec * RECEIVE_SHARE.suspect) / rowsEach);
  throw new ConfigError(
    `${text}: the figures would be the generator's, not the relay's\n` +
      `Lower --query-rate to ${most}, use a machine with more cores, measure exactly with \`k6-nostr calibrate\`, or give --force.`,
  );
}
