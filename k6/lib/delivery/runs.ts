/**
 * What subscriptions have missed in a row up to now, all together: what is lost should the run be cut off before it is
 * known how they go on. Sums only, since they are looked at with each slice, and all subscriptions may be silent.
 */
import {
  D_LOST_SUBSCRIPTIONS,
  D_MISSING,
  D_SUBSCRIPTION_LOST,
  delivery,
} from "../../../src/measure/classes/delivery.ts";
import type { Slice } from "../../../src/measure/slice.ts";
import { FEWEST, isSilence } from "./silence.ts";

interface Run {
  readonly row: number;
  /** Events in the window, and before it. */
  readonly missed: number;
  readonly missedInWarmup: number;
}

/** `rows`: without those of the warm-up. */
export function createRuns(rows: number) {
  /** Events of those that are too short to be silence, and of the others; and how many are these, by their row. */
  const short = new Float64Array(2 * rows);
  const long = new Float64Array(2 * rows);
  const silent = new Float64Array(2 * rows);

  const count = ({ row, missed, missedInWarmup }: Run, sign: 1 | -1): void => {
    const isLong = missed + missedInWarmup >= FEWEST;
    const events = isLong ? long : short;
    events[row] = (events[row] as number) + sign * missed;
    events[row + rows] = (events[row + rows] as number) + sign * missedInWarmup;
    if (isLong) silent[row] = (silent[row] as number) + sign;
  };

  return {
    add: (run: Run) => count(run, 1),
    remove: (run: Run) => count(run, -1),
    /** Deliveries that came, and those that are known to be missing. */
    ifLast(came: number, missing: number, atSec: number): Slice["ifLast"] {
      const ends = silent.reduce((sum, n) => sum + n, 0);
      const chance = short.reduce((sum, n) => sum + n, missing);
      const areSilent = isSilence(FEWEST, { came, missing: chance });
      const told: [number, ...number[]][] = [];
      for (let row = 0; row < short.length; row++) {
        const [few, many] = [short[row] as number, long[row] as number];
        if (few + many === 0) continue;
        const cells = delivery.columns.map(() => 0);
        cells[D_MISSING] = areSilent ? few : few + many;
        if (areSilent) {
          cells[D_SUBSCRIPTION_LOST] = many;
          cells[D_LOST_SUBSCRIPTIONS] = silent[row] as number;
        }
        told.push([row, ...cells]);
      }
      if (told.length === 0) return undefined;
      const example = "nothing came for them any more, while others got theirs";
      const error = {
        class: "subscription",
        code: "silence",
        count: ends,
        firstAtSec: atSec,
        example,
      };
      return { classes: { delivery: told }, errors: areSilent && ends > 0 ? [error] : [] };
    },
  };
}
