/** Logs of several k6 processes: whole they make the report of one, and what is lacking is refused or said. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import type { Slice } from "../src/measure/slice.ts";
import { Gathering } from "../src/merge/gather.ts";
import { MOST_LINE_BYTES } from "../src/merge/lines.ts";
import { type MergeOptions, mergeRun, NOBODY_ASKED } from "../src/merge/merge.ts";
import type { About } from "../src/merge/protocol.ts";
import { sha256 } from "../src/node/merge/read-logs.ts";
import { buildReport } from "../src/report/build.ts";
import { publishOf } from "../src/report/class-report.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import type { Report } from "../src/report/types.ts";
import {
  histogramOf,
  planOf,
  pool,
  rowOf,
  rowOfClass,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";
import { ORIGIN_MS, type Process, said } from "./instances-said.ts";

const OPTIONS: MergeOptions = { partial: false, runId: "r", sha256 };

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

function gather(lines: readonly string[]) {
  const gathering = new Gathering(sha256);
  for (const line of lines) gathering.take(line);
  return gathering.processes;
}

const merge = (lines: readonly string[], options: Partial<MergeOptions> = {}) =>
  mergeRun(gather(lines), { ...OPTIONS, ...options }).complete(NOBODY_ASKED);

/** What is exact: all of a report but who made it. */
function figuresOf({ classes, noise, errors, ends, frames, thresholds, run }: Report) {
  const { durationSec, complete, startedAt, endedAt } = run;
  return JSON.stringify({
    classes,
    noise,
    errors,
    ends,
    frames,
    thresholds,
    durationSec,
    complete,
    startedAt,
    endedAt,
  });
}

/** A VU that handed out its last slice, its work in the given amounts. */
function vuOf(
  vu: number,
  amounts: readonly number[],
  extra: Partial<Slice> = {},
): readonly Slice[] {
  const window = amounts.map((n, i) =>
    sliceOf({
      ...{ vu, seq: i, index: i, atMs: 1_000 + (i + 1) * 100 },
      classes: {
        publish: [rowOf(vu % 2, { scheduled: n, attempted: n, accepted: n })],
        ...(i === 0
          ? { connection: [rowOfClass("connection", 0, { due: 2, tried: 2, opened: 2 })] }
          : {}),
      },
      histograms: {
        [`publish.response.${vu % 2}`]: histogramOf(
          ...Array.from({ length: n }, (_, k) => (k + 1) * vu),
        ),
        [`publish.service.${vu % 2}`]: histogramOf(...Array.from({ length: n }, (_, k) => k + vu)),
        "publish.lag": histogramOf(0.1 * vu),
        loop: histogramOf(0.01 * n),
      },
      inFlight: { sum: n, overMs: 10 },
      ...extra,
    }),
  );
  const end = { phase: "done", index: 100, atMs: 11_100, clockDriftMs: 0.01 * vu } as const;
  const closed = { connection: [rowOfClass("connection", 0, { closedByUs: 2 })] };
  return [...window, sliceOf({ vu, seq: amounts.length, ...end, classes: closed })];
}

const three = (more: Partial<Process> = {}): readonly Process[] =>
  [0, 1, 2].map((index) => ({
    index,
    slices: vuOf(index + 1, [3, 4, 5]),
    behindMs: 100 * index,
    ...more,
  }));
const linesOf = (all: readonly Process[]) => all.flatMap((one) => said(3, one));

