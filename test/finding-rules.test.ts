/** Each rule on either side of its bounds: a healthy run's report with one figure changed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { coarseLowerMs } from "../src/measure/histogram.ts";
import { RULES } from "../src/report/findings/engine.ts";
import { viewOf } from "../src/report/findings/view.ts";
import type {
  LatencySummary,
  Profile,
  Report,
  ReportError,
  ResourceSample,
  SeriesPoint,
  Totals,
} from "../src/report/types.ts";
import { sampleOf } from "./fixtures/reports/run.ts";

const file = new URL("fixtures/reports/situations/healthy.json", import.meta.url);
const base = JSON.parse(readFileSync(file, "utf8")) as Report;

const draftOf = (id: string, report: Report) =>
  RULES.find((rule) => rule.id === id)?.find(viewOf(report)) ?? null;

const totals = (members: Partial<Totals>, of = base): Report => ({
  ...of,
  totals: { ...of.totals, ...members },
});
const unsent = (backpressure: number, of = base) =>
  totals({ unsent: { ...of.totals.unsent, backpressure } }, of);
const linked = (members: Partial<Totals["connections"]>, of = base) =>
  totals({ connections: { ...of.totals.connections, ...members } }, of);
const errors = (...list: readonly (readonly [string, string, number])[]): Report => ({
  ...base,
  errors: list.map(
    ([errorClass, code, count]): ReportError => ({
      class: errorClass,
      code,
      count,
      share: null,
      firstAtSec: 0,
      example: `${code}: text`,
      stack: null,
    }),
  ),
});
const timed = (
  kind: "response" | "service" | "connect",
  members: Partial<LatencySummary>,
  of = base,
): Report => ({ ...of, latency: { ...of.latency, [kind]: { ...of.latency[kind], ...members } } });
const series = (change: (point: SeriesPoint, i: number) => Partial<SeriesPoint>): Report => ({
  ...base,
  throughput: {
    ...base.throughput,
    series: base.throughput.series.map((point, i) => ({ ...point, ...change(point, i) })),
  },
});
const sampled = (samples: readonly ResourceSample[], of = base): Report => ({
  ...of,
  resources: { samples, relayProcess: null, relayMetrics: [], notMeasured: [] },
});
const cpu = (cpuPercent: number, of = base) =>
  sampled(
    [1, 2, 3].map((t) => sampleOf({ t, process: "relay", cpuPercent })),
    of,
  );
const memory = (...megabytes: readonly number[]) =>
  sampled(megabytes.map((mb, i) => sampleOf({ t: i + 0.5, process: "relay", rssBytes: mb * 1e6 })));
/** The relay's process ended at so many seconds, and another took its place. */
const lived = (of: Report, endSec: number): Report => ({
  ...of,
  resources: of.resources && {
    ...of.resources,
    relayProcesses: [
      { pid: 7, fromSec: null, untilSec: endSec },
      { pid: 9, fromSec: endSec + 0.1, untilSec: null },
    ],
  },
});
/** So many events accepted in the last slice of the window. */
const acceptedIn = (of: Report, events: number): Report => ({
  ...of,
  throughput: {
    ...of.throughput,
    series: of.throughput.series.map((p, i) => (i === 50 ? { ...p, accepted: events } : p)),
  },
});
const audited = (missingCount: number): Report => ({
  ...base,
  audit: { checked: 100, found: 90, missing: ["a"], missingCount, excused: 0, acknowledged: 100 },
});
const relays = (...p50s: readonly number[]): Report => ({
  ...base,
  latency: {
    ...base.latency,
    byRelay: p50s.map((p50, i) => ({
      relay: `127.0.0.1:${i}`,
      service: { ...base.latency.service, p50 },
    })),
  },
});
const sized = (small: number, large: number): Report => {
  const of = (meanBytes: number, p50: number) => ({
    accepted: 500,
    meanBytes,
    response: base.latency.response,
    service: { ...base.latency.service, count: 500, p50 },
  });
  return {
    ...base,
    latency: { ...base.latency, byEvent: { view: of(800, small), video: of(2_000, large) } },
  };
};
const service = (min: number, p50: number, p90: number, p99: number, of = base) =>
  timed("service", { min, p50, p90, p99 }, of);
