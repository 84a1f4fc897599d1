/**
 * How long clients that lost a connection took until they could use the relay again. Those that did not get so far
 * count too: half of all means half of those that lost one, and not of those that are back.
 */
import { quantile } from "../measure/histogram.ts";
import type { Report } from "./types.ts";

const SHARES = [0.5, 0.9, 0.99] as const;

export interface Recovery {
  readonly interrupted: number;
  readonly recovered: number;
  /** By share of those that were interrupted, ms until so many could use the relay again; `null`: never. */
  readonly afterMs: readonly (readonly [share: number, ms: number | null])[];
}

/** `null` where nobody lost a connection that it could use, or nobody asked. */
export function recoveryOf({ classes }: Pick<Report, "classes">): Recovery | null {
  const { totals, times } = classes.connection;
  const { interrupted, recovered } = totals;
  if (!interrupted) return null;
  const { histogram } = times.recovery;
  const afterMs = SHARES.map((share) => {
    const of = share * interrupted;
    return [share, of <= recovered ? quantile(histogram, of / recovered) : null] as const;
  });
  return { interrupted, recovered, afterMs };
}
