/** What the time of a search went into, and whether it was enough for the precision. */

import { formatPercent } from "../format.ts";
import type { Searched } from "./answer.ts";
import { widthOf } from "./interval.ts";

/** `3:47, of which trials 1:34, signing 0:24, cooling down 0:12; the rest is k6's start, connecting and reading back`. */
export function spentText({ trials }: Pick<Searched, "trials">): string {
  const sum = (of: (trial: Searched["trials"][number]) => number) =>
    formatClock(trials.reduce((sec, trial) => sec + of(trial), 0));
  const parts = [
    `trials ${sum(({ lengthSec }) => lengthSec)}`,
    `signing ${sum(({ madeSec = 0 }) => madeSec)}`,
    `cooling down ${sum(({ cooledSec }) => cooledSec)}`,
  ];
  return `${sum(({ tookSec }) => tookSec)}, of which ${parts.join(", ")}; the rest is k6's start, connecting and reading back`;
}

/** `null` where the bounds are as near as was asked for, or what bounds it is no matter of precision. */
export function missedPrecision({ result, search }: Searched): string | null {
  const { lastPassing: lo, firstFailing: hi, limit, suspect } = result;
  const width = widthOf(result);
  if (suspect !== null && width !== null && width > search.precision + 1e-9) {
    return `the precision asked for, ${formatPercent(search.precision)}, can't be promised: the interval is ${formatPercent(width)} wide`;
  }
  const isUnfinished = limit === "budget" || limit === "interrupted" || limit === "failed";
  if (!isUnfinished) return null;
  const asked = `the precision asked for, ${formatPercent(search.precision)}, was not reached`;
  if (lo === null || hi === null)
    return `${asked}: ${lo === null ? "no load held" : "nothing failed"} yet`;
  const apart = hi / lo - 1;
  if (apart > search.precision + 1e-9) {
    return `${asked}: the bounds are ${formatPercent(apart)} apart`;
  }
  return "the bounds are as near as was asked for, and not proven";
}

function formatClock(sec: number): string {
  const whole = Math.round(sec);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
