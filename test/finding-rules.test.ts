/** Each rule on either side of its bounds: a healthy run's report with one figure changed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CLASSES, type CountsOf } from "../src/measure/classes.ts";
import { coarseLowerMs } from "../src/measure/histogram.ts";
import { messagePrefix } from "../src/nostr/ok.ts";
import { reasonOf } from "../src/nostr/reason.ts";
import type { FanoutPlan } from "../src/plan/fanout.ts";
import { deliveryOf, publishOf, queryOf, setOf } from "../src/report/class-report.ts";
import { RULES, withFindings } from "../src/report/findings/engine.ts";
import { viewOf } from "../src/report/findings/view.ts";
import { pointsOf, type SeriesPoint } from "../src/report/points.ts";
import { summarize } from "../src/report/summary.ts";
import type { LatencySummary } from "../src/report/times.ts";
import type {
  Ends,
  Profile,
  Report,
  ReportError,
  ResourceSample,
  SlowReaders,
} from "../src/report/types.ts";
import { zerosOf } from "../src/report/zeros.ts";
import { asQueries } from "./fixtures/reports/as-queries.ts";
import { withClass, withTotals } from "./fixtures/reports/figures.ts";
import { changePoints, withPoints } from "./fixtures/reports/points.ts";
import { histogramOf, sampleOf } from "./fixtures/reports/run.ts";

const file = new URL("fixtures/reports/situations/healthy.json", import.meta.url);
const base = JSON.parse(readFileSync(file, "utf8")) as Report;

const calm = JSON.parse(readFileSync(new URL("healthy-connections.json", file), "utf8")) as Report;

const draftOf = (id: string, report: Report) =>
  RULES.find((rule) => rule.id === id)?.find(viewOf(report)) ?? null;

const totals = (members: Partial<CountsOf<"publish">>, of = base): Report =>
  withTotals("publish", members, of);
const linked = (members: Partial<CountsOf<"connection">>, of = base): Report =>
  withTotals("connection", members, of);
const framed = (members: Partial<Report["frames"]>, of = base): Report => ({
  ...of,
  frames: { ...of.frames, ...members },
});
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
): Report => {
  if (kind === "connect") {
    const { times } = of.classes.connection;
    const connect = { ...times.connect, ...members };
    return withClass("connection", { times: { ...times, connect } }, of);
  }
  const { times } = publishOf(of);
  const changed = { ...times, [kind]: { ...times[kind], ...members } };
  return withClass("publish", { times: changed }, of);
};
const series = (
  change: (point: SeriesPoint, i: number) => Partial<SeriesPoint>,
  of = base,
): Report => changePoints(change, of);
const accepting = (done: number, of: Report): Report =>
  withClass("publish", { rate: { ...publishOf(of).rate, done } }, of);
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
const acceptedIn = (of: Report, events: number): Report =>
  series((_, i) => (i === 50 ? { accepted: events } : {}), of);
const audited = (missingCount: number): Report => ({
  ...base,
  audit: { checked: 100, found: 90, missing: ["a"], missingCount, excused: 0, acknowledged: 100 },
});
/** The relay's own counter, so many beside what was sent. */
const counting = (off: number): Report => {
  const { totals: sent, warmup } = publishOf(base);
  const last = 7 + sent.attempted + (warmup?.attempted ?? Number.NaN) + off;
  const relayMetrics = [{ name: "nostr_cmd_event_total", first: 7, last }];
  return { ...base, resources: { samples: [], relayProcess: null, relayMetrics, notMeasured: [] } };
};
/** The relay's own counter of what it sent to subscriptions, where 10,000 frames came. */
const sending = (last: number): Report => {
  const relayMetrics = [{ name: 'nostr_events_sent_total{source="realtime"}', first: 0, last }];
  const of = fanned({});
  return { ...of, resources: { samples: [], relayProcess: null, relayMetrics, notMeasured: [] } };
};
const storing = (delta: number, kind = 1, members: Partial<Report> = {}): Report => {
  const row = { kind, accepted: 100, expectedStored: 100, deleted: 0, counted: 100 + delta, delta };
  const { audit } = audited(0);
  return {
    ...base,
    audit: audit && { ...audit, stored: { kinds: [row], why: null } },
    ...members,
  };
};
const relays = (...p50s: readonly number[]): Report => {
  const { service } = publishOf(base).times;
  const byRelay = p50s.map((p50, i) => ({
    relay: `127.0.0.1:${i}`,
    service: { ...service, p50 },
  }));
  return withClass("publish", { byRelay }, base);
};
/** Types of so many bytes, each with the median of its service times. */
const typedOf = (types: readonly (readonly [name: string, meanBytes: number, p50: number])[]) => {
  const { response, service } = publishOf(base).times;
  const of = withClass(
    "publish",
    {
      rows: Object.fromEntries(
        types.map(([name, , p50]) => [
          name,
          {
            totals: { ...zerosOf("publish"), accepted: 500 },
            times: { response, service: { ...service, count: 500, p50 } },
          },
        ]),
      ),
    },
    base,
  );
  return pooling(
    types.map(([name, meanBytes]) => [name, { kinds: [], meanBytes }]),
    of,
  );
};
type PoolTypes = Report["config"]["pool"]["types"];
const pooling = (types: readonly (readonly [string, PoolTypes[string]])[], of: Report): Report => ({
  ...of,
  config: { ...of.config, pool: { ...of.config.pool, types: Object.fromEntries(types) } },
});
const sized = (small: number, large: number): Report =>
  typedOf([
    ["view", 800, small],
    ["video", 2_000, large],
  ]);
const service = (min: number, p50: number, p90: number, p99: number, of = base) =>
  timed("service", { min, p50, p90, p99 }, of);
const proxied = (cpuPercent: number, before = base): Report => {
  const of = sampled([sampleOf({ t: 1, process: "proxy", cpuPercent })], before);
  const proxy = { name: "docker-proxy", pids: [7] };
  return { ...of, resources: of.resources && { ...of.resources, proxy } };
};
/** The one query of a run beside its publishes: its times, and what became of it. */
const querying = (counts: Partial<CountsOf<"query">>, time: LatencySummary, of: Report): Report => {
  const totals = { ...zerosOf("query"), ...counts };
  const times = { ...queryOf(of).times, response: time, service: time };
  const feed = { totals, times };
  return withClass("query", { ...queryOf(of), totals, times, rows: { feed } }, of);
};
/** One query beside publishes of 2 ms: its service times, and what became of it. */
const asked = (
  times: Partial<LatencySummary>,
  counts: Partial<CountsOf<"query">> = {},
  of = service(1, 2, 3, 4),
): Report =>
  querying(
    { scheduled: 200, sent: 200, eose: 200, rows: 4_000, ...counts },
    { ...publishOf(of).times.service, count: 200, min: 1, ...times },
    of,
  );
const profiled = (name: string): Profile => ({
  source: "perf",
  process: "relay",
  samples: 10,
  functions: [{ name, file: null, selfPercent: 60 }],
});

const { length } = pointsOf(base);
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
const endingAt = (end: number, openThen: number, of: Report): Report =>
  series((_, i) => (i < end ? {} : { connectionsOpen: openThen, p50: null }), of);
/** How connections ended: `[ms, count]` of each time. */
type Times = readonly (readonly [ms: number, count: number])[];
const timesOf = (times: Times): LatencySummary =>
  summarize(
    histogramOf(...times.flatMap(([ms, count]) => Array.from({ length: count }, () => ms))),
  );
const ended = (
  {
    quiet = [],
    life,
    ...members
  }: Partial<Omit<Ends, "quiet" | "life">> & {
    readonly quiet?: Times;
    readonly life: Times;
  },
  of = base,
): Report => {
  const lives = timesOf(life);
  const silences = timesOf(quiet);
  const none = { unproven: 0, onPublish: 0, answers: [], firstAtSec: 1, lastAtSec: 7 };
  const ends: Ends = { ...none, quiet: silences, unused: silences, life: lives, ...members };
  return { ...linked({ dropped: lives.count, reconnected: lives.count }, of), ends };
};
const answered = (status: number | null, text = "", of = base): Report => ({
  ...of,
  handshakes: { asked: 3, answers: [{ status, text, count: 3 }] },
});
const answeredBy = (
  by: { readonly by?: string; readonly isOwn?: true; readonly via?: string },
  status: number,
  of: Report,
): Report => ({
  ...of,
  handshakes: { asked: 3, answers: [{ status, text: "", ...by, count: 3 }] },
});
/** Twelve held, and the relay has so many open files of those that it may have. */
const filed = (openFiles: number, relayFileLimit: number): Report => {
  const of = sampled([sampleOf({ t: 1, process: "relay", openFiles })], limited("handshake"));
  return { ...of, resources: of.resources && { ...of.resources, relayFileLimit } };
};
const provenFrom = (from: number, most: number, of = base): Report =>
  series((_, i) => ({ connectionsProven: i < from ? 0 : most }), of);
