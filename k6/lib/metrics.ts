/**
 * k6's own metrics, for thresholds and dashboards, as the table of classes names them. Counters are fed with
 * the sums of each slice; the trends with at most about 5,000 times of a class in a run, every k-th, since a
 * k6 trend keeps each value in memory, sorts all of them every two seconds, and costs 3 to 5 µs a value. The
 * report judges the thresholds again from exact figures.
 */
import { Counter, Rate, Trend } from "k6/metrics";
import {
  CLASS_NAMES,
  type ClassName,
  classOf,
  type RowNames,
  type TimeOf,
} from "../../src/measure/classes.ts";
import { MOST_SAMPLES, type Samples } from "../../src/measure/recorder.ts";
import type { PackedSlice, SliceRows } from "../../src/measure/slice.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { targetOf } from "../../src/report/rows.ts";

interface ClassFeed {
  readonly trends: readonly Trend[];
  /** By column; most columns have none. */
  readonly counters: readonly (Counter | undefined)[];
  readonly failed: Rate | null;
}

/** k6 wants its metrics made in the init context. */
const feeds = new Map<ClassName, ClassFeed>(CLASS_NAMES.map((name) => [name, createFeed(name)]));

function createFeed(name: ClassName): ClassFeed {
  const { columns, metrics } = classOf(name);
  return {
    trends: Object.values(metrics.trends).map((trend) => new Trend(trend, true)),
    counters: columns.map((column) => {
      const counter = metrics.counters[column];
      return counter === undefined ? undefined : new Counter(counter);
    }),
    failed: metrics.failed === null ? null : new Rate(metrics.failed),
  };
}

/** Gives the work of feeding a slice and its samples, in pieces of some 0.1 ms. */
export type MetricFeed = (slice: PackedSlice, samples: Samples) => readonly (() => void)[];

/** Numbers of samples that are fed at a time: so many of each time that a class has. */
const SAMPLES_A_PIECE = 12;

/** Feeds the metrics of one VU from its slices and samples; the warm-up is left out. */
export function createMetricFeed(plan: Plan, rows: RowNames): MetricFeed {
  const carry = new Map<string, number>();
  /** How many of `count` more are due when every `step`-th is taken, the first one too. */
  const every = (key: string, count: number, step: number): number => {
    const due = (carry.get(key) ?? step - 1) + count;
    carry.set(key, due % step);
    return Math.floor(due / step);
  };
  const tagsOf = (name: ClassName, row: number) => {
    const of = rows[name]?.[row];
    const { tag } = classOf(name).metrics;
    return of && tag !== null ? { [tag]: of } : {};
  };
  const isOfWindow = (name: ClassName, row: number) => row < (rows[name]?.length ?? 0);
  const feedCounts = (name: ClassName, of: SliceRows) => {
    const { columns, fine, failed: failures } = classOf(name);
    const { counters, failed } = feeds.get(name) as ClassFeed;
    const perSecond = targetOf(name, plan) ?? plan.rateEps;
    const step = Math.max(1, Math.ceil((perSecond * plan.durationSec) / MOST_SAMPLES));
    for (const [row, ...cells] of of) {
      if (!isOfWindow(name, row)) continue;
      const tags = tagsOf(name, row);
      // A rejection's reason is known by its count in `errors`; here it would cost a tag an event.
      counters.forEach((counter, i) => {
        const n = cells[i] ?? 0;
        if (n > 0) counter?.add(n, tags);
      });
      if (failed === null) continue;
      const sum = (of: readonly string[]) =>
        of.reduce((total, column) => total + (cells[columns.indexOf(column)] ?? 0), 0);
      const key = `${name}/${row}`;
      for (let n = every(`${key}/failed`, sum(failures), step); n > 0; n--) failed.add(true, tags);
      for (let n = every(`${key}/fine`, sum(fine), step); n > 0; n--) failed.add(false, tags);
    }
  };
  const feedTrends = (name: ClassName, samples: readonly number[], from: number) => {
    const { trends } = feeds.get(name) as ClassFeed;
    const width = trends.length + 1;
    const to = Math.min(samples.length, from + SAMPLES_A_PIECE * width);
    for (let i = from; i < to; i += width) {
      const row = samples[i] ?? 0;
      if (!isOfWindow(name, row)) continue;
      trends.forEach((trend, time) => {
        trend.add(samples[i + 1 + time] ?? 0, tagsOf(name, row));
      });
    }
  };
  return (slice, samples) => {
    const pieces: (() => void)[] = [];
    for (const name of CLASS_NAMES) {
      const of = slice.classes[name];
      if (of !== undefined) pieces.push(() => feedCounts(name, of));
      const own = samples[name];
      const width = (feeds.get(name)?.trends.length ?? 0) + 1;
      for (let from = 0; from < own.length; from += SAMPLES_A_PIECE * width) {
        pieces.push(() => feedTrends(name, own, from));
      }
    }
    return pieces;
  };
}

const trendOf = (time: TimeOf<"connection">) => {
  const place = Object.keys(classOf("connection").metrics.trends).indexOf(time);
  return feeds.get("connection")?.trends[place];
};
const [connectTrend, usableTrend] = [trendOf("connect"), trendOf("usable")];

/** Connects are few and rare: each is fed. */
export function feedConnect(ms: number): void {
  connectTrend?.add(ms);
}

export function feedUsable(ms: number): void {
  usableTrend?.add(ms);
}