describe("the report of several", () => {
  it("is that of the whole, to the bucket and byte, however it was split, ordered and doubled", () => {
    const run = fc.record({
      amounts: fc.array(fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 5 }), {
        minLength: 3,
        maxLength: 3,
      }),
      place: fc.array(fc.nat({ max: 2 }), { minLength: 3, maxLength: 3 }),
      behindMs: fc.array(fc.nat({ max: 5_000 }), { minLength: 3, maxLength: 3 }),
      order: fc.infiniteStream(fc.nat({ max: 1_000_000 })),
    });
    fc.assert(
      fc.property(run, ({ amounts, place, behindMs, order }) => {
        const vus = amounts.map((own, i) => vuOf(i + 1, own));
        // The earliest of them sets where the run's time begins.
        const parts = [0, 1, 2].map((index) => vus.filter((_, i) => place[i] === index).flat());
        const least = Math.min(
          ...parts.flatMap((own, i) => (own.length > 0 ? [behindMs[i] ?? 0] : [])),
        );
        const lines = parts.flatMap((slices, index) =>
          said(3, { index, slices, behindMs: (behindMs[index] ?? 0) - least }),
        );
        const keyed = [...lines, ...lines.slice(0, 7)].map((line) => ({
          line,
          key: order.next().value,
        }));
        const mixed = keyed
          .sort((a, b) => a.key - b.key)
          .map(({ line, key }) => (key % 2 ? `pod-1 ${line}` : line));
        const plan = planOf({ INSTANCES: "3" });
        const slices = vus.flat();
        const whole = buildReport({
          ...{
            slices,
            plan,
            pool,
            runId: "r",
            planHash: "",
            startedAtMs: ORIGIN_MS,
            endedAtMs: ORIGIN_MS + 11_100,
          },
          ...{ stopReason: null, k6: null },
        });
        assert.equal(figuresOf(merge(mixed)), figuresOf(whole));
        assert.equal(JSON.stringify(merge(mixed)), JSON.stringify(merge(lines)));
      }),
      { numRuns: 60 },
    );
  });

  it("puts each process where it was by the clock: one that began later by its own account did not", () => {
    const report = merge(linesOf(three()));
    assert.equal(report.generator.startSkewMs, 0);
    assert.deepEqual(
      report.generator.several?.each.map(({ startedMs }) => startedMs),
      [0, 100, 200],
    );
    const late = three().map((one, i) =>
      i === 2 ? { ...one, slices: vuOf(3, [1], { windowStartMs: 3_500 }) } : one,
    );
    assert.equal(merge(linesOf(late)).generator.startSkewMs, 2_500);
  });

  it("keeps no path, header or folder of a plan, which logs would show", () => {
    const secrets = {
      RELAY_URL: "ws://127.0.0.1:7777/se-cret?k=se-cret",
      RELAY_HEADERS: "X-Key: se-cret",
      REPORT_DIR: "se-cret",
    };
    const lines = linesOf(three({ variables: secrets }));
    assert.ok(!lines.join("").includes("se-cret"));
    const { config } = merge(lines);
    assert.deepEqual(config.headers, ["X-Key"]);
    assert.deepEqual(config.withheld, ["header", "relay"]);
  });
});

