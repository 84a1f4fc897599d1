/** Within what a capacity lies, and how wide that is: of trials that contradict each other wider than the bounds are apart. */
import type { CapacityResult } from "../../capacity/result.ts";
import { formatPercent } from "../format.ts";
import type { Searched } from "./answer.ts";
import { formatLoad, loadUnit } from "./words.ts";

/** `null`: one of its ends is not known. */
export function widthOf({
  interval: [least, most],
}: Pick<CapacityResult, "interval">): number | null {
  return most === null || least === 0 ? null : most / least - 1;
}

/** `990 events/s to 1,010 events/s, 2.02 % apart`. */
export function intervalText({ result, search, run }: Searched): string {
  const unit = loadUnit(search.scale, run.scenario);
  const [least, most] = result.interval;
  const width = widthOf(result);
  if (most === null) return `${formatLoad(least, unit)} and more`;
  const apart = width === null ? "" : `, ${formatPercent(width)} apart`;
  return `${formatLoad(least, unit)} to ${formatLoad(most, unit)}${apart}`;
}
