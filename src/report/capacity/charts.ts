/** Charts of a search: one point a trial, joined by nothing. */
import type { CapacityReport, Trial, TrialFigures } from "../../capacity/result.ts";
import {
  type Chart,
  hasValues,
  type Mark,
  type PageData,
  type PointChart,
  type PointSeries,
  type Unit,
} from "../charts/chart.ts";
import type { Searched } from "./answer.ts";
import { doneUnit, formatLoad, loadUnit, ofSubject, timeWords, wordsOf } from "./words.ts";

/** Trials of one load stand beside each other by less than a point is wide: each can be pointed at. */
const APART = 0.001;

export function capacityCharts(report: CapacityReport): PageData {
  const { against } = report;
  const charts = [
    searchChart(report),
    timesChart(report),
    doneChart(report),
    cpuChart(report),
    databaseChart(report),
    ...(against == null ? [] : [againstChart(report, against)]),
  ];
  // Nothing here is over time.
  return { sliceSec: 0, windowSec: 0, endSec: 0, charts };
}

function searchChart(report: Searched): Chart {
  const { trials, result, search } = report;
  const unit = loadUnit(search.scale, report.run.scenario);
  const bound = (label: string, load: number | null): readonly PointSeries[] =>
    load === null ? [] : [{ label, mark: "line", values: trials.map(() => load) }];
  const loads = (label: string, mark: Mark, isOne: (trial: Trial) => boolean): PointSeries => ({
    label,
    mark,
    values: trials.map((trial) => (isOne(trial) ? trial.load : null)),
  });
  return orWhy("no trial was made", {
    kind: "points",
    id: "search",
    title: "The search",
    caption: "What was tried, trial by trial, and how it came out.",
    x: "trial",
    xUnit: unit,
    unit,
    log: true,
    xs: trials.map(({ number }) => number),
    labels: trials.map((trial) => describeTrial(trial, report)),
    series: [
      loads("passed", "dot", (t) => t.role !== "warmup" && t.verdict === "pass"),
      loads("failed", "cross", (t) => t.role !== "warmup" && t.verdict === "fail"),
      loads("void, warm-up", "ring", (t) => t.role === "warmup" || t.verdict === "void"),
      ...bound("last passing", result.lastPassing),
      ...bound("first failing", result.firstFailing),
    ],
  });
}

function timesChart(report: Searched): Chart {
  const limit = limitOf(report);
  return orWhy("no trial had an answer", {
    ...overLoad(report, "ms"),
    id: "load-times",
    title: `${report.run.scenario === "connect" ? "Time" : "Response time"}${ofSubject(report.run.scenario)} by load`,
    caption: "Of each trial, from when it was due; void trials are rings.",
    log: true,
    series: [
      ofTrials(report, "p50", "dot", (f) => f.p50),
      ofTrials(report, "p99", "cross", (f) => f.p99),
      ...ofVoid(report, "p50, void", (f) => f.p50),
      ...ofVoid(report, "p99, void", (f) => f.p99),
      ...limit,
    ],
  });
}

/** The objective's limit on a high percentile, where it has one. */
function limitOf({ objective, trials, run }: Searched): readonly PointSeries[] {
  for (const threshold of objective) {
    const { name, kind } = wordsOf(threshold, run.scenario);
    const limit = Number(/<=?\s*([\d.e+]+)$/.exec(threshold)?.[1]);
    const high = new RegExp(`^${timeWords(run.scenario)} (p9[\\d.]+)$`).exec(name)?.[1];
    if (kind === "ms" && high !== undefined && limit > 0) {
      return [{ label: `limit of ${high}`, mark: "line", values: trials.map(() => limit) }];
    }
  }
  return [];
}

function doneChart(report: Searched): Chart {
  return orWhy("no trial had an answer", {
    ...overLoad(report, doneUnit(report.run.scenario)),
    id: "load-done",
    title: "Offered and done",
    caption: "What was due and what of it was done, by the load that was set.",
    log: true,
    series: [
      ofTrials(report, "offered", "ring", (f) => f.offered),
      ofTrials(report, "done", "dot", (f) => f.done),
      ...ofVoid(report, "done, void", (f) => f.done),
    ],
  });
}

function cpuChart(report: Searched): Chart {
  return orWhy("the relay's process could not be seen", {
    ...overLoad(report, "%"),
    id: "load-cpu",
    title: "CPU of the relay by load",
    caption: "Mean of a trial in percent of one core.",
    log: false,
    series: [
      ofTrials(report, "relay CPU", "dot", (f) => f.relayCpu),
      ...ofVoid(report, "relay CPU, void", (f) => f.relayCpu),
    ],
  });
}

