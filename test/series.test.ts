import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CLASS_NAMES, type ClassName, classOf } from "../src/measure/classes.ts";
import { coarseLowerMs, coarsen } from "../src/measure/histogram.ts";
import type { Slice } from "../src/measure/slice.ts";
import { SCENARIO_NAMES, SCENARIOS } from "../src/plan/scenarios.ts";
import { pointsOf } from "../src/report/points.ts";
import { loopSeriesOf, placeSlices, seriesOf } from "../src/report/series.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { changePoints } from "./fixtures/reports/points.ts";
import {
  buildOf,
  histogramOf,
  planOf,
  rowOf,
  rowOfClass,
  sliceOf,
  TYPES,
} from "./fixtures/reports/run.ts";

const axis = { sliceMs: 100, durationMs: 1_000, windowStartMs: 1_000 };
const NAMES = { publish: TYPES, query: ["feed", "choose"], connection: ["ramp", "hold"] } as const;
const place = (slices: readonly Slice[]) => placeSlices(slices, NAMES, axis);
const seriesFor = <C extends keyof typeof NAMES & ClassName>(name: C, slices: readonly Slice[]) =>
  seriesOf(name, place(slices), NAMES[name]);

describe("pointsOf", () => {
  it("has a place for every end of what a class was due, whichever leads", () => {
    for (const name of CLASS_NAMES.filter((name) => classOf(name).hasSchedule)) {
      const { columns, due, sent, done, identities } = classOf(name);
      // Powers of two: a sum says what is in it.
      const counts = Object.fromEntries(columns.map((column, i) => [column, 2 ** i]));
      const sum = (of: readonly string[]) => of.reduce((n, column) => n + (counts[column] ?? 0), 0);
      const rightOf = (column: string) =>
        identities.find(({ left }) => left === column)?.right ?? [];
      const { classes, generator } = buildOf();
      const one = { ...classes.publish, series: [{ counts }] };
      const connection = { ...classes.connection, series: [{ t: 0 }] };
      const run = { scenario: SCENARIO_NAMES.find((one) => SCENARIOS[one].leads === name) };
      const report = { classes: { [name]: one, connection }, generator, run };
      const [point] = pointsOf(report as unknown as Parameters<typeof pointsOf>[0]);
      assert.ok(point);
      const { scheduled, attempted, accepted, duplicate, superseded, unheard } = point;
      const { rejected, timedOut, lost, unsent } = point;
      assert.deepEqual(
        [scheduled, attempted, accepted],
        [due, sent, done].map((c) => counts[c]),
      );
      const answered = accepted + duplicate + superseded + unheard + rejected;
      assert.equal(answered + timedOut + lost, sum(rightOf(sent)), name);
      assert.equal(unsent, sum(rightOf(due).filter((column) => column !== sent)), name);
    }
  });
});