describe("merge refuses", () => {
  const [first, second, third] = three() as [Process, Process, Process];
  const without = (pattern: RegExp) => linesOf(three()).filter((line) => !pattern.test(line));
  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "another plan",
      linesOf([first, { ...second, variables: { RATE_EPS: "99" } }, third]),
      /0 and 1 .* another plan/,
    ],
    [
      "other thresholds",
      linesOf([
        first,
        { ...second, variables: { THRESHOLDS: "nostr_connect_time: max<1" } },
        third,
      ]),
      /other thresholds/,
    ],
    [
      "another number of instances",
      [...said(3, first), ...said(4, second)],
      /another number of instances \(3, 4\)/,
    ],
    [
      "another start",
      linesOf([first, second, { ...third, startAtMs: ORIGIN_MS + 1 }]),
      /another START_AT/,
    ],
    [
      "a log without its beginning",
      without(/begin.*"index":1/),
      /1 k6 processes without their beginning/,
    ],
    ["a log without its end", without(/end .*process1/), /instance 1 of 3: its end is not there/],
    ["a missing instance", linesOf([first, third]), /instance 1 of 3: nothing of it is there/],
    [
      "a missing slice",
      without(/"vu":2,"seq":1,/),
      /instance 1 of 3: 3 of 4 slices of VU 2 are there/,
    ],
    ["a missing last slice", without(/"vu":2,"seq":3,/), /instance 1 of 3: 3 of 4 slices of VU 2/],
    [
      "figures that were changed on the way",
      linesOf(three()).map((line) => line.replace(/("vu":2,"seq":1,.*"sum":)4/, "$15")),
      /instance 1 of 3: its figures are not those that it handed out/,
    ],
    [
      "logs of something else",
      ["k6-nostr slice {}", "hello"],
      /no log has the beginning of an instance/,
    ],
    [
      "a line that was cut off",
      linesOf(three()).map((line) => (/"vu":3,"seq":2,/.test(line) ? line.slice(0, 200) : line)),
      /3 of 4 slices of VU 3/,
    ],
  ];
  for (const [what, lines, reason] of refused) {
    it(what, () => assert.throws(() => merge(lines), refusal(reason)));
  }

  it("nothing that is missing with --partial, and says what is", () => {
    const { run, generator, classes } = merge(linesOf([first, third]), { partial: true });
    assert.equal(run.complete, false);
    assert.equal(
      run.stopReason,
      "instance 1 of 3: nothing of it is there; rates behind it are those of 2 of 3 shares",
    );
    assert.deepEqual(generator.several?.missing, [1]);
    assert.equal(generator.signals.find(({ id }) => id === "missingInstances")?.state, "suspect");
    assert.equal(classes.publish?.totals.accepted, 24);
  });

  it("no instance that died, with --partial: what was under way then is lost, and it balances", () => {
    const open = sliceOf({
      vu: 2,
      seq: 0,
      atMs: 1_100,
      classes: { publish: [rowOf(0, { scheduled: 5, attempted: 5, accepted: 2 })] },
    });
    const dead = said(3, { ...second, slices: [open] }).filter(
      (line) => !line.includes("k6-nostr end"),
    );
    const ended = new Map([[1, "exit 137 (OOMKilled)"]]);
    const lines = [...said(3, first), ...dead, ...said(3, third)];
    assert.match(
      merge(lines, { partial: true }).run.stopReason ?? "",
      /^instance 1 of 3 ended at 0\.1 s: its end is not there; rates behind it are those of 2 of 3/,
    );
    const report = merge(lines, { partial: true, ended });
    assert.equal(report.run.complete, false);
    assert.equal(
      report.run.stopReason,
      "instance 1 of 3: exit 137 (OOMKilled); rates behind it are those of 2 of 3 shares",
    );
    assert.equal(publishOf(report).totals.lost, 3);
    assert.ok(publishOf(report).identities.every(({ balances }) => balances));
  });
});

it("makes a report that its schema takes", async () => {
  const schema: object = JSON.parse(await readFile("src/report/schema.json", "utf8"));
  const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
    schema,
  );
  const report = merge(linesOf(three({ about: {} })));
  assert.ok(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors));
});

it("says what each generator did, and how all of them run it again", () => {
  const text = renderMarkdown(merge(linesOf(three({ about: {} }))));
  assert.match(text, /The 3 generators/);
  assert.match(
    text,
    /\| 1 \| whole \| \+100\.0 ms \| not measured \| 0\.20 ms \|.*\| 20 % \| 10 % \| 2 \|/,
  );
  assert.match(
    text,
    /npx k6-nostr share publish --relay ws:\/\/127\.0\.0\.1:7777 \\\n {2}--instance "\$INSTANCE" --start-at "\$START_AT"/,
  );
  assert.match(text, /--instances 3/);
});

