/**
 * k6's own metrics, for thresholds and dashboards. They are fed from the slices and not per event:
 * counters as sums; the trends by a sample of at most 100,000 values a run, every k-th in the order
 * of the histogram's buckets (`sampleStep`), since a k6 trend keeps each value in memory and sorts
 * all of them every two seconds. The report judges the thresholds again from exact figures.
 */
import { Counter, Rate, Trend } from "k6/metrics";
import { bucketMiddleMs, type HistogramData } from "../../src/measure/histogram.ts";
import { COLUMNS, type Column } from "../../src/measure/outcome.ts";
import type { Slice } from "../../src/measure/slice.ts";
import type { Plan } from "../../src/plan/plan.ts";

const MOST_SAMPLES = 100_000;

const trends = {
  response: new Trend("nostr_publish_response_time", true),
  service: new Trend("nostr_publish_service_time", true),
  connect: new Trend("nostr_connect_time", true),
};
const failed = new Rate("nostr_publish_failed");
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
const FINE: readonly Column[] = ["accepted", "duplicate", "superseded"];

/** Feeds the metrics of one VU from its slices; the warm-up is left out. */
export function createMetricFeed(plan: Plan, types: readonly string[]): (slice: Slice) => void {
  const events = plan.rateEps * plan.durationSec;
  const step = Math.max(1, Math.ceil(events / MOST_SAMPLES));
  const carry = new Map<string, number>();
  const every = (key: string, count: number): number => {
    const due = (carry.get(key) ?? step - 1) + count;
    carry.set(key, due % step);
    return Math.floor(due / step);
  };
  const addSample = (trend: Trend, key: string, data: HistogramData | undefined, tags: object) => {
    if (!data) return;
    for (let i = 0; i + 1 < data.buckets.length; i += 2) {
      const value = bucketMiddleMs(data.buckets[i] ?? 0);
      for (let n = every(key, data.buckets[i + 1] ?? 0); n > 0; n--) trend.add(value, { ...tags });
    }
  };
  return (slice) => {
    addSample(trends.connect, "connect", slice.histograms.connect, {});
    for (const [row, ...cells] of slice.counts) {
      const event = types[row];
      if (event === undefined) continue;
      const tags = event === "" ? {} : { event };
      const sum = (columns: readonly Column[]) =>
        columns.reduce((total, column) => total + (cells[COLUMNS.indexOf(column)] ?? 0), 0);
      COLUMNS.forEach((column, i) => {
        const n = cells[i] ?? 0;
        // A rejection's reason is known by its count in `errors`; here it would cost a tag an event.
        if (n > 0) counters[column]?.add(n, tags);
      });
      for (let n = every(`failed/${row}`, sum(FAILED)); n > 0; n--) failed.add(true, tags);
      for (let n = every(`fine/${row}`, sum(FINE)); n > 0; n--) failed.add(false, tags);
      addSample(trends.response, `r${row}`, slice.histograms[`r${row}`], tags);
      addSample(trends.service, `s${row}`, slice.histograms[`s${row}`], tags);
    }
  };
}
