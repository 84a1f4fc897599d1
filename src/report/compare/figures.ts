/** The figures that a comparison looks at, read from the histograms and totals of one report. */

import { type ClassName, classOf } from "../../measure/classes.ts";
import { type HistogramData, quantile } from "../../measure/histogram.ts";
import { isScheduled } from "../../plan/scenarios.ts";
import { classesOf, serviceOf } from "../class-report.ts";
import type { LatencySummary } from "../times.ts";
import type { Band, Report } from "../types.ts";

/**
 * Which figures share a chance of error: the medians of the run, judged each for itself; what else the run
 * has; its parts, which are event types and queries.
 */
type Family = "median" | "run" | "part";

export interface FigureKind {
  readonly name: string;
  readonly family: Family;
  readonly unit: "ms" | "share" | `${string}/s`;
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

/**
 * All figures of two reports of one plan: those of each class that sends by a schedule, then of its rows. The
 * leading class's have no name before theirs.
 */
export function figureKinds(report: Report): readonly FigureKind[] {
  const classes = classesOf(report).filter(([name]) => isScheduled(name, report.run.scenario));
  return classes.flatMap(([name, { rows }], i) => {
    const prefix = i === 0 ? "" : `${name} `;
    const names = Object.keys(rows);
    // One type alone is the class itself.
    const isOne = names.length < 2 && name === "publish";
    return [
      ...latencyKinds(name, { prefix, row: null, isPart: i > 0 }),
      doneKind(name, prefix),
      ...failureKinds(name, prefix),
      ...(isOne
        ? []
        : names.flatMap((row) =>
            latencyKinds(name, { prefix: `${prefix}${row} `, row, isPart: true }),
          )),
    ];
  });
}

interface Place {
  readonly prefix: string;
  /** `null`: of the class. */
  readonly row: string | null;
  readonly isPart: boolean;
}

function latencyKinds(className: ClassName, { prefix, row, isPart }: Place): readonly FigureKind[] {
  return (["service", "response"] as const).flatMap((kind) =>
    QUANTILES.map(([label, q, slack]): FigureKind => {
      const data = ({ classes }: Report): HistogramData | undefined => {
        const of = row === null ? classes[className] : classes[className]?.rows[row];
        const times: Readonly<Record<string, LatencySummary>> | undefined = of?.times;
        return (kind === "service" ? serviceOf(times ?? {}) : times?.response)?.histogram;
      };
      return {
        name: `${prefix}${kind} ${label}`,
        family: isPart ? "part" : q === 0.5 ? "median" : "run",
        unit: "ms",
        worse: "higher",
        slack,
        read: (report) => {
          const own = data(report);
          if (own === undefined || own.count * (1 - q) < BEYOND) return null;
          return quantile(own, q);
        },
        samplingError: (report) => quantileError(data(report), q),
        band: ({ noise }) => {
          const of = noise.classes[className];
          return (q === 0.5 ? of?.responseP50 : of?.responseP99) ?? null;
        },
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

function doneKind(className: ClassName, prefix: string): FigureKind {
  return {
    name: `${prefix}${classOf(className).doneWord} rate`,
    family: "run",
    unit: `${classOf(className).many}/s`,
    worse: "lower",
    slack: 0.5,
    read: ({ classes }) => classes[className]?.rate.done ?? null,
    // How many are due is set beforehand: no draw.
    samplingError: () => 0,
    band: ({ noise }) => noise.classes[className]?.donePerSec ?? null,
  };
}

/** Shares of what was due: each way to fail, and what was never sent. */
function failureKinds(className: ClassName, prefix: string): readonly FigureKind[] {
  const { due, failed, identities } = classOf(className);
  const sent = new Set(identities.find(({ left }) => left === due)?.right ?? []);
  const ways = failed
    .filter((column) => !sent.has(column))
    .map((column) => ({ name: wordsOf(column), columns: [column] }));
  const unsent = { name: "unsent", columns: failed.filter((column) => sent.has(column)) };
  return [...ways, unsent].map(({ name, columns }): FigureKind => {
    const totals = ({ classes }: Report): Readonly<Record<string, number>> =>
      classes[className]?.totals ?? {};
    const count = (r: Report) => columns.reduce((n, column) => n + (totals(r)[column] ?? 0), 0);
    const scheduled = (r: Report) => totals(r)[due] ?? 0;
    return {
      name: `${prefix}share ${name}`,
      family: "run" as const,
      unit: "share" as const,
      worse: "higher" as const,
      slack: 1,
      read: (r) => count(r) / scheduled(r),
      // Of a share that is at least one event.
      samplingError: (r) => {
        const p = Math.max(1, count(r)) / scheduled(r);
        return Math.sqrt((p * Math.max(0, 1 - p)) / scheduled(r));
      },
      band: () => null,
    };
  });
}

/** `timedOut` as a person writes it. */
function wordsOf(column: string): string {
  return column.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