const profiled = (name: string): Profile => ({
  source: "perf",
  process: "relay",
  samples: 10,
  functions: [{ name, file: null, selfPercent: 60 }],
});

const length = base.throughput.series.length;
/** 100 ms in one slice of so many, for so many of its events; 2 ms in the others. */
const spikes = (isSpike: (i: number) => boolean, peak = 100, slow = 10) =>
  series((_, i) => ({
    p50: 1,
    p99: isSpike(i) ? peak : 2,
    scheduleLagP99: 0.5,
    responseBuckets: isSpike(i) ? [bucketOf(peak), slow] : [],
  }));
function bucketOf(ms: number): number {
  let index = 0;
  while (coarseLowerMs(index + 1) <= ms) index++;
  return index;
}
/** Open connections and answers until a slice, none from it on. */
const endingAt = (end: number, openThen: number, of: Report): Report => ({
  ...of,
  throughput: {
    ...of.throughput,
    series: of.throughput.series.map((point, i) =>
      i < end ? point : { ...point, connectionsOpen: openThen, p50: null },
    ),
  },
});
const away = linked({ dropped: 20 });
const silent = totals({ timedOut: 50 });
const elsewhere = (connectMin: number, of: Report): Report =>
  timed("connect", { min: connectMin }, { ...of, run: { ...of.run, sameHost: false } });
const refusedThen = (code: string): Report => ({
  ...linked(
    { failed: 8 },
    series(() => ({ connectionsOpen: 12 })),
  ),
  errors: errors(["connect", code, 8]).errors,
});
const threaded = (busiestThreadPercent: number, of: Report = busy): Report =>
  sampled(
    (of.resources?.samples ?? []).map((sample) => ({ ...sample, busiestThreadPercent })),
    of,
  );
const anonymous = (perSample: number): Report =>
  sampled(
    Array.from({ length: 8 }, (_, i) =>
      sampleOf({
        t: i + 0.5,
        process: "relay",
        rssBytes: (100 + i * 10) * 1e6,
        anonBytes: (50 + i * perSample) * 1e6,
      }),
    ),
  );
const starved = (waited: number, cpuPercent: number, busiestThreadPercent = 60): Report =>
  sampled(
    [1, 2, 3].flatMap((t) => [
      sampleOf({ t, process: "host", cpuPercent: 100 }),
      sampleOf({
        t,
        process: "relay",
        cpuPercent,
        busiestThreadPercent,
        waitedForCpuPercent: waited,
      }),
    ]),
    timed("service", { p99: 20 }),
  );
const typed = (...p50s: readonly number[]): Report => ({
  ...base,
  latency: {
    ...base.latency,
    byEvent: Object.fromEntries(
      p50s.map((p50, i) => [
        `type${i}`,
        {
          accepted: 500,
          meanBytes: 500 * (i + 1),
          response: base.latency.response,
          service: { ...base.latency.service, count: 500, p50 },
        },
      ]),
    ),
  },
});
const many = base.totals.scheduled;
const busy = cpu(80, timed("service", { p99: 20 }));

