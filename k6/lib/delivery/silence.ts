/** Whether what a subscription missed to the end is chance, or the end of it. */

/** Events in a row. */
export const FEWEST = 3;
/** Of so many subscriptions one may be called silent that was not. */
const CHANCE = 1e-3;

export interface Losses {
  /** Deliveries that came, and those that did not, over all subscriptions but such ends. */
  readonly came: number;
  readonly missing: number;
}

/** `missed`: events in a row, up to the end. Each was missed with the chance that others are (Laplace's rule). */
export function isSilence(missed: number, { came, missing }: Losses): boolean {
  const chance = (missing + 1) / (came + missing + 2);
  return missed >= FEWEST && chance ** missed < CHANCE;
}
