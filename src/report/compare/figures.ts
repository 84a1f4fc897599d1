/** The figures that a comparison looks at, read from the histograms and totals of one report. */
import { type HistogramData, quantile } from "../../measure/histogram.ts";
import type { Band, LatencySummary, Report } from "../types.ts";

/**
 * Which figures share a chance of error: the medians of the run, judged each for itself; what else the run
 * has; its parts, which are event types and queries.
 */
type Family = "median" | "run" | "part";

export interface FigureKind {
  readonly name: string;
  readonly family: Family;
  readonly unit: "ms" | "events/s" | "share";
  /** What counts as worse. */
  readonly worse: "higher" | "lower";
  /** Times the tolerance: tails move more than medians from run to run. */
  readonly slack: number;
  /** The value; `null` when it rests on too few samples. */
  readonly read: (report: Report) => number | null;
  /** Its standard error by the samples of the run alone: of a share, else of the logarithm. */
  readonly samplingError: (report: Report) => number;
  /** The band that a single report states of the figure, or of one that moves no less. */
  readonly band: (report: Report) => Band;
}

/** A percentile needs ten samples beyond it. */
const BEYOND = 10;
const QUANTILES = [
  ["p50", 0.5, 1],
  ["p90", 0.9, 1.5],
  ["p95", 0.95, 2],
  ["p99", 0.99, 3],
] as const;

/** All figures of two reports of one plan: those for the run, by event type, by query. */
export function figureKinds(report: Report): readonly FigureKind[] {
  const types = Object.keys(report.latency.byEvent);
  const queries = Object.keys(report.queries ?? {});
  return [
    ...latencyKinds("", (r) => r.latency),
    acceptedKind(),
    ...errorKinds(),
    ...(types.length < 2
      ? []
      : types.flatMap((type) => latencyKinds(`${type} `, (r) => r.latency.byEvent[type]))),
    ...queries.flatMap((name) => latencyKinds(`query ${name} `, (r) => r.queries?.[name])),
  ];
}

type Latencies = { readonly response: LatencySummary; readonly service: LatencySummary };

function latencyKinds(
  prefix: string,
  of: (report: Report) => Latencies | undefined,
): readonly FigureKind[] {
  return (["service", "response"] as const).flatMap((kind) =>
    QUANTILES.map(([label, q, slack]): FigureKind => {
      const data = (report: Report) => of(report)?.[kind].histogram;
      return {
        name: `${prefix}${kind} ${label}`,
        family: prefix !== "" ? "part" : q === 0.5 ? "median" : "run",
        unit: "ms",
        worse: "higher",
        slack,
        read: (report) => {
          const own = data(report);
          if (own === undefined || own.count * (1 - q) < BEYOND) return null;
          return quantile(own, q);
        },
        samplingError: (report) => quantileError(data(report), q),
        band: ({ noise }) => (q === 0.5 ? noise.responseP50 : noise.responseP99),
      };
    }),
  );
}

/** Half the distance, as a logarithm, of the two values that lie one standard error of the rank away. */
function quantileError(data: HistogramData | undefined, q: number): number {
  if (data === undefined || data.count === 0) return 0;
  const step = Math.sqrt((q * (1 - q)) / data.count);
  const low = quantile(data, Math.max(0, q - step)) ?? 0;
  const high = quantile(data, Math.min(1, q + step)) ?? 0;
  return low > 0 ? Math.log(high / low) / 2 : 0;
}

function acceptedKind(): FigureKind {
  return {
    name: "accepted rate",
    family: "run",
    unit: "events/s",
    worse: "lower",
    slack: 0.5,
    read: (r) => r.throughput.acceptedEps,
    // How many are due is set beforehand: no draw.
    samplingError: () => 0,
    band: ({ noise }) => noise.acceptedEps,
  };
}

function errorKinds(): readonly FigureKind[] {
  const counts: readonly (readonly [string, (r: Report) => number])[] = [
    ["rejected", ({ totals }) => totals.rejected],
    ["timed out", ({ totals }) => totals.timedOut],
    ["lost", ({ totals }) => totals.lost],
    ["unsent", ({ totals: { unsent: u } }) => u.backpressure + u.noConnection + u.poolExhausted],
  ];
  return counts.map(([name, count]) => ({
    name: `share ${name}`,
    family: "run" as const,
    unit: "share" as const,
    worse: "higher" as const,
    slack: 1,
    read: (r) => count(r) / r.totals.scheduled,
    // Of a share that is at least one event.
    samplingError: (r) => {
      const { scheduled } = r.totals;
      const p = Math.max(1, count(r)) / scheduled;
      return Math.sqrt((p * Math.max(0, 1 - p)) / scheduled);
    },
    band: () => null,
  }));
}
