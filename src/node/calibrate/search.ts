/**
 * The search for the ceiling: the highest rate that is held. Multiplies until a rate fails, then
 * halves the gap by ratio. A failure that may be noise is tried a second time; one where the rate was
 * missed by far is not. Pure but for `measure`: what a rate is held against is the caller's.
 */

export interface Trial {
  /** The run was valid and achieved what was set. */
  readonly held: boolean;
  /** Achieved rate over the rate set. */
  readonly achievedShare: number;
}

export interface SearchOptions {
  readonly firstEps: number;
  readonly leastEps: number;
  readonly mostEps: number;
  /** Step of the first part: 2 doubles. */
  readonly factor: number;
  /** Ends when the failed rate is at most so many times the held one. */
  readonly precision: number;
  /** Trials at most, second ones included. */
  readonly mostTrials: number;
  readonly measure: (rateEps: number) => Promise<Trial>;
  /** Asked before each trial but the first: the time is used up. */
  readonly isOver: () => boolean;
}

export interface SearchResult {
  /** `null` when no rate was held. */
  readonly heldEps: number | null;
  /** `null` when none failed. */
  readonly failedEps: number | null;
  readonly trials: number;
}

/** Below this share of the rate a failure is no noise: the generator was overrun. */
const CLEAR_FAILURE_SHARE = 0.9;

export async function findCeiling(options: SearchOptions): Promise<SearchResult> {
  const { leastEps, mostEps, mostTrials, isOver } = options;
  let heldEps: number | null = null;
  let failedEps: number | null = null;
  let trials = 0;
  const mayTry = () => trials < mostTrials && (trials === 0 || !isOver());
  const isHeld = async (rateEps: number): Promise<boolean> => {
    trials++;
    const first = await options.measure(rateEps);
    if (first.held || first.achievedShare < CLEAR_FAILURE_SHARE || !mayTry()) return first.held;
    trials++;
    return (await options.measure(rateEps)).held;
  };
  let next: number | null = Math.min(Math.max(options.firstEps, leastEps), mostEps);
  while (next !== null && mayTry()) {
    if (await isHeld(next)) heldEps = next;
    else failedEps = next;
    next = nextRate(heldEps, failedEps, options);
  }
  return { heldEps, failedEps, trials };
}

/** The rate to try next; `null` when the search is done. */
function nextRate(
  heldEps: number | null,
  failedEps: number | null,
  { factor, precision, leastEps, mostEps }: SearchOptions,
): number | null {
  if (failedEps === null) {
    const rate = heldEps ?? 0;
    return rate >= mostEps ? null : Math.min(rate * factor, mostEps);
  }
  if (heldEps === null) {
    return failedEps <= leastEps ? null : Math.max(failedEps / factor, leastEps);
  }
  if (failedEps / heldEps <= precision) return null;
  const middle = roundRate(Math.sqrt(heldEps * failedEps));
  return middle > heldEps && middle < failedEps ? middle : null;
}

/** Two significant digits and a half: 22,627 becomes 22,500. */
function roundRate(rateEps: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(rateEps)) - 1) / 2;
  return Math.round(rateEps / step) * step;
}
