/** What subscriptions missed: by the way, or in a row up to what they got next, or to the end, which may be theirs. */
import {
  D_LOST_SUBSCRIPTIONS,
  D_MISSING,
  D_SUBSCRIPTION_LOST,
} from "../../../src/measure/classes/delivery.ts";
import type { Ground } from "../driver.ts";
import { createRuns } from "./runs.ts";
import type { Sent } from "./sent.ts";
import { isSilence } from "./silence.ts";
import type { Subscriptions } from "./subscriptions.ts";

export function createMissed(
  { recorder, atSec }: Pick<Ground, "recorder" | "atSec">,
  subscriptions: Subscriptions,
) {
  const book = recorder.books.delivery;
  const warmupRows = (book.columns[0]?.length ?? 0) / 2;
  const { missed, missedInWarmup } = subscriptions;
  const runs = createRuns(warmupRows);
  let missing = 0;

  const runOf = (number: number) => ({
    row: subscriptions.rowOf(number),
    missed: missed[number] as number,
    missedInWarmup: missedInWarmup[number] as number,
  });

  const missedBy = (number: number): number =>
    (missed[number] as number) + (missedInWarmup[number] as number);

  /** Books what a subscription missed in a row, as it came to get others, or as it ended. */
  const settle = (number: number, column: number): void => {
    const all = missedBy(number);
    if (all === 0) return;
    const run = runOf(number);
    runs.remove(run);
    if (column === D_MISSING) missing += all;
    book.count(run.row, column, run.missed);
    book.count(run.row + warmupRows, column, run.missedInWarmup);
    missed[number] = 0;
    missedInWarmup[number] = 0;
  };

  return {
    settle,
    /** `newestOrder`: of what came anywhere, of the one that was published last. */
    add(number: number, { order, row }: Sent, newestOrder: number): void {
      // Others have it, and this one has had nothing since: perhaps it gets nothing any more.
      if (newestOrder >= order && subscriptions.lastOf(number) < order) {
        subscriptions.suspect(number);
        if (missedBy(number) > 0) runs.remove(runOf(number));
        const of = row < warmupRows ? missed : missedInWarmup;
        (of[number] as number)++;
        runs.add(runOf(number));
        return;
      }
      missing++;
      book.count(row, D_MISSING);
    },
    /** What is lost should nothing more be known. */
    ifLast: (came: number) => runs.ifLast(came, missing, atSec()),
    /** The run is over: a subscription that had nothing to the end, while others had, is lost in silence. */
    end(came: number): void {
      for (let number = 0; number < subscriptions.count; number++) {
        const all = missedBy(number);
        if (!isSilence(all, { came, missing })) {
          settle(number, D_MISSING);
          continue;
        }
        const { noticed } = subscriptions.laneOf(number);
        settle(number, D_SUBSCRIPTION_LOST);
        book.count(subscriptions.rowOf(number), D_LOST_SUBSCRIPTIONS);
        if (noticed !== null) recorder.said("subscription", "NOTICE", atSec(), noticed);
        else {
          recorder.error(
            "subscription",
            "silence",
            atSec(),
            `nothing came for \`${subscriptions.idOf(number)}\` any more, ${all} events that others got`,
          );
        }
      }
    },
  };
}