const noneProven = (of: Report) => provenFrom(0, 0, of);
/** None open, so many handshakes failed in this way. */
const unreached = (code: string, failed = 8): Report => ({
  ...linked(
    { failed, opened: 0 },
    series(() => ({ connectionsOpen: 0, connectionsProven: 0 })),
  ),
  errors: errors(["connect", code, failed]).errors,
});
/** Connections that had no EOSE in time. */
const muted = (mute: number): Report => ({
  ...linked({ asked: 20, mute }),
  errors: errors(["timeout", "no EOSE", mute]).errors,
});
/** By phase: so many ms at the median, of how many. */
const phased = (
  phases: Readonly<Record<string, readonly [p50: number, count: number]>>,
  time: "connect" | "usable" = "connect",
): Report => {
  const { totals, times } = base.classes.connection;
  const rows = Object.fromEntries(
    Object.entries(phases).map(([phase, [p50, count]]) => {
      // What is due together waits for its turn: that is in both, and in no finding.
      const turn = { ...times.response, p50: 1_000 };
      const waited = time === "usable" ? p50 + 1_000 : p50;
      const own = { ...times, response: turn, [time]: { ...times[time], count, p50: waited } };
      return [phase, { totals, times: own }] as const;
    }),
  );
  return withClass("connection", { rows }, base);
};
/** Handshakes, or first answers, of so many ms at the median as clients came back, and as they came. */
const herd = (backMs: number, calmMs: number, count = 50, time?: "connect" | "usable"): Report =>
  phased({ ramp: [calmMs, 50], recovery: [backMs, count] }, time);
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
/** Twelve held, and eight refused in this way. */
const limited = (code: string): Report => provenFrom(0, 12, refusedThen(code));
/** Those it has no room for closed by these. */
const closedBy = (counts: Readonly<Record<string, number>>): Report => ({
  ...limited("handshake"),
  errors: errors(...Object.entries(counts).map(([code, count]) => ["close", code, count] as const))
    .errors,
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
      sampleOf({ t, process: "generator", cpuPercent: 20 }),
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
/** Relay, generator and host of two cores, percent. */
const beside = (relay: number, generator: number, host: number, of = base): Report =>
  sampled(
    [1, 2, 3].flatMap((t) => [
      sampleOf({ t, process: "host", cpuPercent: host }),
      sampleOf({ t, process: "generator", cpuPercent: generator }),
      sampleOf({ t, process: "relay", cpuPercent: relay, busiestThreadPercent: relay / 4 }),
    ]),
    { ...of, run: { ...of.run, host: { ...of.run.host, cpus: 2 } } },
  );
/** Of what is sent each second so many events stay in the relay, and so many are sent of those due. */
const slower = (answered: number, sent = 1, of = base): Report => {
  const { scheduled } = publishOf(of).totals;
  const perSlice = scheduled / pointsOf(of).length;
  const cut = (share: number, i: number) =>
    Math.round((i + 1) * perSlice * share) - Math.round(i * perSlice * share);
  const unsent = Math.round((1 - sent) * scheduled);
  return series(
    (_, i) => ({ attempted: cut(sent, i), accepted: cut(answered, i) }),
    accepting(publishOf(of).rate.done * answered, totals({ backpressure: unsent }, of)),
  );
};
/** With two places a connection, all taken; the fastest answer and the median in ms. */
const full = (min: number, p50: number): Report => {
  const few = slower(0.6, 0.625);
  const report = timed(
    "service",
    { min, p50 },
    { ...few, config: { ...few.config, maxInFlight: 2 } },
  );
  return report;
};
const typed = (...p50s: readonly number[]): Report =>
  typedOf(p50s.map((p50, i) => [`type${i}`, 500 * (i + 1), p50]));
const said = (errorClass: string, text: string, count = 1, of = base): Report => ({
  ...of,
  errors: [
    ...of.errors,
    {
      class: errorClass,
      code: messagePrefix(text),
      reason: reasonOf(text),
      count,
      share: null,
      firstAtSec: 0,
      example: text,
      stack: null,
    },
  ],
});
const toldBy = (errorClass: string, words: number, timedOut: number, text = "too old"): Report =>
  said(errorClass, text, words, totals({ timedOut }));
/** Of `typing` so many without an OK and with one, and of `view` without. */
const unansweredOf = (silent: number, accepted: number, others = 0): Report => {
  const { times } = publishOf(base);
  const rowsOf = (accepted: number) => ({
    totals: { ...zerosOf("publish"), accepted },
    times,
  });
  const rows = { typing: rowsOf(accepted), view: rowsOf(900) };
  return {
    ...pooling(
      [
        ["typing", { kinds: [20_001], meanBytes: 400 }],
        ["view", { kinds: [30_079], meanBytes: 400 }],
      ],
      withClass("publish", { rows }, totals({ timedOut: silent + others })),
    ),
    errors: [
      {
        class: "timeout",
        code: "no OK",
        reason: null,
        count: silent + others,
        share: null,
        firstAtSec: 0,
        example: "no OK",
        stack: null,
        byType: { typing: silent, view: others },
      },
    ],
  };
};
/** 50 events/s of 200, evenly, by a relay that does nothing. */
const slept = ({
  cpuPercent = 5,
  min = 1,
  p99 = 900,
  diskWriteBytesPerSec = 0,
  rateEps = 200,
  burst = 0,
}: {
  /** Slices at the start in which it keeps up. */
  readonly burst?: number;
  readonly cpuPercent?: number;
  readonly min?: number;
  readonly p99?: number;
  readonly diskWriteBytesPerSec?: number;
  readonly rateEps?: number;
}): Report => {
  const { sliceSec } = base.run;
  const even = series((_, i) => ({ accepted: i < burst ? rateEps * sliceSec : 5 }));
  const of = sampled(
    [1, 2, 3].map((t) => sampleOf({ t, process: "relay", cpuPercent, diskWriteBytesPerSec })),
    timed("service", { min, p50: 300, p99 }, even),
  );
  return accepting(50, { ...of, config: { ...of.config, rateEps } });
};
const cutSets = (partial: number, complete: number): Report => {
  const of = said("reject", "rate-limited: x", partial);
  const totals = { ...zerosOf("set"), started: partial + complete, complete, partial };
  const times = { completion: publishOf(base).times.response };
  return withClass(
    "set",
    {
      ...setOf(of),
      totals,
      rows: { video: { totals, times } },
      lacking: { video: [{ part: 1, kinds: [1_063], count: partial }] },
    },
    of,
  );
};
const readLate = (of: Report, p99: number): Report => ({
  ...of,
  generator: { ...of.generator, loopLag: { ...of.generator.loopLag, p99 } },
});
const queried = (counts: Partial<CountsOf<"query">>, notices = 0): Report => {
  const words = counts.closed ? said("closed", "too many subscriptions") : base;
  const of = notices === 0 ? words : said("notice", "too many REQs", notices);
  return querying(
    { scheduled: 100, sent: 100, eose: 100, rows: 2_000, ...counts },
    publishOf(base).times.service,
    of,
  );
};
type Shape = Partial<CountsOf<"query">> & { readonly p50?: number };
/** A run that only queried: by shape what differs from a hundred right answers of twenty rows in 2 ms. */
const shaped = (shapes: Readonly<Record<string, Shape>>, of = base): Report => {
  const { times } = queryOf(of);
  const { service } = publishOf(base).times;
  const report = asQueries(of);
  const rows = Object.fromEntries(
    Object.entries(shapes).map(([name, { p50 = 2, ...counts }]) => {
      const { eose = 100, wrong = 0, short = 0, truncated = 0, rows = 2_000 } = counts;
      const { notMatching = 0, duplicate = 0 } = counts;
      const totals: CountsOf<"query"> = {
        ...zerosOf("query"),
        ...{ scheduled: 100, sent: 100, eose, rows },
        right: eose - wrong - short - truncated,
        matching: rows - notMatching - duplicate,
        ...counts,
      };
      const own = { ...service, count: totals.eose, p50, p90: p50 * 2, p99: p50 * 3, mean: p50 };
      return [name, { totals, times: { ...times, service: own, response: own } }];
    }),
  );
  const totals = { ...zerosOf("query") } as Record<keyof CountsOf<"query">, number>;
  for (const row of Object.values(rows)) {
    for (const column of Object.keys(totals) as (keyof CountsOf<"query">)[]) {
      totals[column] += row.totals[column];
    }
  }
  return withClass("query", { ...queryOf(report), totals, rows }, report);
};
/** The relay announces so many rows at most. */
const announcing = (max_limit: number | null, of: Report): Report => ({
  ...of,
  run: {
    ...of.run,
    relays: [
      {
        ...{ label: "127.0.0.1:7777", address: "127.0.0.1", software: null, version: null },
        limits: { max_subscriptions: null, max_filters: null, max_limit },
      },
    ],
  },
});
/** Publishes and queries side by side, slice by slice: how many are due, and the p99 of each. */
const inTurns = (
  change: (i: number) => {
    readonly queries: number;
    readonly publishes?: number;
    readonly publishMs?: number;
    readonly queryMs?: number;
  },
): Report => {
  const { series: points } = publishOf(base);
  const none = { count: 0, p50: null, p90: null, p95: null, p99: null, p999: null };
  const pointOf = (p99: number) => ({ ...none, count: 1, p50: p99, p99 });
  const of = withClass(
    "publish",
    {
      series: points.map((point, i) => {
        const { publishes = 20, publishMs = 2 } = change(i);
        return {
          ...point,
          counts: { ...point.counts, scheduled: publishes },
          times: { response: pointOf(publishMs), service: pointOf(publishMs) },
        };
      }),
    },
    base,
  );
  const series = points.map(({ t, buckets, lagP99 }, i) => {
    const { queries, queryMs = 2 } = change(i);
    return {
      ...{ t, buckets, lagP99, rows: {} },
      counts: { ...zerosOf("query"), scheduled: queries },
      times: {
        ...{ response: pointOf(queryMs), service: pointOf(queryMs) },
        ...{ firstEvent: none, page: none },
      },
    };
  });
  const totals = { ...zerosOf("query"), scheduled: 1_000, sent: 1_000, eose: 1_000 };
  return withClass("query", { ...queryOf(of), totals, series }, of);
};
const isMany = (slice: number) => slice % 8 < 4;
const rising = (of: Report): Report => series((_, i) => ({ serviceP50: 2 + i }), of);
/** A relay at 200 events/s with so many connections open. */
const idling = (open: number, cpuPercent: number): Report => {
  const of = cpu(
    cpuPercent,
    timed(
      "service",
      { p99: 20 },
      series(() => ({ connectionsOpen: open })),
    ),
  );
  return accepting(200, of);
};
/** With so many connections opened between two looks the relay has so many MB more. */
const grown = (open: number, megabytes: number): Report =>
  sampled(
    [-5, 1].map((t) =>
      sampleOf({
        t,
        process: "relay",
        rssBytes: 9e8,
        anonBytes: (t < 0 ? 100 : 100 + megabytes) * 1e6,
      }),
    ),
    series(() => ({ connectionsOpen: open })),
  );
/** By the slope over a ramp to so many connections: at the least so many bytes each. */
const sloped = (open: number, low: number): Report => {
  const nothing = {
    ...{ handshakeCpuMs: null, heldCpuUsPerSec: null, openFiles: null },
    ...{ pulses: [], why: null },
  };
  const look = { t: 9, open, memoryBytes: 1e8, openFiles: null, cpuPercent: null };
  const memoryBytes = { value: low * 1.1, low, high: low * 1.2, looks: 12 };
  return {
    ...base,
    connectionCosts: { ...nothing, memoryBytes, memoryOf: "anonymous", looks: [look] },
  };
};
/** So many handshakes took a millisecond, and so many 1.05 s, and the kernel counted. */
const queued = (late: number, listenOverflows: number | null, ofRelay = true): Report => {
  const connect = timesOf([
    [1, 50],
    [1_050, late],
  ]);
  const none = { listenDrops: null, synCookies: null, synRetransmits: late, timeWait: null };
  const of = timed("connect", connect, sampled([]));
  const kernel = { ...none, ofRelay, listenOverflows };
  return { ...of, resources: of.resources && { ...of.resources, kernel } };
};
const p95 = "nostr_publish_response_time";
const crossed: Report = {
  ...base,
  thresholds: [
    { metric: p95, expression: "p(95)<500", value: 2_580, ok: false },
    { metric: p95, expression: "p(99)<1000", value: 990, ok: true },
  ],
};
const slow = timed("service", { p99: 20 });
const many = publishOf(base).totals.scheduled;
const busy = cpu(80, timed("service", { p99: 20 }));

/** Rule, a report that supports it, one on the other side of a bound of it. */
/** Of a run that fans out: totals and times of deliveries. */
const fanned = (
  totals: Partial<CountsOf<"delivery">>,
  medians: Readonly<Record<string, Partial<LatencySummary>>> = {},
  of = base,
): Report => {
  const { delivery: row } = CLASSES;
  const none = deliveryOf(base);
  const due = { due: 10_000, delivered: 10_000, frames: 10_000 };
  const changed = Object.fromEntries(
    Object.keys(row.times).map((time) => [time, { ...none.times.response, ...medians[time] }]),
  ) as unknown as typeof none.times;
  const delivery = { ...none, totals: { ...none.totals, ...due, ...totals }, times: changed };
  return { ...of, classes: { ...of.classes, delivery } };
};
const ticking = (p90: number) =>
  fanned({}, { bursts: { count: 50, min: 90, p50: 100, p90 }, service: { p50: 50, p99: 99 } });
const held = (ms: number) => fanned({}, { okAlone: { p50: 4 }, okBeside: { p50: ms } });
/** From 4.8 s of the 8 on there is more of something: what a slice of 0.1 s has before it, and beside it. */
const staged = (
  plan: Partial<FanoutPlan>,
  beside: { readonly ok?: number; readonly okMs?: number; readonly deliveryMs?: number },
  relay: Partial<ResourceSample> = {},
  before: Partial<ResourceSample> = { rssBytes: 50e6, cpuPercent: 20 },
): Report => {
  const isBefore = (t: number) => t < 4.75;
  const published = publishOf(base).series.map((point) => {
    const [ok, p50] = isBefore(point.t) ? [20, 4] : [beside.ok ?? 20, beside.okMs ?? 4];
    const { service } = point.times;
    return {
      ...point,
      counts: { ...point.counts, accepted: ok },
      times: { ...point.times, service: { ...service, p50 } },
    };
  });
  const { service: no } = publishOf(base).times;
  const delivered = published.map(({ t, times }) => ({
    ...{ t, buckets: [], lagP99: null },
    counts: { ...zerosOf("delivery"), delivered: 200 },
    times: {
      ...(Object.fromEntries(
        Object.keys(CLASSES.delivery.times).map((time) => [time, { ...times.response, p50: 0 }]),
      ) as unknown as ReturnType<typeof deliveryOf>["series"][0]["times"]),
      response: { ...no, p999: 0, p50: isBefore(t) ? 4 : (beside.deliveryMs ?? 4) },
    },
  }));
  const sampling = Array.from({ length: 16 }, (_, i) => (i + 1) / 2).map((t) =>
    sampleOf({ t, process: "relay", ...(isBefore(t) ? before : { ...before, ...relay }) }),
  );
  const of = withClass("publish", { series: published }, fanned({}, {}, sampled(sampling)));
  const fanout = { ...FANOUT, ...plan };
  return {
    ...withClass("delivery", { series: delivered }, of),
    config: { ...base.config, fanout },
  };
};
const FANOUT: FanoutPlan = {
  ...{ subscribers: 40, publishers: 10, subsPerConnection: 1, fanout: 10, decoys: 0 },
  ...{ filter: "author", events: "note", deliveryTimeoutMs: 1_000, baseline: 0.2, echo: false },
  ...{ slowReaders: 0, slowReaderRate: 0 },
};
const slowly = (
  beside: Parameters<typeof staged>[1],
  rssBytes?: number,
  members: Partial<SlowReaders> = {},
): Report => ({
  ...staged({ slowReaders: 2 }, beside, rssBytes === undefined ? {} : { rssBytes }),
  slowReaders: {
    ...{ readers: 2, bytesPerSec: 0, topics: 4, topicsEach: 4, subscriptions: 1, fromSec: 4.8 },
    ...{ opened: 2, refused: [], bytes: 0, drainedBytes: 0, frames: 0, heldBytes: 0, ends: [] },
    ...members,
  },
});
const decoyed = (cpuPercent: number, before: number) =>
  staged({ decoys: 1_000 }, {}, { cpuPercent }, { cpuPercent: before });
const table: readonly (readonly [id: string, found: Report, notFound: Report])[] = [
  ["lost-after-ok", audited(1), audited(0)],
  ["relay-counts", counting(-1), counting(0)],
  ["relay-counts", counting(1), counting(0)],
  ["relay-counts", sending(10_001), sending(10_000)],
  ["relay-counts", sending(9_999), sending(10_000)],
  ["not-stored", storing(-1), storing(0)],
  ["not-stored", storing(-1), storing(1)],
  [
    "silent-drops",
    framed({ lateOk: 4 }, totals({ timedOut: 10 })),
    framed({ lateOk: 5 }, totals({ timedOut: 10 })),
  ],
  [
    "timeouts",
    framed({ lateOk: 5 }, totals({ timedOut: 10 })),
    framed({ lateOk: 4 }, totals({ timedOut: 10 })),
  ],
  ["rate-limited", said("reject", "Rate limit exceeded"), said("reject", "blocked: banned")],
  ["refused-by-policy", said("reject", "blocked: banned"), said("reject", "blocked: kind 7")],
  ["kind-refused", said("reject", "blocked: kind 7"), said("reject", "blocked: banned")],
  ["too-large", said("reject", "invalid: too large"), said("reject", "invalid: too old")],
  ["too-old", said("reject", "invalid: too old"), said("reject", "in the future")],
  ["too-new", said("reject", "in the future"), said("reject", "invalid: too old")],
  ["storage-errors", said("reject", "error: disk full"), said("reject", "error: busy")],
  ["busy-refusals", said("reject", "error: busy"), said("reject", "error: disk full")],
  ["auth-wanted", said("reject", "please authenticate"), said("reject", "please pay")],
  ["payment-wanted", said("reject", "please pay"), said("reject", "please authenticate")],
  ["proof-of-work-wanted", said("reject", "pow: 20"), said("reject", "please pay")],
  ["relay-stopping", said("reject", "error: shutting down"), said("reject", "error: busy")],
  ["signatures-refused", said("reject", "invalid: bad signature"), said("reject", "invalid: x")],
  ["unheard-kinds", said("reject", "mute: nobody listens"), said("reject", "error: x")],
  ["rejected", said("reject", "error: x"), said("reject", "Rate limit exceeded")],
  // Words for what was left unanswered; with an answer for all, a NOTICE is no refusal.
  ["refused-by-notice", toldBy("notice", 3, 10), toldBy("notice", 2, 10)],
  ["refused-by-notice", toldBy("notice", 3, 10), toldBy("notice", 3, 0)],
  ["refused-by-notice", toldBy("notice", 3, 10), toldBy("notice", 30, 10, "hello, client")],
  ["refused-without-id", toldBy("unknownOk", 3, 10), toldBy("unknownOk", 2, 10)],
  ["refused-without-id", toldBy("unknownOk", 3, 10), toldBy("unknownOk", 3, 0)],
  ["unanswered-kinds", unansweredOf(95, 5), unansweredOf(94, 6)],
  ["unanswered-kinds", unansweredOf(90, 0, 10), unansweredOf(89, 0, 11)],
  ["throttled", slept({}), slept({ cpuPercent: 30 })],
  ["throttled", slept({}), slept({ min: 7 })],
  ["throttled", slept({}), slept({ p99: 249 })],
  ["throttled", slept({}), slept({ diskWriteBytesPerSec: 2e7 })],
  ["throttled", slept({}), slept({ rateEps: 52 })],
  // A burst is let through for a third of the window; for all but its last part nothing is seen to be held.
  [
    "throttled",
    slept({ burst: Math.floor(length / 3) }),
    slept({ burst: Math.floor(length * 0.9) }),
  ],
  ["sets-cut", cutSets(5, 20), cutSets(4, 16)],
  ["sets-cut", cutSets(20, 80), cutSets(20, 81)],
  ["queries-refused", queried({ closed: 1 }), queried({ closed: 0 })],
  ["queries-refused", queried({ timedOut: 10 }, 3), queried({ timedOut: 10 }, 2)],
  ["sent-behind-eose", queried({ rowsBehind: 101 }), queried({ rowsBehind: 100 })],
  // Of what was given up the rows come late, twenty a feed.
  [
    "sent-behind-eose",
    queried({ rowsBehind: 121, timedOut: 1 }),
    queried({ rowsBehind: 120, timedOut: 1 }),
  ],
  // Where answers wait for half a second to be read, new events come before the CLOSE does.
  ["sent-behind-eose", queried({ rowsBehind: 101 }), readLate(queried({ rowsBehind: 101 }), 500)],
  ["auth-challenge", errors(["auth", "challenge", 4]), errors(["notice", "other", 4])],
  [
    "auth-challenge",
    linked({ asked: 20, usable: 10, refused: 10 }, errors(["auth", "challenge", 20])),
    linked({ asked: 20, usable: 9, refused: 11 }, errors(["auth", "challenge", 20])),
  ],
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
  [
    "connection-limit",
    provenFrom(length / 2, 12, ended({ life: [[2, 8]], unproven: 8 })),
    // Reached at the very end only.
    provenFrom(length * 0.8, 12, ended({ life: [[2, 8]], unproven: 8 })),
  ],
  ["connection-limit", limited("handshake"), answered(429, "", limited("handshake"))],
  [
    "address-limit",
    answered(429, "", limited("handshake")),
    answered(403, "", limited("handshake")),
  ],
  ["handshake-refused", answered(404, "", unreached("handshake")), answered(429)],
  ["handshake-refused", answered(401, "", unreached("handshake")), answered(101)],
  ["handshake-refused", answered(200, "", unreached("handshake")), answered(302)],
  // Some were let in by the same path: a limit.
  ["handshake-refused", noneProven(answered(403)), answered(403, "", limited("handshake"))],
  ["proxy-without-relay", answered(502, "", limited("handshake")), answered(404)],
  ["proxy-without-relay", noneProven(answered(503)), answered(503, "", limited("handshake"))],
  ["redirected", answered(301, "wss://elsewhere:443/"), answered(null, "ECONNREFUSED")],
  ["unreachable", unreached("refused"), linked({ failed: 8 })],
  ["unreachable", unreached("reset"), unreached("files")],
  ["unreachable", unreached("handshake"), answered(502, "", unreached("handshake"))],
  [
    "idle-timeout",
    ended({ life: [[2_050, 10]], quiet: [[2_000, 10]] }),
    ended({ life: [[990, 10]], quiet: [[950, 10]] }),
  ],
  [
    "idle-timeout",
    ended({ life: [[2_050, 10]], quiet: [[2_000, 8]] }),
    ended({ life: [[2_050, 10]], quiet: [[2_000, 7]] }),
  ],
  [
    "idle-timeout",
    ended({
      life: [[2_050, 20]],
      quiet: [
        [2_000, 12],
        [2_480, 8],
      ],
    }),
    ended({
      life: [[2_050, 20]],
      quiet: [
        [2_000, 12],
        [2_560, 8],
      ],
    }),
  ],
  // All at one moment: a restart.
  [
    "idle-timeout",
    ended({ life: [[2_050, 10]], quiet: [[2_000, 10]], lastAtSec: 1.5 }),
    ended({ life: [[2_050, 10]], quiet: [[2_000, 10]], lastAtSec: 1.4 }),
  ],
  [
    "lifetime-limit",
    ended({
      life: [[3_000, 10]],
      quiet: [
        [200, 5],
        [2_000, 5],
      ],
    }),
    ended({ life: [[3_000, 10]], quiet: [[2_900, 10]] }),
  ],
  [
    "lifetime-limit",
    ended({ life: [[3_000, 10]] }),
    ended({
      life: [
        [3_000, 7],
        [5_000, 3],
      ],
    }),
  ],
  [
    "cut-after-answers",
    ended({ life: [[500, 3]], answers: [{ answers: 124, count: 3 }] }),
    ended({ life: [[500, 3]], answers: [{ answers: 9, count: 3 }] }),
  ],
  [
    "cut-after-answers",
    ended({
      life: [[500, 10]],
      answers: [
        { answers: 124, count: 8 },
        { answers: 7, count: 2 },
      ],
    }),
    ended({
      life: [[500, 10]],
      answers: [
        { answers: 124, count: 7 },
        { answers: 7, count: 3 },
      ],
    }),
  ],
  [
    "cut-after-answers",
    ended({ life: [[9_000, 9]], quiet: [[10, 9]], answers: [{ answers: 5, count: 9 }] }),
    // Each was used once, and then for long not at all.
    ended({ life: [[9_000, 9]], quiet: [[5_000, 9]], answers: [{ answers: 5, count: 9 }] }),
  ],
  // Each had its turn as often as the others when the relay crashed.
  [
    "cut-after-answers",
    ended({ life: [[500, 20]], answers: [{ answers: 40, count: 20 }], lastAtSec: 1.5 }),
    ended({ life: [[500, 20]], answers: [{ answers: 40, count: 20 }], lastAtSec: 1.4 }),
  ],
  [
    "ended-on-publish",
    ended({ life: [[500, 10]], unproven: 10, onPublish: 8 }),
    ended({ life: [[500, 10]], unproven: 10, onPublish: 7 }),
  ],
  [
    "closed-at-once",
    noneProven(ended({ life: [[2, 10]], unproven: 8 })),
    noneProven(ended({ life: [[2, 10]], unproven: 7 })),
  ],
  [
    "closed-at-once",
    noneProven(ended({ life: [[2, 10]], unproven: 10 })),
    provenFrom(length - 1, 1, ended({ life: [[2, 10]], unproven: 10 })),
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
    endingAt(length / 2, 20, framed({ lateOk: 3 }, totals({ timedOut: 50 }))),
  ],
  // Answers near the timeout, and a few behind it: the run ended before the rest came.
  [
    "timeouts",
    timed("service", { p99: 500 }, framed({ lateOk: 1 }, totals({ timedOut: 10 }))),
    timed("service", { p99: 499 }, framed({ lateOk: 1 }, totals({ timedOut: 10 }))),
  ],
  [
    "silent-drops",
    timed("service", { p99: 900 }, framed({ lateOk: 0 }, totals({ timedOut: 10 }))),
    timed("service", { p99: 900 }, framed({ lateOk: 1 }, totals({ timedOut: 10 }))),
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
  // Of queries too; single OKs go out at once.
  ["nagle-delay", asked({ min: 1, p50: 42.8, p90: 48.5 }), asked({ min: 1, p50: 42.8, p90: 57 })],
  ["nagle-delay", asked({ min: 1, p50: 37, p90: 48 }), asked({ min: 1, p50: 36.9, p90: 48 })],
  [
    "nagle-delay",
    asked({ min: 1, p50: 42, p90: 48, count: 50 }),
    asked({ min: 1, p50: 42, p90: 48, count: 49 }),
  ],
  [
    "nagle-delay",
    asked({ min: 1, p50: 42, p90: 48 }, {}, cpu(59)),
    asked({ min: 1, p50: 42, p90: 48 }, {}, cpu(60)),
  ],
  ["proxy-in-path", proxied(50), proxied(49)],
  ["slow-queries", asked({ p50: 60, p90: 90 }), asked({ p50: 49.9, p90: 90 })],
  // What Nagle explains is not said twice.
  ["slow-queries", asked({ p50: 50.1, p90: 56 }), asked({ p50: 50, p90: 56 })],
  [
    "slow-queries",
    asked({ p50: 60, p90: 90 }, {}, service(5, 12, 20, 30)),
    asked({ p50: 60, p90: 90 }, {}, service(5, 12.1, 20, 30)),
  ],
  [
    "no-eose",
    asked({}, { scheduled: 1_000, timedOut: 10 }),
    asked({}, { scheduled: 1_000, timedOut: 9 }),
  ],
  // Closed or lost with their connection, or never sent: that is told elsewhere.
  [
    "no-eose",
    asked({}, { scheduled: 1_000, timedOut: 10 }),
    asked({}, { scheduled: 1_000, closed: 10, lost: 500, noConnection: 90 }),
  ],
  ["wrong-answers", shaped({ thread: { wrong: 1, notMatching: 1 } }), shaped({ thread: {} })],
  // A cap that is known makes no answer wrong, and a count is no answer of rows.
  ["wrong-answers", shaped({ home: { short: 1 } }), shaped({ home: { truncated: 1 } })],
  ["wrong-answers", shaped({ home: { wrong: 1 } }), shaped({ "count-reactions": { wrong: 1 } })],
  [
    "wrong-answers",
    shaped({ search: { wrong: 100, notMatching: 999 } }),
    shaped({ search: { wrong: 100, notMatching: 1_000 } }),
  ],
  [
    "search-ignored",
    shaped({ search: { wrong: 100, notMatching: 1_000 } }),
    shaped({ search: { wrong: 100, notMatching: 999 } }),
  ],
  [
    "search-ignored",
    shaped({ search: { wrong: 100, notMatching: 2_000 } }),
    shaped({ hashtag: { wrong: 100, notMatching: 2_000 } }),
  ],
  [
    "wrong-counts",
    shaped({ "count-reactions": { wrong: 1, rows: 0 } }),
    shaped({ ids: { wrong: 1 } }),
  ],
  [
    "wrong-counts",
    shaped({ "count-followers": { short: 1, rows: 0 } }),
    shaped({ "count-followers": { truncated: 1, rows: 0 } }),
  ],
  ["unannounced-cap", shaped({ home: { truncated: 1 } }), shaped({ home: { short: 1 } })],
  [
    "unannounced-cap",
    announcing(112, shaped({ home: { truncated: 20 } })),
    announcing(111, shaped({ home: { truncated: 20 } })),
  ],
  ["late-answers", shaped({ home: { late: 1 } }), shaped({ home: { late: 0 } })],
  ["late-answers", shaped({ home: { late: 2 }, ids: {} }), shaped({ home: { late: 1 }, ids: {} })],
  [
    "costly-shape",
    shaped({ hashtag: { p50: 50 }, home: { p50: 10 } }),
    shaped({ hashtag: { p50: 49.9 }, home: { p50: 10 } }),
  ],
  // What brings more may take longer.
  [
    "costly-shape",
    shaped({ hashtag: { p50: 50 }, home: { p50: 10 } }),
    shaped({ hashtag: { p50: 50, rows: 2_001 }, home: { p50: 10 } }),
  ],
  [
    "costly-shape",
    shaped({ hashtag: { p50: 20 }, home: { p50: 1 } }),
    shaped({ hashtag: { p50: 19.9 }, home: { p50: 1 } }),
  ],
  [
    "costly-shape",
    shaped({ hashtag: { p50: 50, eose: 30, rows: 600 }, home: { p50: 10 } }),
    shaped({ hashtag: { p50: 50, eose: 29, rows: 580 }, home: { p50: 10 } }),
  ],
  ["slow-queries", shaped({ home: { p50: 52 } }), shaped({ home: { p50: 51.9 } })],
  ["deliveries-missing", fanned({ missing: 1 }), fanned({ late: 1 })],
  [
    "deliveries-missing",
    fanned({}, {}, errors(["subscription", "silence", 1])),
    fanned({}, {}, errors(["subscription", "CLOSED error", 1])),
  ],
  ["deliveries-twice", fanned({ duplicate: 1 }), fanned({ stored: 1 })],
  ["delivery-tick", ticking(119), ticking(121)],
  ["ok-held-by-subscribers", held(6), held(5.9)],
  ["cpu-grows-with-decoys", decoyed(26, 20), decoyed(25.9, 20)],
  ["cpu-grows-with-decoys", decoyed(15, 10), decoyed(14.9, 10)],
  ["held-by-slow-readers", slowly({ okMs: 6 }), slowly({ okMs: 5.9 })],
  ["held-by-slow-readers", slowly({ ok: 17 }), slowly({ ok: 18 })],
  ["held-by-slow-readers", slowly({ deliveryMs: 6 }), slowly({ deliveryMs: 5.9 })],
  [
    "slow-readers-in-memory",
    slowly({}, 66e6, { subscriptions: 10 }),
    slowly({}, 65.9e6, { subscriptions: 10 }),
  ],
  // 650 kB for each subscription: 9 MB and 8 MB less a little.
  [
    "slow-readers-in-memory",
    slowly({}, 66e6, { subscriptions: 7 }),
    slowly({}, 66e6, { subscriptions: 6 }),
  ],
  // Cut after a second they were sent a third of it.
  [
    "slow-readers-in-memory",
    slowly({}, 66e6, { subscriptions: 10 }),
    slowly({}, 66e6, {
      subscriptions: 10,
      ends: [{ how: "code 1008", count: 2, firstSec: 5.8, lastSec: 5.8 }],
    }),
  ],
  // Of 130 MB that they were sent and did not take.
  [
    "slow-readers-in-memory",
    slowly({}, 90e6, { subscriptions: 100 }),
    slowly({}, 88e6, { subscriptions: 100 }),
  ],
  [
    "slow-readers-cut",
    slowly({}, undefined, {
      ends: [{ how: "no close frame", count: 1, firstSec: 6, lastSec: 6 }],
    }),
    slowly({}),
  ],
  ["duplicate-rows", shaped({ home: { duplicate: 20 } }), shaped({ home: { duplicate: 19 } })],
  ["ignored-limit", shaped({ hashtag: { rows: 15_001 } }), shaped({ hashtag: { rows: 15_000 } })],
  // Many queries in four slices of eight.
  [
    "starved-publishes",
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: isMany(i) ? 20 : 2 })),
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: isMany(i) ? 2 : 20 })),
  ],
  [
    "starved-publishes",
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: isMany(i) ? 20 : 10 })),
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: isMany(i) ? 20 : 10.1 })),
  ],
  // Slow where many queries come, and over all slices a rank correlation of 0.298 only.
  [
    "starved-publishes",
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: [1, 2, 4].includes(i % 8) ? 20 : 2 })),
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: [1, 2, 5].includes(i % 8) ? 20 : 2 })),
  ],
  // Where they are more themselves it is their own load.
  [
    "starved-publishes",
    inTurns((i) => ({ queries: isMany(i) ? 4 : 1, publishMs: isMany(i) ? 20 : 2 })),
    inTurns((i) => ({
      ...{ queries: isMany(i) ? 4 : 1, publishes: isMany(i) ? 40 : 20 },
      publishMs: isMany(i) ? 20 : 2,
    })),
  ],
  [
    "starved-queries",
    inTurns((i) => ({ queries: 2, publishes: isMany(i) ? 40 : 20, queryMs: isMany(i) ? 20 : 2 })),
    inTurns((i) => ({ queries: 2, publishes: isMany(i) ? 39 : 20, queryMs: isMany(i) ? 20 : 2 })),
  ],
  ["ignored-limit", asked({}, { eose: 100, rows: 3_010 }), asked({}, { eose: 100, rows: 3_000 })],
  ["nagle-delay", cpu(10, service(38, 40, 48, 60)), cpu(10, service(38, 40, 48.1, 60))],
  ["size-latency", typed(2, 4, 8), typed(2, 20, 8)],
  ["host-full", starved(25, 60), starved(24, 60)],
  ["host-full", starved(25, 60), starved(25, 150)],
  ["host-full", starved(25, 60, 55), starved(25, 60, 54)],
  ["dropped-connections", linked({ dropped: 1 }), linked({ dropped: 0 })],
  ["slow-handshake", timed("connect", { p50: 100 }), timed("connect", { p50: 99 })],
  [
    "slow-handshake",
    phased({ ramp: [1, 90], churn: [100, 5] }),
    phased({ ramp: [1, 90], churn: [100, 4] }),
  ],
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
    series((_, i) => ({ serviceP50: 2 + (i / length) * 10 })),
    series((_, i) => ({ serviceP50: i < length * 0.8 ? 2 + (i / length) * 10 : 2 })),
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
  ["protocol-faults", framed({ unknownOk: 1 }), framed({ unknownOk: 0 })],
  ["protocol-faults", framed({ malformed: 1 }), framed({ malformed: 0 })],
  // A rate is kept from 99 % on.
  ["overload", slower(0.98), slower(0.992)],
  // What is neither sent nor held up by full connections waits for the generator.
  ["overload", slower(0.9), slower(0.9, 0.9)],
  // Each answer takes as long when it is alone: the places are the limit, not the relay.
  ["overload", full(9, 20), full(10, 20)],
  ["queueing", full(10, 20), full(9, 20)],
  ["latency-drift", rising(base), rising(slower(0.9))],
  // 6 ms and more of processor an event, some µs of it for each connection.
  ["connection-cost", idling(800, 120), idling(100, 120)],
  ["connection-cost", idling(800, 60), idling(800, 59)],
  ["connection-cost", idling(800, 120), idling(300, 600)],
  ["connection-memory", grown(100, 40), grown(100, 39.9)],
  ["connection-memory", grown(400, 40), grown(401, 40)],
  ["connection-memory", sloped(400, 100_000), sloped(400, 99_999)],
  ["connection-memory", sloped(400, 100_000), sloped(399, 100_000)],
  ["accept-queue", queued(5, 5), queued(4, 4)],
  // The relay's kernel counted no full queue: SYNs were lost on their way.
  ["accept-queue", queued(5, null), queued(5, 0)],
  ["accept-queue", queued(5, 0, false), queued(5, 0)],
  ["dead-connections", linked({ probes: 10, unanswered: 1 }), linked({ probes: 10, answered: 10 })],
  ["unusable-connections", linked({ asked: 20, refused: 1 }), linked({ asked: 20, usable: 20 })],
  ["unusable-connections", muted(1), linked({ asked: 20, mute: 1 })],
  ["slow-recovery", herd(100, 20), herd(99, 19)],
  ["slow-recovery", herd(150, 30), herd(149, 30)],
  ["slow-recovery", herd(100, 20, 20), herd(100, 20, 19)],
  ["slow-recovery", herd(100, 20, 20, "usable"), herd(99, 19, 20, "usable")],
  ["unexplained", crossed, { ...base, thresholds: [] }],
  ["host-busy", beside(20, 20, 85), beside(20, 20, 84)],
  ["host-busy", beside(60, 50, 86), beside(60, 60, 86)],
  ["cpu-bound", beside(130, 40, 90, slow), beside(125, 40, 90, slow)],
  ["cpu-bound", beside(130, 40, 92, slow), beside(130, 40, 94, slow)],
  ["cpu-bound", beside(130, 20, 85, slow), beside(130, 20, 84, slow)],
  ["tail", timed("service", { p50: 5, p99: 50 }), timed("service", { p50: 5, p99: 49.9 })],
  ["tail", timed("service", { p50: 5, p99: 50 }), timed("service", { p50: 5.1, p99: 50 })],
  ["generator-near-limit", suspected(), base],
];