describe("seriesOf", () => {
  it("gives each slice its own times, of all event types and VUs together", () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    const slices = [
      sliceOf({
        histograms: {
          "publish.response.0": histogramOf(...values.slice(0, 30)),
          "publish.response.1": histogramOf(...values.slice(30)),
          "publish.service.0": histogramOf(5, 6, 7),
          "publish.lag": histogramOf(0.5, 0.5),
          "query.response.0": histogramOf(700),
          "query.lag": histogramOf(800),
          // Rows of the warm-up do not count.
          [`publish.response.${TYPES.length}`]: histogramOf(5_000),
        },
      }),
      sliceOf({ vu: 2, histograms: { loop: histogramOf(9), "publish.lag": histogramOf(3) } }),
      sliceOf({ index: 1, seq: 1, histograms: {} }),
    ];
    const [first, second] = seriesFor("publish", slices);
    assert.ok(first && second);
    const about = (value: number | null, ms: number) =>
      assert.ok(value !== null && Math.abs(value - ms) <= ms * 0.01, `${value} for ${ms}`);
    const { response, service } = first.times;
    assert.deepEqual([response.count, service.count], [100, 3]);
    about(response.p50, 50);
    about(response.p90, 90);
    about(response.p95, 95);
    about(response.p99, 99);
    about(response.p999, 100);
    about(service.p50, 6);
    about(service.p99, 7);
    about(first.lagP99, 3);
    const none = { count: 0, p50: null, p90: null, p95: null, p99: null, p999: null };
    assert.deepEqual(second.times, { response: none, service: none });
    assert.equal(second.lagP99, null);
    assert.deepEqual(second.buckets, []);
    // The loop is the VU's own, and each class has a lag of its own.
    const loop = loopSeriesOf(place(slices));
    about(loop[0]?.loopLagP99 ?? null, 9);
    assert.deepEqual(loop.slice(1), [{ t: 0.1, loopLagP99: null }]);
    about(seriesFor("query", slices)[0]?.lagP99 ?? null, 800);
    assert.equal(seriesFor("connection", slices)[0]?.lagP99, null);
  });

  it("has the first time of each row where the class shows it, of the rows that had any", () => {
    const slices = [
      sliceOf({
        histograms: {
          "query.response.1": histogramOf(4, 4, 4),
          "query.service.0": histogramOf(1),
          // Of the warm-up.
          "query.response.2": histogramOf(5_000),
          "publish.response.0": histogramOf(4),
        },
      }),
    ];
    const [point] = seriesFor("query", slices);
    assert.deepEqual(Object.keys(point?.rows ?? {}), ["choose"]);
    assert.equal(point?.rows?.choose?.count, 3);
    assert.ok(Math.abs((point?.rows?.choose?.p99 ?? 0) - 4) <= 0.04);
    assert.equal(point?.times.response.count, 3);
    assert.equal(seriesFor("publish", slices)[0]?.rows, undefined);
  });

  it("has a point a slice for each class, with its own columns and the connections' gauges", () => {
    const slices = [
      sliceOf({ connectionsOpen: 7, connectionsProven: 4 }),
      sliceOf({
        ...{ seq: 2, index: 2, phase: "drain", connectionsOpen: 6 },
        classes: {
          query: [
            rowOfClass("query", 1, { eose: 3, rows: 8 }),
            rowOfClass("query", 3, { eose: 9 }),
          ],
          connection: [rowOfClass("connection", 1, { dropped: 1 })],
        },
      }),
      sliceOf({ seq: 3, index: 3, phase: "done", connectionsOpen: 0 }),
    ];
    const [publish, query, connection] = (["publish", "query", "connection"] as const).map((name) =>
      seriesFor(name, slices),
    );
    const times = [0, 0.1, 0.2, 0.3];
    for (const series of [publish, query, connection]) {
      assert.deepEqual(
        series?.map(({ t }) => t),
        times,
      );
    }
    assert.deepEqual(query?.[2]?.counts, { ...zerosOf("query"), eose: 3, rows: 8 });
    assert.deepEqual(connection?.[2]?.counts, { ...zerosOf("connection"), dropped: 1 });
    // What was closed at the end of the test was no loss.
    assert.deepEqual(
      connection?.map(({ open, proven }) => [open, proven]),
      [
        [7, 4],
        [7, 4],
        [6, 6],
        [6, 6],
      ],
    );
    assert.equal(publish?.[0]?.open, undefined);
  });

  it("counts every outcome of all rows", () => {
    const counts = { duplicate: 1, superseded: 2, lost: 3, timedOut: 4 };
    const unsent = { backpressure: 10, noConnection: 20, poolExhausted: 30 };
    const publish = [rowOf(0, { ...counts, ...unsent }), rowOf(2, { lost: 5 })];
    const [point] = seriesFor("publish", [sliceOf({ classes: { publish } })]);
    assert.deepEqual(point?.counts, { ...zerosOf("publish"), ...counts, ...unsent, lost: 8 });
  });
});

