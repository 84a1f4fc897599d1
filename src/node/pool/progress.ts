/** How far the making of a pool has got. */

export interface Progress {
  /** Events written. */
  readonly done: number;
  readonly total: number;
  /** Events a second since the start, without those that were there before. */
  readonly perSecond: number;
  readonly secondsLeft: number;
}

const SHORTEST_PAUSE_MS = 200;

/**
 * Gives a function that takes the events done, and the total where more became known of it, and reports
 * them: at most 5 times a second, and the end.
 */
export function startProgress(
  planned: number,
  report: ((progress: Progress) => void) | undefined,
  {
    done: doneBefore = 0,
    nowMs = () => performance.now(),
  }: { readonly done?: number; readonly nowMs?: () => number } = {},
): (done: number, total?: number) => void {
  const startMs = nowMs();
  let lastMs = startMs;
  return (done, total = planned) => {
    const now = nowMs();
    if (report === undefined || (done < total && now - lastMs < SHORTEST_PAUSE_MS)) return;
    lastMs = now;
    const perSecond = ((done - doneBefore) * 1_000) / Math.max(1, now - startMs);
    report({ done, total, perSecond, secondsLeft: (total - done) / Math.max(1, perSecond) });
  };
}
