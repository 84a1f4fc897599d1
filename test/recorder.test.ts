import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { C_OPENED, CONNECTION_ROWS, HOLD } from "../src/measure/classes/connection.ts";
import {
  ACCEPTED,
  ATTEMPTED,
  LOST,
  POOL_EXHAUSTED,
  SCHEDULED,
} from "../src/measure/classes/publish.ts";
import { Q_EOSE } from "../src/measure/classes/query.ts";
import { SETS_CUT_OFF } from "../src/measure/classes/set.ts";
import { CLASS_NAMES, classOf, type RowNames } from "../src/measure/classes.ts";
import {
  BUCKET_COUNT,
  bucketOf,
  type DetachedHistogram,
  type Histogram,
  packHistogram,
  unpackHistogram,
} from "../src/measure/histogram.ts";
import { noLinkCounts, Recorder } from "../src/measure/recorder.ts";
import { rowOf, rowOfClass } from "./fixtures/reports/run.ts";

const detachedOf = (ms: number): DetachedHistogram => {
  const counts = new Uint32Array(BUCKET_COUNT);
  counts[bucketOf(ms)] = 1;
  return { max: ms, counts };
};
const countOf = (detached: DetachedHistogram | undefined): number =>
  detached === undefined ? 0 : unpackHistogram(packHistogram(detached)).count;

/** Two rows each, and of all but connections two more of the warm-up. */
const NAMES = {
  publish: ["video", "view"],
  set: ["video", "view"],
  query: ["feed", "choose"],
  connection: CONNECTION_ROWS,
  auth: CONNECTION_ROWS,
  delivery: ["of-1", "of-2-9"],
} as const satisfies RowNames;