/** Rule, a report that supports it, one on the other side of a bound of it. */
const table: readonly (readonly [id: string, found: Report, notFound: Report])[] = [
  ["lost-after-ok", audited(1), audited(0)],
  ["silent-drops", totals({ timedOut: 10, lateOk: 4 }), totals({ timedOut: 10, lateOk: 5 })],
  ["timeouts", totals({ timedOut: 10, lateOk: 5 }), totals({ timedOut: 10, lateOk: 4 })],
  ["rate-limited", errors(["reject", "rate-limited", 1]), errors(["reject", "blocked", 1])],
  ["rejected", errors(["reject", "blocked", 1]), errors(["reject", "rate-limited", 1])],
  [
    "connection-limit",
    linked(
      { failed: 8 },
      series(() => ({ connectionsOpen: 12 })),
    ),
    linked(
      { failed: 8 },
      series(() => ({ connectionsOpen: 20 })),
    ),
  ],
  [
    "connection-limit",
    linked(
      { dropped: 8 },
      series(() => ({ connectionsOpen: 12 })),
    ),
    linked(
      { dropped: 8 },
      series((_, i) => ({ connectionsOpen: i % 13 })),
    ),
  ],
  // Nobody listens, or the generator has no files left: no limit of the relay.
  ["connection-limit", refusedThen("handshake"), refusedThen("refused")],
  ["connection-limit", refusedThen("handshake"), refusedThen("files")],
  ["relay-gone", endingAt(40, 0, away), endingAt(40, 1, away)],
  ["relay-gone", endingAt(40, 0, away), endingAt(40, 0, linked({ dropped: 17 }))],
  ["stopped-answering", endingAt(length / 2, 20, silent), endingAt(length - 1, 20, silent)],
  [
    "stopped-answering",
    endingAt(length / 2, 20, silent),
    endingAt(length / 2, 20, totals({ timedOut: 50, lateOk: 3 })),
  ],
  // Answers near the timeout, and a few behind it: the run ended before the rest came.
  [
    "timeouts",
    timed("service", { p99: 500 }, totals({ timedOut: 10, lateOk: 1 })),
    timed("service", { p99: 499 }, totals({ timedOut: 10, lateOk: 1 })),
  ],
  [
    "silent-drops",
    timed("service", { p99: 900 }, totals({ timedOut: 10, lateOk: 0 })),
    timed("service", { p99: 900 }, totals({ timedOut: 10, lateOk: 1 })),
  ],
  // A few slow answers among fast ones are a tail: a stall holds up all that come meanwhile.
  ["stalls", spikes((i) => i % 15 === 5, 100, 5), spikes((i) => i % 15 === 5, 100, 4)],
  // Three at nearly even distances are chance.
  ["stalls", spikes((i) => i % 15 === 5), spikes((i) => i === 5 || i === 20 || i === 36)],
  ["cpu-bound", threaded(80), threaded(79)],
  ["cpu-bound", busy, { ...busy, config: { ...busy.config, relays: ["a:1", "b:2"] } }],
  // Of a relay that was started again, each life for itself.
  [
    "memory-growth",
    lived(memory(100, 110, 120, 130, 140, 150, 160, 170), 99),
    lived(memory(100, 110, 120, 130, 140, 150, 160, 170), 4),
  ],
  // What was accepted in the same time: here nearly all of it was before.
  [
    "memory-growth",
    memory(100, 110, 120, 130, 140, 150, 160, 170),
    acceptedIn(memory(100, 110, 120, 130, 140, 150, 160, 170), 8_000),
  ],
  // A cache that is full rises no more.
  [
    "memory-growth",
    memory(100, 110, 120, 130, 140, 150, 160, 170),
    memory(100, 112, 124, 138, 150, 165, 167, 169),
  ],
  // The pages of a mapped store come and go as the system likes.
  ["memory-growth", anonymous(10), anonymous(1)],
  [
    "memory-growth",
    memory(100, 110, 120, 130, 140, 150, 160, 170),
    memory(100, 150, 90, 180, 100, 190, 80, 200),
  ],
  [
    "fsync-floor",
    elsewhere(3.9, cpu(10, service(5, 6, 7, 9))),
    elsewhere(4, cpu(10, service(5, 6, 7, 9))),
  ],
  ["nagle-delay", cpu(10, service(38, 40, 48, 60)), cpu(10, service(38, 40, 48.1, 60))],
  ["size-latency", typed(2, 4, 8), typed(2, 20, 8)],
  ["host-full", starved(25, 60), starved(24, 60)],
  ["host-full", starved(25, 60), starved(25, 150)],
  ["host-full", starved(25, 60, 55), starved(25, 60, 54)],
  ["dropped-connections", linked({ dropped: 1 }), linked({ dropped: 0 })],
  ["slow-handshake", timed("connect", { p50: 100 }), timed("connect", { p50: 99 })],
  ["cpu-bound", busy, cpu(79, timed("service", { p99: 20 }))],
  // Between one core and all of them there is no telling which thread is busy.
  ["cpu-bound", busy, cpu(126, timed("service", { p99: 20 }, { ...base, run: eightCores() }))],
  ["stalls", spikes((i) => i % 15 === 5), spikes((i) => i === 5 || i === 20)],
  ["stalls", spikes((i) => i === 5, 150), spikes((i) => i === 5, 149)],
  [
    "memory-growth",
    memory(100, 110, 120, 130, 140, 150, 160),
    memory(100, 140, 150, 154, 156, 157, 158),
  ],
  [
    "memory-growth",
    memory(100, 110, 120, 130, 140, 150, 160),
    memory(100, 107, 114, 121, 128, 135, 142),
  ],
  [
    "slow-start",
    series((_, i) => ({ p50: i < length / 8 ? 9 : 3 })),
    series((_, i) => ({ p50: i < length / 8 ? 7.9 : 3 })),
  ],
  [
    "latency-drift",
    series((_, i) => ({ p50: 2 + (i / length) * 10 })),
    series((_, i) => ({ p50: i < length * 0.8 ? 2 + (i / length) * 10 : 2 })),
  ],
  ["slow-relay", relays(10, 20, 10), relays(10, 19, 10)],
  ["slow-relay", relays(1, 6.1), relays(1, 5.9)],
  ["size-latency", sized(2, 6), sized(2, 5.9)],
  ["fsync-floor", cpu(10, service(5, 6, 7, 9)), cpu(60, service(5, 6, 7, 9))],
  ["fsync-floor", cpu(10, service(5, 6, 7, 9)), cpu(10, service(5, 6, 10, 12))],
  ["group-commit", cpu(10, service(0.3, 15, 27, 29.7)), cpu(10, service(0.3, 15, 23, 29.7))],
  ["nagle-delay", cpu(10, service(38, 40, 41, 45)), cpu(10, service(33, 35, 36, 40))],
  [
    "addressable-contention",
    totals({ superseded: many / 100 }),
    totals({ superseded: many / 101 }),
  ],
  ["duplicates", totals({ duplicate: many / 200 }), totals({ duplicate: many / 201 })],
  ["protocol-faults", totals({ unknownOk: 1 }), totals({ unknownOk: 0 })],
  ["protocol-faults", totals({ malformedFrames: 1 }), totals({ malformedFrames: 0 })],
  ["queueing", unsent(1), unsent(0)],
  ["tail", timed("service", { p50: 5, p99: 50 }), timed("service", { p50: 5, p99: 49.9 })],
  ["tail", timed("service", { p50: 5, p99: 50 }), timed("service", { p50: 5.1, p99: 50 })],
  ["generator-near-limit", suspected(), base],
];

