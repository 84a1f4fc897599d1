/**
 * What the relay did in trials that asked for more than it could do. By as much as that differs from trial to trial, two
 * searches may differ, however fine each of them is.
 */
import type { Trial } from "../../capacity/result.ts";
import { formatBytes, formatMs, formatPercent } from "../format.ts";
import type { Searched } from "./answer.ts";
import { doneUnit, formatLoad } from "./words.ts";

export interface AtItsLimit {
  /** What was done a second, in the order of the trials. */
  readonly done: readonly number[];
  readonly least: number;
  readonly most: number;
  /** `most` over `least` − 1. */
  readonly spread: number;
  /** Less and less, by more than chance; then the means of the earlier half and of the later one. */
  readonly falling: readonly [earlier: number, later: number] | null;
  /** Processor time for one, ms: least and most; `null` where its processes can't be seen. */
  readonly costMs: readonly [least: number, most: number] | null;
  /** What its files took behind the first and the last of them. */
  readonly grown: readonly [from: number, to: number] | null;
}

/** Less than this of what was due was done: the relay was behind. */
const BEHIND = 0.97;
/** Above the bound by more than this it has no time for what it could do. */
const NEAR = 1.25;
const FEWEST = 3;
/** One-sided, 19 in 20. */
const SURE = 1.645;

/** `null` where a load is no rate, or fewer than three trials say so. */
export function atItsLimit({ trials, result, search }: Searched): AtItsLimit | null {
  if (search.scale !== "rate" && search.scale !== "query-rate") return null;
  const most = (result.interval[1] ?? Number.POSITIVE_INFINITY) * NEAR;
  const behind = trials.filter(
    ({ role, verdict, died, load, figures: { done, offered } }) =>
      role !== "warmup" &&
      verdict !== "void" &&
      died === undefined &&
      load <= most &&
      done > 0 &&
      done < offered * BEHIND,
  );
  const done = behind.map(({ figures }) => figures.done);
  if (done.length < FEWEST) return null;
  const [lowest, highest] = [Math.min(...done), Math.max(...done)];
  const half = Math.floor(done.length / 2);
  return {
    done,
    least: lowest,
    most: highest,
    spread: highest / lowest - 1,
    falling: isFalling(done) ? [mean(done.slice(0, half)), mean(done.slice(-half))] : null,
    costMs: costOf(behind),
    grown: grownOf(behind),
  };
}

/** Why another search may come to something else; `null` where that is not known, or within the precision. */
export function apartText(report: Searched): string | null {
  const at = atItsLimit(report);
  if (at === null || at.spread <= report.search.precision) return null;
  const unit = doneUnit(report.run.scenario);
  return `another search may come out up to ${formatPercent(at.spread)} away: in ${at.done.length} trials that asked for more than it can do, it did ${formatLoad(at.least, unit)} to ${formatLoad(at.most, unit)}${costText(at, report)}`;
}

/** Whether it had less of the processor, or needed more of it for the same. */
function costText({ costMs, spread }: AtItsLimit, { run }: Searched): string {
  if (costMs === null) return "";
  const [least, most] = costMs;
  // What is left of the spread is what it got of the processor.
  if (most / least - 1 < spread / 2) return "";
  return `. Each took ${formatMs(least)} to ${formatMs(most)} of its processor: ${run.sameHost === true ? "the machine that it shares ran" : "its machine ran"} slower at times, or what it stores costs more`;
}

/** What it lost meanwhile, where it did; `null` where it did not. */
export function fallingText(report: Searched): string | null {
  const { falling = null, grown = null } = atItsLimit(report) ?? {};
  if (falling === null) return null;
  const [earlier, later] = falling.map((rate) => formatLoad(rate, doneUnit(report.run.scenario)));
  const size =
    grown === null
      ? ""
      : `, while its database grew from ${formatBytes(grown[0])} to ${formatBytes(grown[1])}`;
  return `at its limit it did less the later it was: ${earlier} in the earlier half of those trials, ${later} in the later half${size}`;
}

/** Mann, 1945, and Kendall: more pairs fall than chance would have. */
function isFalling(values: readonly number[]): boolean {
  const n = values.length;
  let score = 0;
  values.forEach((value, i) => {
    for (const later of values.slice(i + 1)) score += Math.sign(value - later);
  });
  return (score - 1) / Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18) >= SURE;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Percent of a core over things a second: hundredths of a second of it for each. */
function costOf(trials: readonly Trial[]): AtItsLimit["costMs"] {
  const costs = trials.flatMap(({ figures: { relayCpu, done } }) =>
    relayCpu === null ? [] : [(relayCpu * 10) / done],
  );
  return costs.length < trials.length ? null : [Math.min(...costs), Math.max(...costs)];
}

function grownOf(trials: readonly Trial[]): AtItsLimit["grown"] {
  const sizes = trials.flatMap(({ figures }) => figures.databaseBytes ?? []);
  const [first, last] = [sizes[0], sizes.at(-1)];
  return first === undefined || last === undefined || last <= first ? null : [first, last];
}
