/** Charts that have nothing to show: in a run without findings they are folded, and say what they would show. */
import type { Chart, ChartId } from "./chart.ts";

/** These answer the first questions, however even they are. */
const ALWAYS: readonly ChartId[] = ["throughput", "percentiles", "heat", "curve"];
/** Of nine in ten values the highest is so many times the middle one at most. */
const FACTOR = { linear: 1.2, log: 3 };
/** Below so much nobody looks for differences. */
const SMALL: Readonly<Partial<Record<ChartId, number>>> = { lag: 2, pressure: 5, connections: 1 };

export function isFlat(chart: Chart): boolean {
  if (chart.kind !== "lines" || ALWAYS.includes(chart.id)) return false;
  const factor = chart.log ? FACTOR.log : FACTOR.linear;
  return chart.series.every(({ values }) => {
    const known = values.filter((v) => v !== null).sort((a, b) => a - b);
    const at = (share: number) => known[Math.round((known.length - 1) * share)] ?? 0;
    const [low, middle, high] = [at(0.05), at(0.5), at(0.95)];
    if (high <= (SMALL[chart.id] ?? 0)) return true;
    return high <= middle * factor && low >= middle / factor;
  });
}