function eightCores(): Report["run"] {
  return { ...base.run, host: { ...base.run.host, cpus: 8 } };
}

function suspected(of = base, ids = ["scheduleLag"]): Report {
  const signals = of.generator.signals.map((s) =>
    ids.includes(s.id) ? { ...s, state: "suspect" as const } : s,
  );
  return { ...of, generator: { ...of.generator, verdict: "suspect", signals } };
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
      assert.doesNotMatch(draft.title, /(?<![\d.,:])1 (?!ms\b)[a-z]+s\b/i);
    });
  });

  it("about whatever the run is about have the same bounds in one that only queries", () => {
    const ofQueries = RULES.filter(({ of = [] }) => of.includes("query") && of.includes("publish"));
    const rows = table.filter(([id]) => ofQueries.some((rule) => rule.id === id));
    for (const [id, found, notFound] of rows) {
      // Nobody counts what comes behind the timeout of a query, nor is its time one of publishing.
      const isOfPublish = [found, notFound].some(
        ({ frames, classes }) => frames.lateOk > 0 || classes.query !== undefined,
      );
      if (isOfPublish || ["nagle-delay", "relay-counts"].includes(id)) continue;
      const draft = draftOf(id, asQueries(found));
      assert.ok(draft, id);
      assert.equal(draftOf(id, asQueries(notFound)), null, id);
      const text = JSON.stringify(draft);
      assert.doesNotMatch(text, /publish\.|accepted|undefined|NaN/, id);
      assert.doesNotMatch(draft.title, /\bevents?\b/i, id);
    }
    assert.deepEqual([...new Set(rows.map(([id]) => id))].sort(), [
      ...[
        "latency-drift",
        "nagle-delay",
        "overload",
        "protocol-faults",
        "queueing",
        "relay-counts",
      ],
      ...["slow-start", "stalls", "stopped-answering", "tail", "throttled"],
    ]);
  });

  it("say of wrong answers what is wrong, where, and by which member of a filter", () => {
    const draft = draftOf(
      "wrong-answers",
      shaped({
        thread: { wrong: 100, notMatching: 1_900 },
        notifications: { wrong: 100, notMatching: 1_900 },
        author: { wrong: 3 },
        ids: { short: 2, rowsBehind: 4 },
        profiles: {},
      }),
    );
    assert.match(
      draft?.title ?? "",
      /^41\.0 % of the answers are wrong: rows that were not asked for/,
    );
    assert.match(
      draft?.title ?? "",
      /\(`thread`, `notifications`\); not newest first \(`author`\)/,
    );
    assert.match(draft?.title ?? "", /rows are missing \(`ids`\)$/);
    assert.match(draft?.remediation ?? "", /questions with `#…`, .* sends whatever it holds/);
    assert.match(draft?.remediation ?? "", /Rows come behind EOSE/);
    assert.equal(draft?.severity, "critical");
    const one = draftOf(
      "wrong-answers",
      shaped({ thread: { wrong: 1, notMatching: 1 }, ids: {}, home: {} }),
    );
    assert.match(one?.remediation ?? "", /questions with `#e`/);
    const over = draftOf("wrong-answers", shaped({ hashtag: { wrong: 100, rows: 10_001 } }));
    assert.match(over?.title ?? "", /more rows than were asked for \(`hashtag`\)$/);
    const most = draftOf("wrong-answers", shaped({ hashtag: { wrong: 100, rows: 10_000 } }));
    assert.match(most?.title ?? "", /not newest first \(`hashtag`\)$/);
  });

  it("put wrong answers first whatever the others cost, unless a cap made them short", () => {
    const slow = shaped({ home: { p50: 900, wrong: 1 }, ids: { p50: 901 } });
    const ranked = withFindings({ ...slow, generator: { ...slow.generator, verdict: "valid" } });
    assert.deepEqual(ranked.findings.map(({ id }) => id).slice(0, 2), [
      "wrong-answers",
      "slow-queries",
    ]);
    assert.deepEqual(
      draftOf("unannounced-cap", shaped({ home: { truncated: 50, short: 20 } }))?.sparing,
      [],
    );
    // A single row can't be missing for a cap of twenty.
    const other = draftOf(
      "unannounced-cap",
      shaped({ home: { truncated: 50 }, address: { short: 1 } }),
    );
    assert.deepEqual(other?.sparing, ["wrong-answers"]);
    assert.match(
      draftOf("unannounced-cap", shaped({ home: { truncated: 50 } }))?.title ?? "",
      /end at 20 to 40 rows, a cap that the relay does not announce/,
    );
  });

  it("say of refused queries which they are, and from which number on", () => {
    const title = (shapes: Readonly<Record<string, Shape>>) =>
      draftOf("queries-refused", shaped(shapes, said("closed", "too many filters", 100)))?.title ??
      "";
    const none = { eose: 0, closed: 100, rows: 0 };
    assert.match(
      title({ home: none, thread: none, ids: {} }),
      /, all with 2 filters or more: `too many/,
    );
    assert.match(title({ home: { eose: 99, closed: 1 }, ids: {} }), /\(0\.50 %\): `too many/);
    assert.match(
      title({ reactions: none, ids: {} }),
      /, all of `reactions`, which ask for 500 rows or more/,
    );
    assert.match(title({ address: none, ids: {} }), /, all of `address`: `too/);
  });

  it("say where the time of queries went that nothing explains", () => {
    const metric = "nostr_query_time";
    const thresholds = [{ metric, expression: "p(95)<500", value: 600, ok: false }];
    const draft = draftOf("unexplained", { ...shaped({ home: { p50: 9 } }), thresholds });
    assert.match(
      draft?.remediation ?? "",
      /The time was before the REQ could be sent: .* one shape \(`--query-mix`\)/,
    );
    const shape = draft?.evidence.find((e) => e.metric.startsWith("slowest"));
    assert.deepEqual([shape?.metric, shape?.value], ["slowest shape, home, service p50", 9]);
  });

  it("explain times by wrong answers only where there is more in them than was asked for", () => {
    const sparing = (shape: Shape) => draftOf("wrong-answers", shaped({ hashtag: shape }))?.sparing;
    assert.deepEqual(sparing({ wrong: 1, notMatching: 1 }), []);
    assert.deepEqual(sparing({ wrong: 100, rows: 10_001 }), []);
    assert.ok(sparing({ wrong: 1 })?.includes("slow-queries"));
  });

  it("tell a backlog of queries that is one from queries that are never answered", () => {
    const sparing = (of: Report) => draftOf("no-eose", of)?.sparing ?? ["not found"];
    assert.deepEqual(sparing(shaped({ home: { timedOut: 20, eose: 80 } })), []);
    const near = { ...publishOf(base).times.service, p99: 250 };
    const slow = shaped({ home: { timedOut: 20, eose: 80 } });
    const times = { ...queryOf(slow).times, service: near };
    assert.ok(sparing(withClass("query", { times }, slow)).includes("overload"));
    assert.ok(sparing(asked({}, { scheduled: 100, timedOut: 20 })).includes("overload"));
    // Answers near the timeout: what came behind it came late by a queue.
    const late = totals(
      { timedOut: 600 },
      series(
        ({ attempted, accepted }) => ({ timedOut: attempted - accepted, serviceP50: 600 }),
        timed("service", { p99: 800 }, slower(0.6)),
      ),
    );
    assert.ok(draftOf("overload", asQueries(late)));
    assert.equal(draftOf("overload", asQueries(timed("service", { p99: 8 }, late))), null);
    // Rows behind the timeout come from a relay that is not silent.
    const silence = asQueries(endingAt(length / 2, 20, silent));
    const rowsIn = (at: number) =>
      withClass(
        "query",
        {
          series: queryOf(silence).series.map((point, i) => ({
            ...point,
            counts: { ...point.counts, rowsBehind: i === at ? 3 : 0 },
          })),
        },
        silence,
      );
    assert.ok(draftOf("stopped-answering", rowsIn(0)));
    assert.equal(draftOf("stopped-answering", rowsIn(length - 1)), null);
    assert.deepEqual(draftOf("overload", asQueries(slower(0.6)))?.sparing, []);
    assert.ok(draftOf("overload", slower(0.6))?.sparing?.includes("slow-queries"));
    assert.equal(draftOf("throttled", asQueries(totals({ rejected: 1 }, slept({})))), null);
  });

  it("say from when on queries have no EOSE, and of which shape", () => {
    const { sliceSec } = base.run;
    const of = shaped({ home: { timedOut: 20, eose: 80 }, ids: {} });
    const silentFrom = (sec: number): Report =>
      withClass(
        "query",
        {
          series: queryOf(of).series.map((point, i) => ({
            ...point,
            counts: { ...point.counts, timedOut: i * sliceSec >= sec + 1 ? 1 : 0 },
          })),
        },
        of,
      );
    const title = (sec: number) => draftOf("no-eose", silentFrom(sec))?.title ?? "";
    assert.match(
      title(4),
      /^10\.0 % of the queries got no EOSE in 1 s \(all `home`\), from 4\.\d s on$/,
    );
    assert.match(title(0), /\(all `home`\)$/);
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
    assert.ok(
      draftOf("signatures-refused", said("reject", "invalid: bad signature"))?.labels.includes(
        "requires-security-review",
      ),
    );
    const odd = said("reject", "blocked: verified users only, by design");
    assert.equal(draftOf("signatures-refused", odd), null);
  });

  it("quote what was refused without an id, and say what stands behind it", () => {
    const draft = draftOf(
      "refused-without-id",
      toldBy("unknownOk", 5, 10, "invalid: 17 is too old"),
    );
    assert.match(draft?.title ?? "", /`invalid: 17 is too old`/);
    assert.match(draft?.remediation ?? "", /age/);
  });

  it("blame no sleep where the relay computes, or answers with refusals", () => {
    assert.equal(draftOf("throttled", slept({ cpuPercent: 95 })), null);
    const refusing = totals({ rejected: 1 }, slept({}));
    assert.equal(draftOf("throttled", refusing), null);
  });

  it("say what the relay accepts of what was set, and what it did meanwhile", () => {
    const draft = draftOf("overload", cpu(30, slower(0.6, 0.9)));
    assert.match(
      draft?.title ?? "",
      /at its limit: it accepts about 120 events\/s of the 200 set$/,
    );
    assert.match(draft?.remediation ?? "", /used 30 % of one core/);
    assert.match(draft?.remediation ?? "", /had processor left/);
    const busyRelay = draftOf("overload", cpu(95, slower(0.6, 0.9)));
    assert.match(busyRelay?.remediation ?? "", /Processor is what it lacks/);
    assert.equal(busyRelay?.confidence, "high");
    const unseen = draftOf("overload", { ...slower(0.6, 0.9), resources: null });
    assert.equal(unseen?.confidence, "medium");
    assert.match(unseen?.remediation ?? "", /not measured/);
  });

  it("call no relay idle on a host that is full, and say where it may take more", () => {
    const of = slower(0.6, 0.9);
    const advice = (relay: number, generator: number, host: number) =>
      draftOf("overload", beside(relay, generator, host, of))?.remediation ?? "";
    assert.match(
      advice(110, 30, 100),
      /relay used 110 %, the generator 30 % and other processes 60 % of 200: .* may take more/,
    );
    assert.doesNotMatch(advice(110, 30, 100), /had processor left/);
    assert.match(advice(40, 30, 84), /It had processor left/);
    assert.match(advice(140, 50, 99), /Processor is what it lacks.* full host: .* may take more/);
  });

  it("say that the capacity falls with the run, inside of the overload", () => {
    const of = slower(0.6, 0.9);
    const falling = series(
      ({ accepted }, i) => ({ accepted: Math.max(1, accepted - Math.floor((i / length) * 8)) }),
      of,
    );
    assert.match(draftOf("overload", falling)?.title ?? "", /, and falls: \d+ in the first fifth/);
    assert.equal(draftOf("latency-drift", falling), null);
  });

  it("take a stall that ends with the run for no overload, however much it leaves", () => {
    const stalled = series((_, i) => (i >= length - 8 ? { accepted: 0 } : {}));
    assert.equal(draftOf("overload", stalled), null);
  });

  it("name those who took the host from the relay", () => {
    const title = (report: Report) => draftOf("host-full", report)?.title ?? "";
    const cores = (of: Report) => ({
      ...of,
      run: { ...of.run, host: { ...of.run.host, cpus: 2 } },
    });
    assert.match(
      title(cores(starved(40, 20))),
      /for 40 % of the time: other processes used 1\.6 of 2 cores/,
    );
    const shared = cores(starved(40, 120));
    const both = sampled(
      (shared.resources?.samples ?? []).map((s) =>
        s.process === "generator" ? { ...s, cpuPercent: 66 } : s,
      ),
      shared,
    );
    assert.match(title(both), /relay and the generator share a full host: 120 % \+ 66 % of 200 %/);
    assert.deepEqual(draftOf("host-full", both)?.sparing, ["overload"]);
    assert.equal(draftOf("host-full", cores(starved(40, 20)))?.sparing, undefined);
    assert.match(
      draftOf("host-busy", beside(10, 30, 100))?.title ?? "",
      /^Other processes used 1\.6 of 2 cores$/,
    );
  });

  it("are sure of what connections cost only where an event alone would hardly cost as much", () => {
    const draft = draftOf("connection-cost", idling(800, 120));
    assert.match(
      draft?.title ?? "",
      /costs the relay 6\.0 ms of processor with 800 connections open: 7\.5 µs/,
    );
    assert.deepEqual([draft?.severity, draft?.confidence], ["major", "medium"]);
    const unclear = draftOf("connection-cost", idling(800, 119));
    assert.deepEqual([unclear?.severity, unclear?.confidence], ["minor", "low"]);
  });

  it("do without a relay that others on the host kept waiting, where its own wait is known", () => {
    const sparing = (of: Report) => draftOf("host-busy", of)?.sparing;
    assert.deepEqual(sparing(beside(20, 20, 100)), undefined);
    const waited = (waitedForCpuPercent: number) =>
      sampled(
        (beside(20, 20, 100).resources?.samples ?? []).map((s) =>
          s.process === "relay" ? { ...s, busiestThreadPercent: 20, waitedForCpuPercent } : s,
        ),
        beside(20, 20, 100),
      );
    assert.deepEqual(sparing(waited(59)), ["overload", "timeouts"]);
  });

  it("count what is one in the singular", () => {
    assert.match(
      draftOf(
        "stalls",
        spikes((i) => i === 5, 150),
      )?.title ?? "",
      /stalled once, for/,
    );
    const twice = spikes((i) => i === 5 || i === 20, 150);
    assert.match(draftOf("stalls", twice)?.title ?? "", /stalled 2 times, at most for/);
  });

  it("call a design floor no overload", () => {
    assert.equal(draftOf("fsync-floor", cpu(10, service(5, 6, 7, 9)))?.severity, "info");
    assert.equal(draftOf("group-commit", cpu(10, service(0.3, 15, 27, 29.7)))?.severity, "info");
  });

  it("say a stall's period, and leave the generator's own stalls out", () => {
    const { sliceSec } = base.run;
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
      ...withPoints([], base),
      resources: null,
      errors: [],
    };
    for (const { find } of RULES) assert.equal(find(viewOf(empty)), null);
  });
});

describe("the title of a finding about connections", () => {
  it("says how long the kernel had handshakes wait, and is sure where it counted", () => {
    const draft = draftOf("accept-queue", queued(5, 5));
    assert.match(draft?.title ?? "", /was full: 5 of 55 handshakes waited 1 s for the kernel/);
    assert.deepEqual([draft?.severity, draft?.confidence], ["minor", "high"]);
    assert.equal(draftOf("accept-queue", queued(5, 0, false))?.confidence, "medium");
  });

  it("says what others need for a connection where one costs much", () => {
    const draft = draftOf("connection-memory", sloped(400, 400_000));
    assert.match(draft?.title ?? "", /costs the relay 400 kB of memory: 4\.0\d? GB for 10,000/);
    assert.match(JSON.stringify(draft?.evidence), /khatru .* strfry/);
  });

  it("blames no relay for a restart that was meant, unless it stays away", () => {
    const connect = { mode: "recover", dropShare: 0 } as NonNullable<Report["config"]["connect"]>;
    const meant = (of: Report): Report => ({ ...of, config: { ...of.config, connect } });
    const back = series(
      (_, i) => (i < 40 || i > 60 ? {} : { connectionsOpen: 0, p50: null }),
      away,
    );
    const severities = [back, meant(back), meant(endingAt(40, 0, away))].map(
      (of) => draftOf("relay-gone", of)?.severity,
    );
    assert.deepEqual(severities, ["critical", "minor", "critical"]);
    assert.match(draftOf("relay-gone", meant(back))?.title ?? "", /, as it was meant to$/);
  });

  it("says what they spend most of their time on, where the command line's own were slow too", () => {
    const slow = (tcp: number, tls: number | null, upgrade: number) => {
      const of = timed("connect", { p50: 150 });
      const parts = { count: 3, tcp, tls, upgrade };
      return draftOf("slow-handshake", { ...of, handshakes: { asked: 3, answers: [], parts } });
    };
    const takes = "Opening a connection takes 150 ms";
    for (const [draft, title, advice] of [
      [slow(80, 5, 5), `${takes}, most of it until TCP connects`, /somaxconn/],
      [slow(5, 80, 5), `${takes}, most of it in TLS`, /ECDSA/],
      [slow(5, null, 80), `${takes}, most of it until the upgrade is answered`, /request waits/],
      [slow(5, null, 69), takes, /accept backlog; look for/],
      [slow(50, 50, 50), takes, /accept backlog; look for/],
    ] as const) {
      assert.equal(draft?.title, title);
      assert.match(draft.remediation, advice);
      const named = (all: readonly { readonly metric: string }[]) =>
        all.some(({ metric }) => metric === "handshakes.parts.tcp");
      assert.deepEqual(
        [named(draft.evidence), named(draft.counterEvidence)],
        [title !== takes, title === takes],
      );
    }
  });

  it("says in which phase of a run they are slow, where another one is not", () => {
    const title = (report: Report, id: string) => draftOf(id, report)?.title;
    assert.equal(
      title(phased({ ramp: [2, 90], churn: [150, 40] }), "slow-handshake"),
      "Opening a connection takes 150 ms as sessions follow each other",
    );
    assert.equal(
      title(timed("connect", { p50: 150 }), "slow-handshake"),
      "Opening a connection takes 150 ms",
    );
    assert.match(
      title(herd(500, 20, 50, "usable"), "slow-recovery") ?? "",
      /^A herd: the first EOSE takes 25 times as long when clients come back together$/,
    );
  });

  const swept: Times = [
    [2_000, 12],
    [2_480, 8],
  ];
  const table: readonly (readonly [id: string, report: Report, title: RegExp])[] = [
    [
      "idle-timeout",
      ended({ life: [[3_000, 20]], quiet: swept }),
      / after 2\.0 to 2\.5 s without /,
    ],
    ["connection-limit", answered(503, "", limited("handshake")), /: it answers 503 to the rest$/],
    ["connection-limit", limited("handshake"), /: it refuses the handshake of the rest$/],
    [
      "connection-limit",
      answeredBy({ by: "nginx/1.25.3", isOwn: true }, 503, limited("handshake")),
      /^The proxy before the relay \(nginx\/1\.25\.3\) holds 12 connections of 20: it answers 503/,
    ],
    [
      "address-limit",
      answeredBy({ by: "cloudflare", isOwn: true }, 429, limited("handshake")),
      /^The proxy before the relay \(cloudflare\) holds 12 connections of 20 from one address/,
    ],
    [
      "connection-limit",
      filed(97, 100),
      /12 connections of 20: it has no open files left for more, 97 of 100$/,
    ],
    ["connection-limit", filed(96, 100), /: it refuses the handshake of the rest$/],
    ["connection-limit", closedBy({ "1013": 3 }), /: it accepts and closes with 1013$/],
    [
      "connection-limit",
      closedBy({ "code unknown": 9, "1013": 3 }),
      /: it accepts and closes with 1013$/,
    ],
    [
      "connection-limit",
      closedBy({ "code unknown": 9 }),
      /: it accepts and closes with a Close frame$/,
    ],
    // A relay's own name, and a proxy that passes on what the relay says.
    [
      "connection-limit",
      answeredBy({ by: "nginy", isOwn: true }, 503, limited("handshake")),
      /^The relay holds/,
    ],
    [
      "connection-limit",
      answeredBy({ by: "nginx" }, 503, limited("handshake")),
      /^The relay, or the proxy before it \(nginx\), holds 12 /,
    ],
    [
      "address-limit",
      answeredBy({ via: "1.1 Caddy" }, 429, limited("handshake")),
      /^The relay, or the proxy before it \(1\.1 Caddy\), holds 12 /,
    ],
    [
      "connection-limit",
      answered(503, "", proxied(10, limited("handshake"))),
      /^The relay, or the proxy before it \(docker-proxy\), holds 12 /,
    ],
    [
      "address-limit",
      answered(429, "", limited("handshake")),
      / holds 12 connections of 20 from one /,
    ],
    [
      "address-limit",
      answered(429, "", unreached("handshake")),
      /^The relay answers handshakes with 429/,
    ],
    // What opened late is no less open.
    [
      "generator-near-limit",
      suspected(calm),
      /^The generator dialled late, .*; that 20 of 20 opened and 20 of 20 were usable stands$/,
    ],
    [
      "generator-near-limit",
      suspected(calm, ["scheduleLag", "loopLag"]),
      /^The generator was near/,
    ],
    ["redirected", answered(308, "wss://b:443/"), /\(308\): wss:\/\/b:443\/$/],
  ];
  for (const [id, report, title] of table) {
    it(`${id} has its figures: ${title}`, () =>
      assert.match(draftOf(id, report)?.title ?? "", title));
  }

  it("gives no advice that the relay has already followed", () => {
    const text = (report: Report) => draftOf("connection-limit", report)?.remediation ?? "";
    assert.match(text(limited("handshake")), /refuse the handshake with 429 or 503/);
    assert.doesNotMatch(text(answered(503, "", limited("handshake"))), /refuse the handshake/);
    const limit = draftOf("address-limit", answered(429, "", limited("handshake")));
    assert.doesNotMatch(limit?.remediation ?? "", /answer 429|refuse/);
  });
});