describe("an instance that was there twice", () => {
  const again = (slices: readonly Slice[]) => [
    ...linesOf(three()),
    ...said(3, { index: 1, of: "other", slices }),
  ];
  it("makes the run invalid where both loaded the relay, whichever is read first", () => {
    for (const lines of [again(vuOf(2, [9, 9])), again(vuOf(2, [9, 9])).toReversed()]) {
      const { generator } = merge(lines);
      assert.deepEqual(generator.several?.twice, [1]);
      assert.equal(generator.verdict, "invalid");
      assert.ok(
        generator.reasons.some((text) => /instance 1 of 3 was there twice/.test(text)),
        generator.reasons.join(),
      );
    }
  });

  it("is no harm where the other one was late, and sent nothing", () => {
    const waited = sliceOf({ vu: 2, seq: 0, phase: "connect", index: -1, windowStartMs: null });
    for (const slices of [[], [waited]]) {
      const report = merge(again(slices));
      assert.deepEqual(report.generator.several?.twice, []);
      assert.equal(figuresOf(report), figuresOf(merge(linesOf(three()))));
    }
  });
});

describe("the verdict of several", () => {
  const signalOf = ({ generator: { signals } }: Report, id: string) =>
    signals.find((one) => one.id === id);

  it("is that of the worst, who is named: one late of many does not show in the p99 of all", () => {
    const fine = {
      histograms: { "publish.lag": histogramOf(...Array.from({ length: 500 }, () => 0.1)) },
    };
    const slow = {
      histograms: { "publish.lag": histogramOf(...Array.from({ length: 5 }, () => 2_500)) },
    };
    const mixed = three().map((one, i) => ({
      ...one,
      slices: vuOf(i + 1, [3, 4], i === 1 ? slow : fine),
    }));
    const report = merge(linesOf(mixed));
    const { state, text } = signalOf(report, "scheduleLag") ?? {};
    assert.equal(state, "suspect");
    assert.match(text ?? "", /^instance 1 of 3: p99 of schedule lag 2\d\d\d ms/);
  });

  it("holds each against its own ceiling, processor and clock, with its share of the rate", () => {
    const load = three().map((one, i) => ({
      ...one,
      about: {
        cpuPercent: { generator: i === 2 ? 190 : 20, host: 10 },
        ceilingEps: i === 0 ? 40 : 5_000,
      },
    }));
    const report = merge(linesOf(load));
    // 100 a second are 33 for each.
    assert.equal(signalOf(report, "ceilingShare")?.value, 0.8333);
    assert.match(signalOf(report, "ceilingShare")?.text ?? "", /^instance 0 of 3: /);
    assert.equal(signalOf(report, "generatorCpu")?.value, 95);
    assert.match(signalOf(report, "generatorCpu")?.text ?? "", /^instance 2 of 3: /);
    assert.equal(signalOf(report, "clockDrift")?.value, 0.03);
  });

  it("says who was hardly ready for the start", () => {
    const ready = (slackMs: number) => ({ slackMs });
    const mixed = three().map((one, i) => ({
      ...one,
      slices: vuOf(i + 1, [3], ready(i === 2 ? 40 : 9_000)),
    }));
    const { state, text } = signalOf(merge(linesOf(mixed)), "startSlack") ?? {};
    assert.equal(state, "suspect");
    assert.match(text ?? "", /instance 2 of 3 was ready 40 ms before the start/);
    assert.equal(signalOf(merge(linesOf(three())), "startSlack")?.state, "notMeasured");
  });
});

describe("the clocks of several", () => {
  const clocksOf = (clocks: readonly About["clock"][]) => {
    const load = three().map((one, i) => ({ ...one, about: { clock: clocks[i] ?? null } }));
    const report = merge(linesOf(load));
    const { signals } = report.generator;
    return { report, signal: signals.find(({ id }) => id === "clockError") };
  };
  const clock = (aheadMs: number, uncertainMs = 20) => ({ aheadMs, uncertainMs });

  it("make a run suspect where they are surely more than a second apart, and name whose", () => {
    const { report, signal } = clocksOf([clock(30), clock(-2_000), clock(400)]);
    assert.equal(signal?.value, 2_360);
    assert.equal(signal?.state, "suspect");
    assert.match(signal?.text ?? "", /clocks of instances 1 and 2 of 3 are 2360 ms apart at least/);
    assert.deepEqual(report.generator.several?.each[1]?.clock, clock(-2_000));
    assert.match(renderMarkdown(report), /-2000 ms ± 20 ms/);
  });

  it("do not where nobody can tell them apart", () => {
    for (const clocks of [
      [clock(0), clock(1_030)],
      [clock(0, 900), clock(2_500, 900), clock(3_000, 2_000)],
    ]) {
      const { signal } = clocksOf(clocks);
      assert.equal(signal?.state, "valid");
      assert.equal(signal?.text, "");
    }
    assert.equal(clocksOf([clock(9_000), null]).signal?.state, "notMeasured");
  });
});

