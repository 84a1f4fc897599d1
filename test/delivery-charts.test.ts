import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ColumnOf } from "../src/measure/classes.ts";
import type { ChartId } from "../src/report/charts/chart.ts";
import { chartsOf } from "../src/report/charts/charts.ts";
import type { Report } from "../src/report/types.ts";
import { buildOf, histogramOf, planOf, rowOfClass, sliceOf } from "./fixtures/reports/run.ts";

const PLAN = planOf({ SUBSCRIBERS: "100", PUBLISHERS: "10", FANOUT: "10" }, "fanout");
const OF_2_9 = 1;
const OF_10_99 = 2;

type Counts = Partial<Record<ColumnOf<"delivery">, number>>;

const deliveries = (row: number, counts: Counts) => rowOfClass("delivery", row, counts);

function chartOf(report: Report, id: ChartId) {
  const chart = chartsOf(report).charts.find((c) => c.id === id);
  assert.ok(chart, id);
  return chart;
}

describe("charts of deliveries", () => {
  // Two halves of a second and a slice behind them, all rows of topics together.
  const report = buildOf({
    plan: PLAN,
    slices: [
      sliceOf({
        classes: {
          delivery: [
            deliveries(OF_2_9, { due: 20, delivered: 20, frames: 20 }),
            deliveries(OF_10_99, { due: 30, delivered: 10, frames: 10 }),
          ],
        },
        histograms: {
          "delivery.response.1": histogramOf(1, 1, 8),
          "delivery.response.2": histogramOf(64),
        },
      }),
      sliceOf({
        seq: 1,
        index: 7,
        classes: {
          delivery: [
            deliveries(OF_10_99, { delivered: 12, frames: 12, missing: 3, subscriptionLost: 5 }),
          ],
        },
        histograms: { "delivery.response.2": histogramOf(8, 700) },
      }),
    ],
  });

  it("give what was due, came, and never came, a second", () => {
    const chart = chartOf(report, "deliveries");
    assert.ok(chart.kind === "lines");
    assert.deepEqual([chart.xs, chart.sliceSec, chart.unit], [[0, 0.5], 0.5, "deliveries/s"]);
    assert.deepEqual(Object.fromEntries(chart.series.map((s) => [s.label, s.values])), {
      due: [100, 0],
      delivered: [60, 40],
      "missing or lost": [0, 26.667],
    });
  });

  it("give percentiles of each slice, and nothing between those that had any", () => {
    const chart = chartOf(report, "delivery-times");
    assert.ok(chart.kind === "lines" && chart.log);
    for (const { label, values } of chart.series) {
      assert.deepEqual(values.slice(1, 7), new Array(6).fill(null), label);
    }
    const [p50 = [], , p99 = []] = chart.series.map(({ values }) => values);
    for (const [value, ms] of [
      [p50[0], 1],
      [p50[7], 8],
      [p99[0], 64],
      [p99[7], 700],
    ] as const) {
      assert.ok(Math.abs((value ?? 0) - ms) <= ms * 0.01, `${value} for ${ms}`);
    }
  });

  it("count each delivery in the row of the heat map that holds its time, in the slice in which it came", () => {
    const chart = chartOf(report, "delivery-heat");
    assert.ok(chart.kind === "heat");
    assert.equal(chart.of, "deliveries");
    const found = chart.cells.flatMap((slice, i) =>
      slice.flatMap((row, j) => {
        if (j % 2 === 1) return [];
        return [
          { i, low: chart.edges[row] ?? -1, high: chart.edges[row + 1] ?? -1, n: slice[j + 1] },
        ];
      }),
    );
    const expected = [
      [0, 1, 2],
      [0, 8, 1],
      [0, 64, 1],
      [7, 8, 1],
      [7, 700, 1],
    ] as const;
    assert.equal(found.length, expected.length);
    for (const [place, [i, ms, n]] of expected.entries()) {
      const cell = found[place];
      assert.deepEqual([cell?.i, cell?.n], [i, n]);
      // The middle of a fine bucket may lie a hundredth beside the value.
      assert.ok((cell?.low ?? 1e9) <= ms * 1.01 && ms * 0.99 < (cell?.high ?? 0), `${ms}`);
    }
  });

  it("give when receivers of an event have it, rank by rank", () => {
    const ms = { spread25: [0], spread50: [2, 2], spread75: [4, 8], spread90: [16], spread: [32] };
    const chart = chartOf(
      buildOf({
        plan: PLAN,
        slices: [
          sliceOf({
            classes: { delivery: [deliveries(OF_10_99, { due: 40, delivered: 40, frames: 40 })] },
            histograms: Object.fromEntries(
              Object.entries(ms).map(([time, values]) => [
                `delivery.${time}.2`,
                histogramOf(...values),
              ]),
            ),
          }),
        ],
      }),
      "spread",
    );
    assert.ok(chart.kind === "points" && chart.log);
    assert.deepEqual(chart.labels, ["25 %", "50 %", "75 %", "90 %", "last"]);
    const near = chart.series.map(({ values }) => values.map((v) => v && Math.round(v)));
    assert.deepEqual(near, [
      [null, 2, 4, 16, 32],
      [null, 2, 8, 16, 32],
      [null, 2, 8, 16, 32],
    ]);
    const none = chartOf(report, "spread");
    assert.equal(none.kind, "none");
  });

  it("are not there in a run in which nobody subscribed", () => {
    const ids = chartsOf(buildOf()).charts.map(({ id }) => id);
    for (const id of [
      "deliveries",
      "delivery-times",
      "delivery-heat",
      "spread",
      "completeness",
    ] as const) {
      assert.ok(!ids.includes(id), id);
    }
  });
});

describe("completeness by the size of topics", () => {
  const of = (...rows: readonly (readonly [number, Counts])[]) =>
    chartOf(
      buildOf({
        plan: PLAN,
        slices: [
          sliceOf({
            classes: { delivery: rows.map(([row, counts]) => deliveries(row, counts)) },
          }),
        ],
      }),
      "completeness",
    );
  const whole: Counts = { due: 1_000, delivered: 1_000, frames: 1_000 };

  it("shows the share of each size that is missing, lost or late, and no kind that there is not", () => {
    const chart = of(
      [OF_2_9, { due: 200, delivered: 199, late: 1, frames: 200 }],
      [OF_10_99, { due: 30_000, delivered: 29_998, missing: 2, frames: 29_998 }],
    );
    assert.ok(chart.kind === "points");
    assert.deepEqual([chart.of, chart.labels], ["subscriptions", ["2 to 9", "10 to 99"]]);
    assert.deepEqual(chart.series, [
      { label: "missing", mark: "cross", values: [0, 0.00667] },
      { label: "late", mark: "dot", values: [0.5, 0] },
    ]);
  });

  it("is a line that says why, where all came, or topics are of one size", () => {
    const all = of([OF_2_9, whole], [OF_10_99, whole]);
    assert.equal(
      all.kind === "none" ? all.why : all.kind,
      "at every size of topic all that was owed came in time",
    );
    const one = of([OF_10_99, { ...whole, delivered: 900, missing: 100, frames: 900 }]);
    assert.equal(one.kind === "none" ? one.why : one.kind, "topics were of one size");
  });
});
