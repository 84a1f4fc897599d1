/** Waits between two trials until a relay is as it was at first: what a trial left must not burden the next one. */

/** How a relay is when nothing is asked of it; `null` for what can't be seen, or was not looked at. */
export interface Resting {
  /** Of its processes, percent of one core. */
  readonly cpuPercent: number | null;
  /** Median time of its answer to a question about nothing. */
  readonly lookMs: number | null;
}

export const UNKNOWN: Resting = { cpuPercent: null, lookMs: null };

export interface Cooled {
  readonly cooledSec: number;
  /** It did not come back to what it was. */
  readonly aged: boolean;
  readonly found: Resting;
}

export interface Cooling {
  readonly look: () => Promise<Resting>;
  readonly nowMs: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
}

const MOST_MS = 30_000;
const APART_MS = 500;
/** Within a fifth, and what a busy host adds: to a time of a millisecond, to the processor time of an idle process. */
const SHARE = 1.2;
const MORE = { lookMs: 2, cpuPercent: 5 };

/** What is not known of its rest is not waited for. */
export async function coolDown(
  rest: Resting,
  { look, nowMs, wait, signal }: Cooling,
): Promise<Cooled> {
  const startMs = nowMs();
  for (;;) {
    const found = await look();
    const cooledMs = nowMs() - startMs;
    const cooledSec = cooledMs / 1_000;
    if (isAtRest(found, rest) || signal.aborted) return { cooledSec, aged: false, found };
    if (cooledMs >= MOST_MS) return { cooledSec, aged: true, found };
    await wait(APART_MS);
  }
}

/** What is held against a relay from a trial on: its first idleness, its answers behind the warm-up, all anew once it aged. */
export function restAfter(
  before: Resting,
  { found, aged }: Cooled,
  { isWarmup }: { readonly isWarmup: boolean },
): Resting {
  if (aged) return found;
  return {
    cpuPercent: before.cpuPercent ?? found.cpuPercent,
    lookMs: before.lookMs ?? (isWarmup ? null : found.lookMs),
  };
}

function isAtRest(found: Resting, rest: Resting): boolean {
  return (["cpuPercent", "lookMs"] as const).every((figure) => {
    const [is, was] = [found[figure], rest[figure]];
    // A relay that does not answer any more is not at rest; processes that can't be seen any more say nothing.
    if (was === null || (is === null && figure === "cpuPercent")) return true;
    return is !== null && is <= Math.max(was * SHARE, was + MORE[figure]);
  });
}
