import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChartId } from "../src/report/charts/chart.ts";
import { chartsOf } from "../src/report/charts/charts.ts";
import { diskOf } from "../src/report/disk.ts";
import { dueBySlice } from "../src/report/due.ts";
import { pointsOf } from "../src/report/points.ts";
import type { Report } from "../src/report/types.ts";
import {
  buildOf,
  completeOf,
  histogramOf,
  planOf,
  rowOf,
  rowOfClass,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

function chartOf(report: Report, id: ChartId) {
  const chart = chartsOf(report).charts.find((c) => c.id === id);
  assert.ok(chart);
  return chart;
}

function linesOf(report: Report, id: ChartId) {
  const chart = chartOf(report, id);
  assert.ok(chart.kind === "lines", chart.kind);
  return { ...chart, line: Object.fromEntries(chart.series.map((s) => [s.label, s.values])) };
}

describe("charts over time", () => {
  const report = buildOf({
    slices: [
      sliceOf({ classes: { publish: [rowOf(1, { scheduled: 30, attempted: 20, accepted: 10 })] } }),
      sliceOf({
        seq: 1,
        index: 2,
        classes: { publish: [rowOf(1, { rejected: 10, lost: 5, backpressure: 10 })] },
        histograms: {
          "publish.response.1": histogramOf(4),
          "publish.service.1": histogramOf(2),
          "publish.lag": histogramOf(1),
        },
      }),
    ],
  });

  it("give rates of half a second, the set one by the plan, and gaps where nothing was answered", () => {
    const { xs, line, sliceSec, most } = linesOf(report, "throughput");
    assert.deepEqual([xs, sliceSec, most], [[0], 0.5, 200]);
    assert.deepEqual(line.set, [100]);
    assert.deepEqual(line.sent, [66.667]);
    assert.deepEqual(line.accepted, [33.333]);
    const { series } = linesOf(report, "percentiles");
    for (const { values } of series) assert.deepEqual(values.slice(0, 2), [null, null]);
  });

  it("show the outcomes that there were, and no others", () => {
    const { line } = linesOf(report, "errors");
    assert.deepEqual(line, { rejected: [33.333], lost: [16.667], unsent: [33.333] });
    assert.equal(chartOf(buildOf(), "errors").kind, "none");
  });

  it("show an overload as three even lines, whatever the VU counted when", () => {
    // 60 of 100 events/s can be sent; the VU looks no further, and gives up all that is left at the end.
    const slices = Array.from({ length: 100 }, (_, i) =>
      sliceOf({
        seq: i,
        index: i,
        atMs: 1_000 + (i + 1) * 100,
        classes: {
          publish: [
            rowOf(1, {
              scheduled: i === 99 ? 406 : 6,
              attempted: 6,
              accepted: 6,
              backpressure: i === 99 ? 400 : 0,
            }),
          ],
        },
      }),
    );
    const overload = buildOf({ slices });
    const { line } = linesOf(overload, "throughput");
    const even = (rate: number) => Array.from({ length: 20 }, () => rate);
    assert.deepEqual(line, { set: even(100), sent: even(60), accepted: even(60) });
    assert.deepEqual(linesOf(overload, "errors").line, { unsent: even(40) });
    const total = dueBySlice(overload).reduce((sum, { unsent }) => sum + unsent, 0);
    assert.ok(Math.abs(total - 400) < 1e-6, `${total}`);
  });

  it("call nothing unsent that was only late", () => {
    const sent = [10, 0, 0, 30, 10, 5, 5, 5, 5, 5];
    const slices = sent.map((attempted, i) =>
      sliceOf({
        seq: i,
        index: i,
        atMs: 1_000 + (i + 1) * 100,
        classes: {
          publish: [
            rowOf(1, {
              scheduled: 10,
              attempted,
              accepted: attempted,
              backpressure: i === 9 ? 25 : 0,
            }),
          ],
        },
      }),
    );
    const unsent = dueBySlice(buildOf({ slices })).map((due) => due.unsent);
    assert.deepEqual(unsent, [0, 0, 0, 0, 0, 5, 5, 5, 5, 5]);
  });

  it("end where the last answer came", () => {
    const page = chartsOf(report);
    assert.ok(page.endSec >= 0.3);
    assert.ok(page.windowSec <= page.endSec);
  });
});

describe("queries over time", () => {
  it("have a line each for the middle and the tail, and no chart where nothing was asked", () => {
    const asked = (index: number, ...feed: readonly number[]) =>
      sliceOf({
        seq: index,
        index,
        classes: {
          query: [
            rowOfClass("query", 0, {
              scheduled: feed.length,
              sent: feed.length,
              eose: feed.length,
              rows: feed.length * 20,
            }),
          ],
        },
        histograms: {
          "query.response.0": histogramOf(...feed),
          "query.service.0": histogramOf(...feed),
        },
      });
    const report = buildOf({
      plan: { ...planOf(), scenario: "playback" },
      slices: [asked(0, 10, 10, 10), asked(2, 40)],
    });
    const { line, xs } = linesOf(report, "queries");
    assert.deepEqual(xs, [0, 0.1, 0.2]);
    const [p50 = [], p99 = []] = Object.values(line);
    assert.deepEqual(Object.keys(line), ["feed p50", "feed p99"]);
    for (const values of [p50, p99]) {
      assert.equal(values[1], null);
      for (const [i, ms] of [
        [0, 10],
        [2, 40],
      ] as const) {
        assert.ok(Math.abs((values[i] ?? 0) - ms) <= ms * 0.01, `${values[i]}`);
      }
    }
    assert.deepEqual(
      pointsOf(report).map(({ queryTimes }) => queryTimes?.feed?.count),
      [3, undefined, 1],
    );
    assert.ok(!chartsOf(buildOf()).charts.some(({ id }) => id === "queries"));
  });
});

describe("the heat map", () => {
  it("counts every answer in the row that holds its time", () => {
    const slices = [
      sliceOf({
        histograms: {
          "publish.response.0": histogramOf(1, 1, 8),
          "publish.response.1": histogramOf(64),
        },
      }),
      sliceOf({ seq: 1, index: 1, histograms: { "publish.response.1": histogramOf(8, 700) } }),
    ];
    const chart = chartOf(buildOf({ slices }), "heat");
    assert.ok(chart.kind === "heat");
    const times = chart.cells.map((slice) =>
      slice.flatMap((row, i) => {
        if (i % 2 === 1) return [];
        return [[chart.edges[row] ?? -1, chart.edges[row + 1] ?? -1, slice[i + 1] ?? 0] as const];
      }),
    );
    const expected = [
      [
        [1, 2],
        [8, 1],
        [64, 1],
      ],
      [
        [8, 1],
        [700, 1],
      ],
    ];
    for (const [i, slice] of times.entries()) {
      assert.equal(slice.length, expected[i]?.length);
      for (const [j, [low, high, count]] of slice.entries()) {
        const [ms = -1, n] = expected[i]?.[j] ?? [];
        // The middle of a fine bucket may lie a hundredth beside the value.
        assert.ok(low <= ms * 1.01 && ms * 0.99 < high, `${ms} in ${low} to ${high}`);
        assert.equal(count, n);
      }
    }
    assert.ok(chart.edges.every((edge, i) => i === 0 || edge > (chart.edges[i - 1] ?? 0)));
  });
});

describe("the percentile curve", () => {
  it("rises to one in ten thousand, and ends where samples do", () => {
    const values = Array.from({ length: 1_000 }, (_, i) => i + 1);
    const slices = [
      sliceOf({
        histograms: {
          "publish.response.1": histogramOf(...values),
          "publish.service.1": histogramOf(1, 2),
        },
      }),
    ];
    const { xs, line } = linesOf(buildOf({ slices }), "curve");
    assert.equal(xs[0], 1);
    assert.equal(xs.at(-1), 10_000);
    const response = line["response time"] ?? [];
    const at = (x: number) => response[xs.indexOf(x)] ?? Number.NaN;
    for (const [x, ms] of [
      [10, 900],
      [100, 990],
      [1_000, 999],
    ] as const) {
      assert.ok(Math.abs(at(x) - ms) <= ms * 0.01, `${at(x)} for one in ${x}`);
    }
    assert.equal(response.at(-1), null, "a thousand samples have no slowest one in ten thousand");
    const known = response.filter((v) => v !== null);
    assert.ok(known.every((v, i) => i === 0 || v >= (known[i - 1] ?? 0)));
    const service = line["service time"] ?? [];
    assert.ok(service.every((v, i) => (v === null) === (xs[i] ?? 0) > 2));
  });
});

describe("charts of resources", () => {
  it("put samples of one moment together, and leave out what was before the window", () => {
    const sample = (t: number, process: "relay" | "generator" | "host", cpuPercent: number) =>
      sampleOf({
        t,
        process,
        cpuPercent,
        rssBytes: process === "relay" ? 1_000 * cpuPercent : null,
      });
    const resources = [
      sample(-0.5, "relay", 99),
      sample(0.939, "relay", 10),
      sample(0.94, "generator", 20),
      sample(1.94, "relay", 30),
      sample(1.95, "generator", 40),
    ];
    const report = completeOf(buildOf(), { resources });
    const cpu = linesOf(report, "cpu");
    assert.deepEqual(cpu.xs, [0.939, 1.94]);
    assert.deepEqual(cpu.line, { relay: [10, 30], generator: [20, 40] });
    assert.deepEqual(linesOf(report, "memory").line, { relay: [10_000, 30_000] });
    const ids = chartsOf(report).charts.map(({ id }) => id);
    for (const id of ["disk", "files", "pressure"] as const) assert.ok(!ids.includes(id), id);
  });

  it("show the host's writes where the relay's count is of pages", () => {
    const writes = (relay: number, host: number) =>
      completeOf(buildOf(), {
        resources: [1, 2].flatMap((t) => [
          sampleOf({ t, process: "relay", diskWriteBytesPerSec: relay }),
          sampleOf({ t, process: "host", diskWriteBytesPerSec: host }),
        ]),
      });
    // A mapped store dirties a page again and again before it is written once.
    const mapped = writes(1.406e9, 157e6);
    assert.deepEqual(linesOf(mapped, "disk").line, { host: [157e6, 157e6] });
    assert.match(linesOf(mapped, "disk").caption, /pages each time they are dirtied, 1\.4 GB\/s/);
    assert.deepEqual(diskOf(mapped), {
      of: "host",
      bytesPerSec: 157e6,
      bytesAnEvent: 1.57e6,
      dirtiedBytesPerSec: 1.406e9,
    });
    const plain = writes(113e6, 114e6);
    assert.deepEqual(Object.keys(linesOf(plain, "disk").line), ["relay", "host"]);
    assert.deepEqual([diskOf(plain)?.of, diskOf(plain)?.dirtiedBytesPerSec], ["relay", null]);
    assert.equal(diskOf(buildOf()), null);
  });

  it("show disk, files and pressure where they were measured", () => {
    const pressure = { cpu: 5, io: null, memory: 0 };
    const resources = [
      sampleOf({ t: 1, process: "relay", openFiles: 40, diskWriteBytesPerSec: 1_000 }),
      sampleOf({ t: 1, process: "host", pressure }),
    ];
    const report = completeOf(buildOf(), { resources });
    assert.deepEqual(linesOf(report, "files").line, { relay: [40] });
    assert.deepEqual(linesOf(report, "disk").line, { relay: [1_000] });
    assert.deepEqual(linesOf(report, "pressure").line, { cpu: [5], memory: [0] });
  });
});