describe("thresholds of several", () => {
  const THRESHOLDS = "nostr_events_accepted: rate>1; nostr_publish_response_time: p(99)<1000";
  const judged = (processes: readonly Process[], options: Partial<MergeOptions> = {}) => {
    const lines = processes.flatMap((one) => said(3, { ...one, variables: { THRESHOLDS } }));
    const { thresholds } = merge(lines, options);
    const of = (name: string) => thresholds.find(({ metric }) => metric === name);
    return [of("nostr_events_accepted"), of("nostr_publish_response_time")];
  };

  it("judge no throughput where an instance is missing, whose share nobody sent", () => {
    const [rate, time] = judged(three());
    assert.deepEqual([rate?.ok, time?.ok], [true, true]);
    const [short, same] = judged(three().slice(1), { partial: true });
    assert.equal(short?.ok, null);
    assert.ok((short?.value ?? 0) > 0);
    assert.equal(same?.ok, true);
  });
});

describe("the relay of several", () => {
  const seen = (cpuPercent: number | null, software: string | null = null): About["relay"] => ({
    samples: cpuPercent === null ? [] : [sampleOf({ t: 1, process: "relay", cpuPercent })],
    notes: {
      relayProcess: cpuPercent === null ? null : "process 7",
      relayMetrics: [],
      notMeasured: [],
    },
    relays: software === null ? [] : [{ label: "r", address: "1", software, version: "1" }],
    before: { why: "counted with --audit alone" },
  });

  it("is what one of them saw of it, who is named; who it is, another may have asked", () => {
    const relayOf = (relays: readonly About["relay"][]) =>
      merge(linesOf(three().map((one, i) => ({ ...one, about: { relay: relays[i] ?? null } }))));
    const { resources, run } = relayOf([seen(null, "soft"), seen(30), seen(40)]);
    assert.deepEqual(
      resources?.samples.map(({ cpuPercent }) => cpuPercent),
      [30],
    );
    assert.equal(resources?.relayProcess, "process 7, seen by instance 1 of 3");
    assert.equal(run.relays?.[0]?.software, "soft");
    assert.deepEqual(relayOf([]).resources?.notMeasured, [
      { what: "the relay's resources", why: "no instance was started by `k6-nostr share`" },
      {
        what: "what the relay stored",
        why: "the relay was not asked; where it can be reached, `merge` takes --relay",
      },
    ]);
  });
});

describe("lines", () => {
  it("are short whatever a relay says, and make the same text again in any order", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 }).map((s) => s.repeat(2_000));
    fc.assert(
      fc.property(text, fc.boolean(), (example, reversed) => {
        const errors = [{ class: "notice", code: "x", count: 1, firstAtSec: 0, example }];
        const slices = [sliceOf({ errors }), sliceOf({ seq: 1, phase: "done" })];
        const lines = said(1, { index: 0, slices });
        assert.ok(
          lines.every((line) => Buffer.byteLength(line) < MOST_LINE_BYTES && !/[\r\n]/.test(line)),
        );
        const [process] = gather(reversed ? lines.toReversed() : lines).values();
        assert.deepEqual(
          process?.slices.get("1/0")?.slice.errors[0]?.example,
          JSON.parse(JSON.stringify(example)),
        );
      }),
      { numRuns: 40 },
    );
  });
});
