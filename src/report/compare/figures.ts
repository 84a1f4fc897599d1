/** The figures that a comparison looks at, read from the histograms and totals of one report. */
import { quantile } from "../../measure/histogram.ts";
import type { Band, LatencySummary, Report } from "../types.ts";

export interface FigureKind {
  readonly name: string;
  readonly unit: "ms" | "events/s" | "share";
  /** What counts as worse. */
  readonly worse: "higher" | "lower";
  /** Times the tolerance: tails move more than medians from run to run. */
  readonly slack: number;
  /** The value, and the samples it rests on; `null` when they are too few. */
  readonly read: (report: Report) => number | null;
  readonly samples: (report: Report) => number;
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
      const samples = (r: Report) => of(r)?.[kind].count ?? 0;
      return {
        name: `${prefix}${kind} ${label}`,
        unit: "ms",
        worse: "higher",
        slack,
        read: (r) => {
          const data = of(r)?.[kind].histogram;
          if (data === undefined || data.count * (1 - q) < BEYOND) return null;
          return quantile(data, q);
        },
        samples,
        band: ({ noise }) => (q === 0.5 ? noise.responseP50 : noise.responseP99),
      };
    }),
  );
}

function acceptedKind(): FigureKind {
  return {
    name: "accepted rate",
    unit: "events/s",
    worse: "lower",
    slack: 0.5,
    read: (r) => r.throughput.acceptedEps,
    samples: (r) => r.totals.scheduled,
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
    unit: "share" as const,
    worse: "higher" as const,
    slack: 1,
    read: (r) => count(r) / r.totals.scheduled,
    samples: (r) => r.totals.scheduled,
    band: () => null,
  }));
}