describe("pointsOf", () => {
  const lags = {
    "publish.lag": histogramOf(2),
    "query.lag": histogramOf(20),
    loop: histogramOf(3),
  };
  const near = (value: number | null | undefined, ms: number) =>
    assert.ok(Math.abs((value ?? Number.NaN) - ms) <= ms * 0.01, `${value} for ${ms}`);

  it("has every outcome, what was not sent as one, and what is of the run beside it", () => {
    const counts = { duplicate: 1, superseded: 2, lost: 3, timedOut: 4, unheard: 5 };
    const unsent = { backpressure: 10, noConnection: 20, poolExhausted: 30 };
    const report = buildOf({
      plan: { ...planOf(), scenario: "playback" },
      slices: [
        sliceOf({
          ...{ connectionsOpen: 9, connectionsProven: 8 },
          classes: {
            publish: [rowOf(0, { ...counts, ...unsent })],
            query: [rowOfClass("query", 0, { scheduled: 70, closed: 70 })],
          },
          histograms: {
            ...lags,
            "publish.response.0": histogramOf(50),
            "publish.service.0": histogramOf(40),
            "query.response.0": histogramOf(500),
          },
        }),
      ],
    });
    const [point] = pointsOf(report);
    assert.ok(point);
    const beside = { connectionsOpen: 9, connectionsProven: 8, scheduled: 0, rejected: 0 };
    assert.deepEqual({ ...point, ...counts, unsent: 60, ...beside }, point);
    near(point.p999, 50);
    near(point.serviceP99, 40);
    near(point.scheduleLagP99, 2);
    near(point.loopLagP99, 3);
    near(point.queryTimes.feed?.p50, 500);
    assert.equal(point.responseBuckets[1], 1);
    // The fixtures' way back is the same way.
    const moved = changePoints(() => ({}), report);
    assert.deepEqual(pointsOf(moved), pointsOf(report));
    assert.equal(pointsOf(changePoints(() => ({ unsent: 1 }), report))[0]?.unsent, 1);
  });

  it("has queries in the places of publishes where there are none of these", () => {
    const counts = { scheduled: 90, sent: 50, eose: 20, timedOut: 3, lost: 4 };
    const unsent = { backpressure: 10, noConnection: 20, exhausted: 10 };
    const query = [
      rowOfClass("query", 0, { ...counts, ...unsent, closed: 20, refusedByNotice: 3 }),
    ];
    const report = buildOf({
      plan: { ...planOf(), scenario: "query" },
      slices: [
        sliceOf({
          classes: { query },
          histograms: { ...lags, "query.response.0": histogramOf(5) },
        }),
      ],
    });
    const [point] = pointsOf(report);
    assert.ok(point);
    const outcomes = { scheduled: 90, attempted: 50, accepted: 20, rejected: 23, unsent: 40 };
    assert.deepEqual({ ...point, ...outcomes, timedOut: 3, lost: 4, duplicate: 0 }, point);
    near(point.p50, 5);
    near(point.scheduleLagP99, 20);
  });
});

describe("coarsen", () => {
  it("keeps every count, in the bucket that holds its values, four to a doubling", () => {
    const ms = fc.double({ min: 0, max: 800_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(ms, { maxLength: 60 }), (values) => {
        const coarse = coarsen(histogramOf(...values));
        const pairs = coarse.flatMap((index, i) =>
          i % 2 === 0 ? [[index, coarse[i + 1] ?? 0] as const] : [],
        );
        for (const [i, [index, count]] of pairs.entries()) {
          assert.ok(i === 0 || index > (pairs[i - 1]?.[0] ?? 0), "in rising order");
          // A fine bucket's lower edge may round across: what falls there is counted by its index.
          const within = values.filter(
            (v) =>
              v >= coarseLowerMs(index) * (1 - 1e-9) && v < coarseLowerMs(index + 1) * (1 + 1e-9),
          );
          assert.ok(count <= within.length, `${count} in ${index}`);
        }
        assert.equal(
          pairs.reduce((sum, [, count]) => sum + count, 0),
          values.length,
        );
      }),
    );
    assert.ok(Math.abs(coarseLowerMs(44) / coarseLowerMs(40) - 2) < 1e-9);
  });
});
