/** What subscriptions missed: by the way, or in a row up to what they got next, or to the end, which may be theirs. */
import {
  D_LOST_SUBSCRIPTIONS,
  D_MISSING,
  D_SUBSCRIPTION_LOST,
} from "../../../src/measure/classes/delivery.ts";
import type { Ground } from "../driver.ts";
import type { Sent } from "./sent.ts";
import { isSilence } from "./silence.ts";
import { NEVER_PLAIN, rowOf, type Subscription, type Topic } from "./subscription.ts";

export function createMissed({ recorder, atSec }: Pick<Ground, "recorder" | "atSec">) {
  const book = recorder.books.delivery;
  const warmupRows = (book.columns[0]?.length ?? 0) / 2;
  let missing = 0;

  /** Books what a subscription missed in a row, as it came to get others, or as it ended. */
  const settle = (subscription: Subscription, column: number): void => {
    const { missed, missedInWarmup } = subscription;
    if (missed + missedInWarmup === 0) return;
    const row = rowOf(subscription);
    if (column === D_MISSING) missing += missed + missedInWarmup;
    book.count(row, column, missed);
    book.count(row + warmupRows, column, missedInWarmup);
    subscription.missed = 0;
    subscription.missedInWarmup = 0;
  };

  return {
    settle,
    /** `newestOrder`: of what came anywhere, of the one that was published last. */
    add(subscription: Subscription, sent: Sent, newestOrder: number): void {
      // Others have it, and this one has had nothing since: perhaps it gets nothing any more.
      if (newestOrder >= sent.order && (subscription.last?.order ?? -1) < sent.order) {
        subscription.plainFrom = NEVER_PLAIN;
        if (sent.isOfWarmup) subscription.missedInWarmup++;
        else subscription.missed++;
        return;
      }
      missing++;
      book.count(sent.row, D_MISSING);
    },
    /** The run is over: a subscription that had nothing to the end, while others had, is lost in silence. */
    end(topics: readonly Topic[], came: number): void {
      for (const subscription of topics.flatMap((topic) => topic.subscriptions)) {
        const missed = subscription.missed + subscription.missedInWarmup;
        if (!isSilence(missed, { came, missing })) {
          settle(subscription, D_MISSING);
          continue;
        }
        const { noticed } = subscription.lane;
        settle(subscription, D_SUBSCRIPTION_LOST);
        book.count(rowOf(subscription), D_LOST_SUBSCRIPTIONS);
        if (noticed !== null) recorder.said("subscription", "NOTICE", atSec(), noticed);
        else {
          recorder.error(
            "subscription",
            "silence",
            atSec(),
            `nothing came for \`${subscription.id}\` any more, ${missed} events that others got`,
          );
        }
      }
    },
  };
}