function eightCores(): Report["run"] {
  return { ...base.run, host: { ...base.run.host, cpus: 8 } };
}

function suspected(): Report {
  const signals = base.generator.signals.map((s) =>
    s.id === "scheduleLag" ? { ...s, state: "suspect" as const } : s,
  );
  return { ...base, generator: { ...base.generator, verdict: "suspect", signals } };
}

describe("the rules", () => {
  it("find nothing above what is worth knowing in the healthy run that the others start from", () => {
    for (const { id, find } of RULES) {
      const draft = find(viewOf(base));
      assert.ok(draft === null || draft.severity === "info", id);
    }
  });

  table.forEach(([id, found, notFound], i) => {
    it(`${id} has a bound (${i})`, () => {
      const draft = draftOf(id, found);
      assert.ok(draft, "not found where it is supported");
      assert.equal(draftOf(id, notFound), null, "found where it is not");
      assert.ok(draft.evidence.length > 0);
      assert.ok(draft.counterEvidence.length > 0, "nothing that speaks against it was looked at");
      assert.ok(draft.cost >= 0 && Number.isFinite(draft.cost), String(draft.cost));
      assert.doesNotMatch(JSON.stringify(draft), /NaN|undefined|Infinity/);
    });
  });

  it("are all in the table", () => {
    assert.deepEqual(
      RULES.map(({ id }) => id).filter((id) => !table.some(([known]) => known === id)),
      [],
    );
  });

  it("call a busy relay that keeps nobody waiting no fault", () => {
    assert.equal(draftOf("cpu-bound", cpu(95))?.severity, "info");
    assert.equal(draftOf("cpu-bound", busy)?.severity, "major");
    const all = cpu(700, timed("service", { p99: 20 }, { ...base, run: eightCores() }));
    assert.match(draftOf("cpu-bound", all)?.title ?? "", /all cores/);
  });

  it("name the function that a profile found, and send what touches keys to a review", () => {
    const draft = draftOf("cpu-bound", { ...busy, profile: profiled("JSON.parse") });
    assert.match(draft?.remediation ?? "", /Begin with `JSON\.parse`/);
    assert.ok(draft && !draft.labels.includes("requires-security-review"));
    const crypto = draftOf("cpu-bound", { ...busy, profile: profiled("secp256k1_ecmult") });
    assert.ok(crypto?.labels.includes("requires-security-review"));
    assert.doesNotMatch(crypto?.remediation ?? "", /algorithm|library|skip|disable/i);
  });

  it("are surer of one core where the thread was seen, and of a size where several types show it", () => {
    assert.equal(draftOf("cpu-bound", busy)?.confidence, "medium");
    assert.equal(draftOf("cpu-bound", threaded(95))?.confidence, "high");
    assert.equal(draftOf("size-latency", sized(2, 6))?.confidence, "low");
    assert.equal(draftOf("size-latency", typed(2, 4, 6, 8))?.confidence, "high");
  });

  it("call no text a matter of signatures that only sounds like one", () => {
    const labels = (text: string) => {
      const report = errors(["reject", "blocked", 1]);
      const withText = report.errors.map((e) => ({ ...e, example: text }));
      return draftOf("rejected", { ...report, errors: withText })?.labels ?? [];
    };
    assert.ok(labels("invalid: bad signature").includes("requires-security-review"));
    assert.ok(
      !labels("blocked: verified users only, by design").includes("requires-security-review"),
    );
  });

  it("call one event that found no place no major fault", () => {
    assert.equal(draftOf("queueing", unsent(1))?.severity, "minor");
    assert.equal(draftOf("queueing", unsent(many / 100))?.severity, "major");
  });

  it("call a design floor no overload", () => {
    assert.equal(draftOf("fsync-floor", cpu(10, service(5, 6, 7, 9)))?.severity, "info");
    assert.equal(draftOf("group-commit", cpu(10, service(0.3, 15, 27, 29.7)))?.severity, "info");
  });

  it("say a stall's period, and leave the generator's own stalls out", () => {
    const { sliceSec } = base.throughput;
    const draft = draftOf(
      "stalls",
      spikes((i) => i % 15 === 5),
    );
    assert.match(draft?.title ?? "", new RegExp(`every ${(15 * sliceSec).toFixed(1)} s`));
    const own = series((_, i) =>
      i % 15 === 5 ? { p99: 100, scheduleLagP99: 60 } : { p99: 2, scheduleLagP99: 0.5 },
    );
    assert.equal(draftOf("stalls", own), null);
  });

  it("find nothing in a report without a window, samples or answers", () => {
    const empty: Report = {
      ...base,
      throughput: { ...base.throughput, series: [] },
      resources: null,
      errors: [],
    };
    for (const { find } of RULES) assert.equal(find(viewOf(empty)), null);
  });
});
