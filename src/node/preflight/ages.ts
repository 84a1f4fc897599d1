/** Which `created_at` relays announce to take, and the times of a pool that fit. Pure. */
import type { Information } from "./information.ts";

/** From so much on, a limit is no length of time but a moment: some documents have those. */
const FIRST_MOMENT_SEC = 1_000_000_000;

export interface Events {
  readonly kinds: readonly number[];
  readonly createdAt: { readonly min: number; readonly max: number };
}

export interface AgeQuestion {
  readonly information: Information;
  readonly nowSec: number;
  /** So long from now on an event may be sent that is no younger than the oldest. */
  readonly laterSec: number;
}

/** The oldest and the newest `created_at` that a relay announces to take now, by its own clock. */
export function announcedAges(
  { limitation, clockSkewMs }: Information,
  nowSec: number,
  kinds: readonly number[],
): { readonly oldestSec: number | null; readonly newestSec: number | null } {
  const { created_at_window_kinds: limited } = limitation ?? {};
  if (limited !== undefined && !kinds.some((kind) => limited.includes(kind))) {
    return { oldestSec: null, newestSec: null };
  }
  const relayNowSec = nowSec + (clockSkewMs ?? 0) / 1_000;
  const { created_at_lower_limit: lower = 0, created_at_upper_limit: upper = 0 } = limitation ?? {};
  return {
    oldestSec: oldestOf(lower, relayNowSec),
    // A moment in the future would be passed some day: no relay can mean that.
    newestSec: upper > 0 && upper < FIRST_MOMENT_SEC ? relayNowSec + upper : null,
  };
}

/** 0 is no limit (nostream). */
function oldestOf(lower: number, relayNowSec: number): number | null {
  if (lower <= 0 || lower > relayNowSec) return null;
  return lower >= FIRST_MOMENT_SEC ? lower : relayNowSec - lower;
}

/** Whether a relay announces to refuse events for their age some time until `laterSec` from now. */
export function isTooOld({ kinds, createdAt }: Events, question: AgeQuestion): boolean {
  const { information, nowSec, laterSec } = question;
  const { oldestSec } = announcedAges(information, nowSec, kinds);
  const isMoment = oldestSec === information.limitation?.created_at_lower_limit;
  return oldestSec !== null && createdAt.min < oldestSec + (isMoment ? 0 : laterSec);
}
