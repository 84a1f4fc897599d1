import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RECOVERY } from "../src/measure/classes/connection.ts";
import type { ChartId } from "../src/report/charts/chart.ts";
import { chartsOf } from "../src/report/charts/charts.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { recoveryOf } from "../src/report/recovery.ts";
import type { Report } from "../src/report/types.ts";
import { buildOf, histogramOf, planOf, rowOfClass, sliceOf } from "./fixtures/reports/run.ts";

/** Ten clients, five a second: all have come in 2 s, are cut in the fourth, and 2 s later it is over. */
const PLAN = planOf(
  { CLIENTS: "10", CONNECT_MODE: "recover", CONNECT_RATE: "5", HOLD_SEC: "2" },
  "connect",
);

function chartOf(report: Report, id: ChartId) {
  const chart = chartsOf(report).charts.find((c) => c.id === id);
  assert.ok(chart, id);
  return chart;
}

/** One client after the other is back, by the ms that each took. */
function recoveredAfter(interrupted: number, ...afterMs: readonly number[]): Report {
  const counts = {
    interrupted,
    recovered: afterMs.length,
    unrecovered: interrupted - afterMs.length,
  };
  return buildOf({
    plan: PLAN,
    slices: [
      sliceOf({
        classes: { connection: [rowOfClass("connection", RECOVERY, counts)] },
        histograms:
          afterMs.length === 0
            ? {}
            : { [`connection.recovery.${RECOVERY}`]: histogramOf(...afterMs) },
      }),
    ],
  });
}

describe("connections over time", () => {
  const at = (index: number, connectionsOpen: number, connectionsUsable: number) =>
    sliceOf({
      seq: index,
      index,
      atMs: 1_000 + (index + 1) * 100,
      connectionsOpen,
      connectionsUsable,
    });

  it("are due by the set rate until all have come, and open and usable as they are", () => {
    const report = buildOf({ plan: PLAN, slices: [at(0, 1, 0), at(10, 5, 4), at(59, 9, 8)] });
    const chart = chartOf(report, "connections");
    assert.ok(chart.kind === "lines");
    const line = Object.fromEntries(chart.series.map((s) => [s.label, s.values]));
    assert.deepEqual(Object.keys(line), ["due", "open", "usable"]);
    assert.equal(chart.xs.length, 60);
    for (const [i, due, open, usable] of [
      [0, 1, 1, 0],
      [9, 5, 1, 0],
      [10, 6, 5, 4],
      [19, 10, 5, 4],
      [59, 10, 9, 8],
    ] as const) {
      assert.deepEqual(
        [line.due?.[i], line.open?.[i], line.usable?.[i]],
        [due, open, usable],
        `${i}`,
      );
    }
  });

  it("are not due by any rate where connections are not what the run is about", () => {
    const chart = chartOf(buildOf(), "connections");
    assert.ok(chart.kind === "lines");
    assert.deepEqual(
      chart.series.map(({ label }) => label),
      ["open"],
    );
  });

  it("mark the moment in which they are cut", () => {
    assert.deepEqual(chartsOf(buildOf({ plan: PLAN })).moments, [{ sec: 4, label: "cut" }]);
    assert.equal(chartsOf(buildOf()).moments, undefined);
  });

  it("have a heat map of their handshakes, called so", () => {
    const report = buildOf({
      plan: PLAN,
      slices: [
        sliceOf({
          classes: { connection: [rowOfClass("connection", 0, { due: 3, tried: 3, opened: 3 })] },
          histograms: {
            "connection.connect.0": histogramOf(4, 4, 900),
            "connection.response.0": histogramOf(50, 50, 950),
          },
        }),
      ],
    });
    const chart = chartOf(report, "heat");
    assert.ok(chart.kind === "heat");
    assert.deepEqual([chart.title, chart.of], ["Heat map of handshake times", "handshakes"]);
    assert.match(renderMarkdown(report), /ms from the first packet to the upgrade, /);
    const [[first = -1, two, second = -1, one] = []] = chart.cells;
    assert.deepEqual([two, one], [2, 1]);
    for (const [row, ms] of [
      [first, 4],
      [second, 900],
    ] as const) {
      const [low = 1e9, high = 0] = [chart.edges[row], chart.edges[row + 1]];
      assert.ok(low <= ms * 1.01 && ms * 0.99 < high, `${ms} in ${low} to ${high}`);
    }
  });
});

describe("the recovery curve", () => {
  it("rises with each that is back, of all that were interrupted, and names the places that are told", () => {
    // 80 of 100 after 10, 20, … 800 ms.
    const report = recoveredAfter(100, ...Array.from({ length: 80 }, (_, i) => (i + 1) * 10));
    const chart = chartOf(report, "recovery");
    assert.ok(chart.kind === "lines");
    assert.deepEqual([chart.x, chart.unit, chart.stepped], ["after", "%", true]);
    const [{ values } = { values: [] }] = chart.series;
    assert.deepEqual([chart.xs[0], values[0]], [0, 0]);
    assert.deepEqual(
      [values.length, values.at(-1)],
      [81, 80],
      "those that are not back have no place",
    );
    for (const [i, x] of chart.xs.entries()) {
      assert.equal(values[i], i);
      assert.ok(Math.abs(x - i * 10) <= i * 0.1 + 1e-3, `${x} for ${i} %`);
    }
    assert.deepEqual(
      chart.places?.map(({ y }) => y),
      [50],
    );
    assert.equal(chart.places?.[0]?.x, recoveryOf(report)?.afterMs[0]?.[1]);
    assert.match(chart.caption, /Of 100 clients .* 80\.0 % were back by the end/);
  });

  it("has one step for those that came back together", () => {
    const chart = chartOf(recoveredAfter(20, ...new Array(19).fill(5), 4_000), "recovery");
    assert.ok(chart.kind === "lines");
    const [{ values } = { values: [] }] = chart.series;
    assert.deepEqual(values, [0, 95, 100]);
    assert.deepEqual(
      chart.places?.map(({ label }) => label.replace(/ .*/, "")),
      ["50", "90", "99"],
    );
  });

  it("is a line that says so where nobody came back, and nothing where nobody was interrupted", () => {
    const chart = chartOf(recoveredAfter(20), "recovery");
    assert.equal(chart.kind === "none" ? chart.why : chart.kind, "nobody came back");
    assert.ok(!chartsOf(buildOf({ plan: PLAN })).charts.some(({ id }) => id === "recovery"));
  });
});