function databaseChart(report: Searched): Chart {
  const { trials, search, run } = report;
  return orWhy("the relay's files could not be seen", {
    kind: "points",
    id: "database",
    title: "Size of the database",
    caption: "Behind each trial, in their order.",
    x: "trial",
    xUnit: loadUnit(search.scale, run.scenario),
    unit: "bytes",
    log: false,
    xs: trials.map(({ number }) => number),
    labels: trials.map((trial) => describeTrial(trial, report)),
    series: [
      {
        label: "database",
        mark: "dot",
        values: trials.map(({ figures }) => figures.databaseBytes),
      },
    ],
  });
}

/** Both relays of a comparison, by the load. */
function againstChart(report: Searched, other: Searched): Chart {
  const both = { ...report, trials: [...report.trials, ...other.trials] };
  const placed = overLoad(both, "ms");
  const ours = new Set<Trial>(report.trials);
  const ordered = byLoadAndNumber(both.trials);
  const isOurs = (i: number) => ordered[i] !== undefined && ours.has(ordered[i]);
  const p99Of = (label: string, mark: Mark, own: boolean): PointSeries => ({
    label,
    mark,
    values: ordered.map((trial, i) =>
      isOurs(i) === own && trial.verdict !== "void" ? trial.figures.p99 : null,
    ),
  });
  const relays = (own: boolean) => (own ? report : other).config.relays.join(", ");
  return orWhy("no trial had an answer", {
    ...placed,
    labels: placed.labels.map((label, i) => `${relays(isOurs(i))}: ${label}`),
    id: "against",
    title: `${report.run.scenario === "connect" ? "p99 of the time" : "Response p99"}${ofSubject(report.run.scenario)} of both relays by load`,
    caption: "Each trial of each; void ones are left out.",
    log: true,
    series: [
      p99Of(relays(true), "dot", true),
      p99Of(relays(false), "cross", false),
      ...limitOf(both),
    ],
  });
}

type Placed = Pick<PointChart, "kind" | "x" | "xUnit" | "unit" | "xs" | "labels">;

function overLoad(report: Searched, unit: Unit): Placed {
  const trials = byLoadAndNumber(report.trials);
  const before = (i: number) => trials.slice(0, i).filter((t) => t.load === trials[i]?.load).length;
  return {
    kind: "points",
    x: "load",
    xUnit: loadUnit(report.search.scale, report.run.scenario),
    unit,
    xs: trials.map(({ load }, i) => load * (1 + APART * before(i))),
    labels: trials.map((trial) => describeTrial(trial, report)),
  };
}

function byLoadAndNumber(trials: readonly Trial[]): readonly Trial[] {
  return [...trials].sort((a, b) => a.load - b.load || a.number - b.number);
}

function ofTrials(
  { trials }: Searched,
  label: string,
  mark: Mark,
  figure: (figures: TrialFigures) => number | null,
): PointSeries {
  const values = byLoadAndNumber(trials).map((trial) =>
    trial.verdict === "void" ? null : figure(trial.figures),
  );
  return { label, mark, values };
}

/** Nothing where no trial was void. */
function ofVoid(
  { trials }: Searched,
  label: string,
  figure: (figures: TrialFigures) => number | null,
): readonly PointSeries[] {
  const values = byLoadAndNumber(trials).map((trial) =>
    trial.verdict === "void" ? figure(trial.figures) : null,
  );
  return values.some((value) => value !== null) ? [{ label, mark: "ring", values }] : [];
}

function describeTrial({ number, role, load, verdict }: Trial, { search, run }: Searched): string {
  const at = formatLoad(load, loadUnit(search.scale, run.scenario));
  return `${number}, ${role}, ${at}, ${role === "warmup" ? "not judged" : verdict}`;
}

/** By a logarithm nothing of 0 can be drawn. */
function orWhy(why: string, chart: PointChart): Chart {
  const series = chart.series.map((one) => ({
    ...one,
    values: one.values.map((v) => (chart.log && v !== null && v <= 0 ? null : v)),
  }));
  if (hasValues(series.filter(({ mark }) => mark !== "line"))) return { ...chart, series };
  const { id, title, caption } = chart;
  return { kind: "none", id, title, caption, why };
}
