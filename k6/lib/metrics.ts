/**
 * k6's own metrics, for thresholds and dashboards. Counters are fed with the sums of each slice; the
 * trends with the times of at most about 5,000 publishes a run, every k-th, since a k6 trend keeps each
 * value in memory, sorts all of them every two seconds, and costs 3 to 5 µs a value. The report judges
 * the thresholds again from exact figures.
 */
import { Counter, Rate, Trend } from "k6/metrics";
import { QUERIES } from "../../src/load/sessions.ts";
import { COLUMNS, type Column } from "../../src/measure/outcome.ts";
import {
  Q_CLOSED,
  Q_EOSE,
  Q_LOST,
  Q_NO_CONNECTION,
  Q_TIMED_OUT,
} from "../../src/measure/queries.ts";
import { MOST_SAMPLES, type Samples } from "../../src/measure/recorder.ts";
import type { PackedSlice } from "../../src/measure/slice.ts";
import type { Plan } from "../../src/plan/plan.ts";

const trends = {
  response: new Trend("nostr_publish_response_time", true),
  service: new Trend("nostr_publish_service_time", true),
  connect: new Trend("nostr_connect_time", true),
  set: new Trend("nostr_set_completion_time", true),
  query: new Trend("nostr_query_time", true),
};
const failed = new Rate("nostr_publish_failed");
const queryFailed = new Rate("nostr_query_failed");
const counters: Partial<Record<Column, Counter>> = {
  scheduled: new Counter("nostr_events_scheduled"),
  attempted: new Counter("nostr_events_attempted"),
  accepted: new Counter("nostr_events_accepted"),
  rejected: new Counter("nostr_events_rejected"),
  timedOut: new Counter("nostr_events_timed_out"),
  lost: new Counter("nostr_events_lost"),
};

/** Outcomes that fail a publish. */
const FAILED: readonly Column[] = [
  "rejected",
  "timedOut",
  "lost",
  "backpressure",
  "noConnection",
  "poolExhausted",
];
const FINE: readonly Column[] = ["accepted", "duplicate", "superseded", "unheard"];

const QUERY_FAILURES: readonly number[] = [Q_NO_CONNECTION, Q_CLOSED, Q_TIMED_OUT, Q_LOST];

/** Gives the work of feeding a slice and its samples, in pieces of some 0.1 ms. */
export type MetricFeed = (slice: PackedSlice, samples: Samples) => readonly (() => void)[];

/** Numbers of the samples that are fed at a time, three a publish. */
const SAMPLES_A_PIECE = 3 * 12;

/** Feeds the metrics of one VU from its slices and samples; the warm-up is left out. */
export function createMetricFeed(plan: Plan, types: readonly string[]): MetricFeed {
  const step = Math.max(1, Math.ceil((plan.rateEps * plan.durationSec) / MOST_SAMPLES));
  const carry = new Map<string, number>();
  /** How many of `count` more are due when every `step`-th is taken, the first one too. */
  const every = (key: string, count: number): number => {
    const due = (carry.get(key) ?? step - 1) + count;
    carry.set(key, due % step);
    return Math.floor(due / step);
  };
  const tagsOf = (row: number) => (types[row] ? { event: types[row] } : {});
  const feedCounters = (slice: PackedSlice) => {
    for (const [row, ...cells] of slice.counts) {
      if (row >= types.length) continue;
      const tags = tagsOf(row);
      const sum = (columns: readonly Column[]) =>
        columns.reduce((total, column) => total + (cells[COLUMNS.indexOf(column)] ?? 0), 0);
      COLUMNS.forEach((column, i) => {
        const n = cells[i] ?? 0;
        // A rejection's reason is known by its count in `errors`; here it would cost a tag an event.
        if (n > 0) counters[column]?.add(n, tags);
      });
      for (let n = every(`failed/${row}`, sum(FAILED)); n > 0; n--) failed.add(true, tags);
      for (let n = every(`fine/${row}`, sum(FINE)); n > 0; n--) failed.add(false, tags);
    }
  };
  const feedTrends = (samples: readonly number[], from: number) => {
    const to = Math.min(samples.length, from + SAMPLES_A_PIECE);
    for (let i = from; i + 2 < to; i += 3) {
      const row = samples[i] ?? 0;
      if (row >= types.length) continue;
      trends.response.add(samples[i + 1] ?? 0, tagsOf(row));
      trends.service.add(samples[i + 2] ?? 0, tagsOf(row));
    }
  };
  const feedSets = (samples: readonly number[]) => {
    for (let i = 0; i + 1 < samples.length; i += 2) {
      const row = samples[i] ?? 0;
      if (row < types.length) trends.set.add(samples[i + 1] ?? 0, tagsOf(row));
    }
  };
  const feedQueryOutcomes = (rows: NonNullable<PackedSlice["queries"]>) => {
    for (const [row, ...cells] of rows) {
      const tags = { query: QUERIES[row] ?? "" };
      const failures = QUERY_FAILURES.reduce((sum, column) => sum + (cells[column] ?? 0), 0);
      for (let n = every(`query failed/${row}`, failures); n > 0; n--) queryFailed.add(true, tags);
      for (let n = every(`query/${row}`, cells[Q_EOSE] ?? 0); n > 0; n--)
        queryFailed.add(false, tags);
    }
  };
  const feedQueries = (samples: readonly number[]) => {
    for (let i = 0; i + 1 < samples.length; i += 2) {
      trends.query.add(samples[i + 1] ?? 0, { query: QUERIES[samples[i] ?? 0] ?? "" });
    }
  };
  return (slice, { publishes, sets, queries }) => {
    const pieces = [() => feedCounters(slice)];
    const { queries: asked } = slice;
    if (asked !== undefined) pieces.push(() => feedQueryOutcomes(asked));
    if (sets.length > 0) pieces.push(() => feedSets(sets));
    if (queries.length > 0) pieces.push(() => feedQueries(queries));
    for (let from = 0; from < publishes.length; from += SAMPLES_A_PIECE) {
      pieces.push(() => feedTrends(publishes, from));
    }
    return pieces;
  };
}

/** Connects are few and rare: each is fed. */
export function feedConnect(ms: number): void {
  trends.connect.add(ms);
}