describe("Recorder", () => {
  it("hands over what was counted, by row, and starts again from nothing", () => {
    const recorder = new Recorder(NAMES, 2);
    const { publish, set, query, connection } = recorder.books;
    publish.count(1, SCHEDULED);
    publish.count(1, ATTEMPTED);
    publish.count(1, ACCEPTED);
    publish.count(3, SCHEDULED, 2);
    publish.count(3, POOL_EXHAUSTED);
    set.count(2, SETS_CUT_OFF);
    query.count(3, Q_EOSE);
    connection.count(HOLD, C_OPENED);
    publish.times.response[1]?.record(2);
    publish.times.service[1]?.record(1);
    set.times.completion[0]?.record(8);
    query.times.firstEvent[3]?.record(9);
    connection.times.connect[HOLD]?.record(3);
    publish.lag.record(4);
    query.lag.record(7);
    recorder.byRelay[1]?.record(10);
    recorder.loopLag.record(5);
    recorder.link.notices++;
    recorder.inFlight.sum += 6;
    recorder.inFlight.overMs++;
    recorder.error("reject", "blocked", 0.5, "blocked: go away");
    assert.deepEqual(recorder.take(), {
      classes: {
        publish: [
          rowOf(1, { scheduled: 1, attempted: 1, accepted: 1 }),
          rowOf(3, { scheduled: 2, poolExhausted: 1 }),
        ],
        set: [rowOfClass("set", 2, { cutOff: 1 })],
        query: [rowOfClass("query", 3, { eose: 1 })],
        connection: [rowOfClass("connection", 1, { opened: 1 })],
      },
      link: { ...noLinkCounts(), notices: 1 },
      histograms: {
        "publish.response.1": detachedOf(2),
        "publish.service.1": detachedOf(1),
        "publish.lag": detachedOf(4),
        "set.completion.0": detachedOf(8),
        "query.firstEvent.3": detachedOf(9),
        "query.lag": detachedOf(7),
        "connection.connect.1": detachedOf(3),
        "relay.1": detachedOf(10),
        loop: detachedOf(5),
      },
      errors: [
        {
          class: "reject",
          code: "blocked",
          count: 1,
          firstAtSec: 0.5,
          example: "blocked: go away",
        },
      ],
      inFlight: { sum: 6, overMs: 1 },
    });
    assert.deepEqual(recorder.take(), {
      classes: {},
      link: noLinkCounts(),
      histograms: {},
      errors: [],
      inFlight: { sum: 0, overMs: 0 },
    });
  });

  it("loses and doubles nothing, wherever the cuts fall", () => {
    const step = fc.record({
      name: fc.constantFrom(...CLASS_NAMES),
      row: fc.nat(3),
      column: fc.nat(100),
      n: fc.integer({ min: 1, max: 9 }),
      time: fc.nat(10),
      ms: fc.nat(1_000),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (drawn) => {
        const recorder = new Recorder(NAMES);
        const taken: ReturnType<Recorder["take"]>[] = [];
        const steps = drawn.map((one) => {
          const { columns, times, hasWarmup } = classOf(one.name);
          const names = Object.keys(times);
          return {
            ...one,
            row: one.row % (hasWarmup ? 4 : 2),
            column: one.column % columns.length,
            time: names[one.time % names.length] ?? "",
          };
        });
        for (const { name, row, column, n, time, ms, cut } of steps) {
          recorder.books[name].count(row, column, n);
          const times: Readonly<Record<string, readonly Histogram[]>> = recorder.books[name].times;
          times[time]?.[row]?.record(ms);
          if (cut) taken.push(recorder.take());
        }
        taken.push(recorder.take());
        for (const name of CLASS_NAMES) {
          const { columns, times } = classOf(name);
          for (let row = 0; row < 4; row++) {
            const own = steps.filter((s) => s.name === name && s.row === row);
            const rows = taken.flatMap(({ classes }) =>
              (classes[name] ?? []).filter(([r]) => r === row),
            );
            columns.forEach((_, column) => {
              const sum = rows.reduce((total, cells) => total + (cells[column + 1] ?? 0), 0);
              const counted = own.filter((s) => s.column === column);
              assert.equal(
                sum,
                counted.reduce((total, { n }) => total + n, 0),
              );
            });
            for (const time of Object.keys(times)) {
              const recorded = taken.reduce(
                (total, t) => total + countOf(t.histograms[`${name}.${time}.${row}`]),
                0,
              );
              assert.equal(recorded, own.filter((s) => s.time === time).length);
            }
          }
        }
      }),
    );
  });

  it("counts times below zero, of every class, as zero and against the clock", () => {
    const recorder = new Recorder(NAMES);
    recorder.books.publish.times.service[0]?.record(-5);
    recorder.books.query.times.page[1]?.record(-5);
    recorder.books.connection.times.connect[0]?.record(-5);
    recorder.books.publish.times.response[0]?.record(5);
    const { link, histograms } = recorder.take();
    assert.equal(link.clockViolations, 3);
    assert.equal(countOf(histograms["publish.service.0"]), 1);
    recorder.books.publish.times.response[0]?.record(5);
    assert.equal(recorder.take().link.clockViolations, 0);
  });

  it("keeps one error a class and code, with its first time, text and stack", () => {
    const recorder = new Recorder(NAMES);
    recorder.error("script", "timer", 1, "first", "at a");
    recorder.error("script", "timer", 2, "second");
    recorder.error("script", "open", 3, "x".repeat(10_000));
    const [timer, open] = recorder.take().errors;
    assert.deepEqual(timer, {
      class: "script",
      code: "timer",
      count: 2,
      firstAtSec: 1,
      example: "first",
      stack: "at a",
    });
    assert.equal(open?.example.length, 160);
  });

  it("tells what a relay said apart by what it means, and by the types that it met", () => {
    const recorder = new Recorder(NAMES);
    recorder.said("reject", "blocked", 1, "blocked: event kind 7 not allowed", { row: 3 });
    recorder.said("reject", "blocked", 2, "blocked: event kind 8 not allowed", { row: 1 });
    recorder.said("reject", "blocked", 3, "blocked: pubkey not allowed", { row: 1 });
    recorder.eventError("timeout", "no OK", 4, "no OK in 1 ms", 2);
    const told = recorder.take().errors.map((e) => [e.code, e.reason, e.count, e.rows]);
    assert.deepEqual(told, [
      [
        "blocked",
        "kind",
        2,
        [
          [3, 1],
          [1, 1],
        ],
      ],
      ["blocked", "policy", 1, [[1, 1]]],
      ["no OK", undefined, 1, [[2, 1]]],
    ]);
  });

  it("does not change what it handed over", () => {
    const recorder = new Recorder(NAMES);
    recorder.books.publish.count(0, SCHEDULED);
    recorder.error("notice", "other", 0, "text");
    const taken = recorder.take();
    const before = structuredClone(taken);
    recorder.books.publish.count(0, LOST);
    recorder.books.connection.count(0, C_OPENED);
    recorder.error("notice", "other", 0, "text");
    recorder.link.notices++;
    assert.deepEqual(taken, before);
  });
});
