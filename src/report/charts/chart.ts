/**
 * A chart as data: what a page draws and what its table says. All charts over time share one axis,
 * seconds from the start of the window.
 */

export type ChartId =
  | "throughput"
  | "connections"
  | "percentiles"
  | "heat"
  | "curve"
  | "service"
  | "queries"
  | "deliveries"
  | "delivery-times"
  | "delivery-heat"
  | "completeness"
  | "spread"
  | "recovery"
  | "lag"
  | "cpu"
  | "memory"
  | "disk"
  | "files"
  | "pressure"
  | "errors"
  | CapacityChartId;

/** Charts of a search for the capacity: one point a trial. */
type CapacityChartId = "search" | "load-times" | "load-done" | "load-cpu" | "database" | "against";

/** How values are written. */
export type Unit =
  | "ms"
  | `${string}/s`
  | "connections"
  | "subscribers"
  | "subscriptions a topic"
  | "files"
  | "%"
  | "bytes";

interface Named {
  readonly id: ChartId;
  /** It has nothing to show that its range does not say. */
  readonly folded?: boolean;
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
}

export interface ChartSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface LineChart extends Named {
  readonly kind: "lines";
  /** `time`: seconds. `after`: ms since something. `tail`: 1/(1 − q) of a percentile q, from 1, drawn by its logarithm. */
  readonly x: "time" | "after" | "tail";
  /** A value holds until the next one: it is of a slice. */
  readonly stepped: boolean;
  readonly unit: Unit;
  /** Durations are drawn by their logarithm. */
  readonly log: boolean;
  readonly xs: readonly number[];
  readonly series: readonly ChartSeries[];
  /** Length of its slices where it is not the page's. */
  readonly sliceSec?: number;
  /** Nothing above is drawn: a peak must not make a floor of all else. */
  readonly most?: number;
  /** Places of a line that are named in the picture. */
  readonly places?: readonly Place[];
}

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

export interface HeatChart extends Named {
  readonly kind: "heat";
  /** What is counted: `answers`. */
  readonly of: string;
  readonly xs: readonly number[];
  /** Edges of the rows in ms, one more than rows, rising. */
  readonly edges: readonly number[];
  /** For each x: row, count, row, count, … */
  readonly cells: readonly (readonly number[])[];
}

/** How a point is drawn; a `line` has one value all along. */
export type Mark = "dot" | "ring" | "cross" | "line";

export interface PointSeries extends ChartSeries {
  readonly mark: Mark;
}

/** Points that nothing joins: what lies between them was not measured. */
export interface PointChart extends Named {
  readonly kind: "points";
  /** Loads are drawn by their logarithm; a `group` has its label as its place. */
  readonly x: "load" | "trial" | "group";
  /** What a point is of, where it is no trial. */
  readonly of?: string;
  readonly xUnit: Unit;
  readonly unit: Unit;
  readonly log: boolean;
  /** Rising. */
  readonly xs: readonly number[];
  /** What each of them is, in words. */
  readonly labels: readonly string[];
  readonly series: readonly PointSeries[];
}

/** A chart of what was not measured, with why. */
interface NoChart extends Named {
  readonly kind: "none";
  readonly why: string;
}

export type Chart = LineChart | HeatChart | PointChart | NoChart;

/** What the page's script gets. */
export interface PageData {
  readonly sliceSec: number;
  readonly windowSec: number;
  /** Where the time axis ends. */
  readonly endSec: number;
  /** What happened when, marked in each chart over time. */
  readonly moments?: readonly Moment[];
  readonly charts: readonly Chart[];
}

export interface Moment {
  readonly sec: number;
  readonly label: string;
}

/** Whether there is anything to draw. */
export function hasValues(series: readonly ChartSeries[]): boolean {
  return series.some(({ values }) => values.some((v) => v !== null));
}
