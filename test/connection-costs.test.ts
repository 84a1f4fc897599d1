/** What a connection costs, from a relay's process and the kernel's tables that are known to the byte. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { watchKernel } from "../src/node/companion/kernel.ts";
import type { KernelCounts } from "../src/report/cost-types.ts";
import { renderMarkdown } from "../src/report/markdown.ts";
import { slopeOf } from "../src/report/slope.ts";
import { synRetriesOf } from "../src/report/syn-retries.ts";
import type { ResourceSample } from "../src/report/types.ts";
import {
  buildOf,
  completeOf,
  histogramOf,
  planOf,
  rowOfClass,
  sampleOf,
  sliceOf,
} from "./fixtures/reports/run.ts";

const near = (actual: number | undefined, expected: number, by: number) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= by, `${actual} is not ${expected}`);

describe("a slope", () => {
  // F. J. Anscombe, "Graphs in Statistical Analysis", 1973, the first set: 0.5001 with a standard error of 0.1179.
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];

  const over = (xs: readonly number[], ys: readonly number[]) =>
    slopeOf(xs.map((one, i) => ({ x: one, y: ys[i] ?? 0 })));

  it("and its interval are those of a published set", () => {
    const slope = over(x, y);
    near(slope?.value, 0.50009, 0.00001);
    near(slope?.low, 0.23337, 0.0001);
    near(slope?.high, 0.76681, 0.0001);
    assert.equal(slope?.looks, 11);
  });

  it("is less sure where what is left over hangs together from look to look", () => {
    const steps = Array.from({ length: 24 }, (_, i) => i);
    const swinging = steps.map((i) => i + (i % 2 === 0 ? 1 : -1));
    const drifting = steps.map((i) => i + (i % 12 < 6 ? 1 : -1));
    const widthOf = (values: readonly number[]) => {
      const slope = over(steps, values);
      return (slope?.high ?? 0) - (slope?.low ?? 0);
    };
    assert.ok(widthOf(drifting) > 2 * widthOf(swinging), `${widthOf(drifting)}`);
  });

  it("is none of too few looks, nor of what never changed", () => {
    assert.equal(over([1, 2, 3, 4], [1, 2, 3, 4]), null);
    assert.equal(
      over(
        x.map(() => 7),
        y,
      ),
      null,
    );
  });
});

/** 2,000 connections come in 40 s and are held for 40; slices of a second. */
const COMING_SEC = 40;
const openAt = (t: number) => Math.max(0, Math.min(2_000, 50 * t));
const plan = planOf(
  { CLIENTS: "2000", CONNECT_RATE: "50", HOLD_SEC: "40", DURATION_SEC: "", RATE_EPS: "" },
  "connect",
);
const built = buildOf({
  plan,
  slices: Array.from({ length: 80 }, (_, index) => {
    const come = index < COMING_SEC ? 50 : 0;
    return sliceOf({
      seq: index,
      index,
      atMs: 2_000 + index * 1_000,
      connectionsOpen: openAt(index + 1),
      classes: {
        connection: [rowOfClass("connection", 0, { due: come, tried: come, opened: come })],
      },
    });
  }),
});

/** Looks each second: 30 MB and 12,000 bytes a connection, 0.4 ms a handshake, 25 µs a second for each that is held. */
function relayAt(t: number): ResourceSample {
  const swing = Math.round(t) % 2 === 0 ? 1 : -1;
  const come = t > 0 && t <= COMING_SEC ? 50 : 0;
  const held = (openAt(t) + openAt(t - 1)) / 2;
  return sampleOf({
    t,
    process: "relay",
    cpuPercent: (20 + 0.4 * come + 0.025 * held + swing) / 10,
    rssBytes: 90e6 + 12_000 * openAt(t),
    anonBytes: 30e6 + 12_000 * openAt(t) + swing * 100_000,
    openFiles: 24 + openAt(t),
  });
}
const samples = Array.from({ length: 83 }, (_, i) => relayAt(i - 2));

const kernelOf = (counts: Partial<KernelCounts>): KernelCounts => ({
  ...{ ofRelay: true, listenOverflows: 0, listenDrops: 0, synCookies: 0, synRetransmits: 0 },
  timeWait: { before: 3, most: 1_200, after: 900 },
  ...counts,
});
const companion = { relayProcess: "relay", relayMetrics: [], notMeasured: [] };

describe("what a connection costs the relay", () => {
  it("is told from what it does by itself, and a handshake from a held connection", () => {
    const { connectionCosts: costs } = completeOf(built, { resources: samples, companion });
    near(costs?.memoryBytes?.value, 12_000, 60);
    assert.ok((costs?.memoryBytes?.low ?? 0) < 12_000 && (costs?.memoryBytes?.high ?? 0) > 12_000);
    near(costs?.openFiles?.value, 1, 1e-9);
    near(costs?.handshakeCpuMs?.value, 0.4, 0.01);
    near(costs?.heldCpuUsPerSec?.value, 25, 1);
    assert.equal(costs?.memoryOf, "anonymous");
    // From nobody to everybody, in quarters.
    assert.deepEqual(
      costs?.looks.map(({ open, openFiles }) => [open, openFiles]),
      [0, 500, 1_000, 1_500, 2_000].map((open) => [open, open + 24]),
    );
  });

  it("is not below nothing where a relay gets faster while they come", () => {
    // Its first handshakes take three times the processor of the last, and those that are held take 10 µs a second.
    const warming = samples.map((sample) => {
      const { t } = sample;
      const come = t > 0 && t <= COMING_SEC ? 50 : 0;
      const eachMs = 1.2 - (0.8 * t) / COMING_SEC;
      const held = (openAt(t) + openAt(t - 1)) / 2;
      return { ...sample, cpuPercent: (come * eachMs + 0.01 * held) / 10 };
    });
    const { connectionCosts: costs } = completeOf(built, { resources: warming, companion });
    near(costs?.heldCpuUsPerSec?.value, 10, 0.1);
    near(costs?.handshakeCpuMs?.value, 0.8, 0.02);
  });

  it("counts a mapped store's pages where they can't be told apart, and says so", () => {
    const resident = samples.map((sample) => ({ ...sample, anonBytes: null }));
    const report = completeOf(built, { resources: resident, companion });
    assert.equal(report.connectionCosts?.memoryOf, "resident");
    near(report.connectionCosts?.memoryBytes?.value, 12_000, 1e-6);
    assert.match(renderMarkdown(report), /resident memory of an open one \| 12\.0 kB \| 12\.0 kB/);
  });

  it("is not measured of a relay elsewhere, and the report says why", () => {
    const report = completeOf(built, {
      resources: samples.map((sample) => ({ ...sample, process: "generator" as const })),
      companion: {
        ...companion,
        notMeasured: [{ what: "the process of a.test:1", why: "it is not on this machine" }],
        kernel: kernelOf({ ofRelay: false, synRetransmits: 7 }),
      },
    });
    assert.deepEqual(report.connectionCosts?.memoryBytes, null);
    const text = renderMarkdown(report);
    assert.match(text, /costs the relay: not measured, it is not on this machine/);
    assert.match(text, /the generator's host, which is not seen to be the relay's/);
    // A listener's queue on this host is not the relay's.
    assert.match(text, /counted of connections: 7 had a SYN, or its answer, sent again/);
    assert.doesNotMatch(text, /ListenOverflows/);
  });

  it("is no figure of a few connections, nor of other work than connections", () => {
    const few = buildOf({ plan, slices: [sliceOf({ connectionsOpen: 20 })] });
    const { connectionCosts } = completeOf(few, { resources: samples, companion });
    assert.match(connectionCosts?.why ?? "", /^20 were open at most/);
    assert.equal("connectionCosts" in completeOf(buildOf(), { resources: samples }), false);
  });
});

const NETSTAT = (overflows: number, drops: number, cookies: number, again: number) =>
  `TcpExt: SyncookiesSent EmbryonicRsts ListenOverflows ListenDrops TCPSynRetrans\nTcpExt: ${cookies} 5 ${overflows} ${drops} ${again}\nIpExt: InNoRoutes\nIpExt: 0\n`;
const SOCKSTAT = (held: number) =>
  `sockets: used 9\nTCP: inuse 4 orphan 0 tw ${held} alloc 4 mem 75\n`;

describe("what the kernel counted", () => {
  it("is what was added while the run went on", () => {
    const netstat = [NETSTAT(10, 20, 1, 300), NETSTAT(14, 29, 1, 324)];
    const held = [3, 1_200, 40, 900];
    const watch = watchKernel((path) =>
      path.endsWith("netstat") ? (netstat.shift() ?? null) : SOCKSTAT(held.shift() ?? 0),
    );
    watch.look([]);
    // This process is in its own network.
    watch.look([process.pid]);
    assert.deepEqual(watch.stop(), {
      ...{ ofRelay: true, listenOverflows: 4, listenDrops: 9, synCookies: 0, synRetransmits: 24 },
      timeWait: { before: 3, most: 1_200, after: 900 },
    });
  });

  it("is nothing where there are no such tables, and not known where they lack a counter", () => {
    assert.equal(watchKernel(() => null).stop(), null);
    const watch = watchKernel((path) =>
      path.endsWith("netstat") ? "TcpExt: ListenDrops\nTcpExt: 2\n" : null,
    );
    assert.deepEqual(watch.stop(), {
      ...{ ofRelay: false, listenOverflows: null, listenDrops: 0, synCookies: null },
      ...{ synRetransmits: null, timeWait: null },
    });
  });

  it("is in the report in the kernel's own names", () => {
    const kernel = kernelOf({ listenOverflows: 4, listenDrops: 9, synRetransmits: 24 });
    const text = renderMarkdown(
      completeOf(built, { resources: samples, companion: { ...companion, kernel } }),
    );
    assert.match(
      text,
      /4 met a full queue \(ListenOverflows\), 9 were dropped \(ListenDrops\), 0 had a SYN cookie/,
    );
    assert.match(text, /24 had a SYN, or its answer, sent again \(TCPSynRetrans\)/);
    assert.match(text, /TIME\\_WAIT\): 3 before the run, 1,200 at most, 900 behind it/);
  });
});

describe("handshakes that waited for the kernel", () => {
  const times = (count: number, ms: number) => Array.from({ length: count }, () => ms);

  it("are those that cluster at 1, 3 and 7 s", () => {
    const waited = [...times(20, 1_012), ...times(8, 3_020), ...times(3, 7_060)];
    const histogram = histogramOf(...times(1_000, 2), ...times(2, 1_700), ...waited);
    assert.deepEqual(synRetriesOf(histogram), [
      { afterSec: 1, count: 20 },
      { afterSec: 3, count: 8 },
      { afterSec: 7, count: 3 },
    ]);
  });

  it("are none of a relay that is slow by itself, nor a few by chance", () => {
    const slow = Array.from({ length: 700 }, (_, i) => 1_000 + i * 10);
    assert.deepEqual(synRetriesOf(histogramOf(...slow)), []);
    assert.deepEqual(synRetriesOf(histogramOf(...times(4, 1_010))), []);
    assert.deepEqual(synRetriesOf(histogramOf(...times(400, 30))), []);
  });

  it("are named as the kernel's in the report", () => {
    const connect = histogramOf(...times(1_969, 2), ...times(31, 1_012));
    const slices = [
      sliceOf({
        connectionsOpen: 2_000,
        classes: {
          connection: [rowOfClass("connection", 0, { due: 2_000, tried: 2_000, opened: 2_000 })],
        },
        histograms: { "connection.connect.0": connect },
      }),
    ];
    const kernel = kernelOf({ synRetransmits: 31 });
    const report = completeOf(buildOf({ plan, slices }), {
      resources: samples,
      companion: { ...companion, kernel },
    });
    const text = renderMarkdown(report);
    assert.match(text, /sends a SYN again: 31 shortly behind 1 s\./);
    assert.match(text, /it sent 31 again in this run/);
  });
});

describe("pulses", () => {
  /** All come in 2 s and are held for 118; a second of each period takes so much more. */
  const pulsing = (peakOf: (second: number) => number, variables = {}) => {
    const stormed = planOf(
      { CLIENTS: "2000", CONNECT_RATE: "1000", HOLD_SEC: "118", ...variables },
      "connect",
    );
    const slices = Array.from({ length: 120 }, (_, index) => {
      const come = index < 2 ? 1_000 : 0;
      return sliceOf({
        ...{ seq: index, index, atMs: 2_000 + index * 1_000 },
        connectionsOpen: Math.min(2_000, 1_000 * (index + 1)),
        classes: {
          connection: [rowOfClass("connection", 0, { due: come, tried: come, opened: come })],
        },
      });
    });
    const resources = Array.from({ length: 120 }, (_, i) =>
      sampleOf({
        ...{ t: i + 1.3, process: "relay", rssBytes: 1e6 },
        cpuPercent: 10 + (i % 3) + peakOf(i + 1),
      }),
    );
    const report = completeOf(buildOf({ plan: stormed, slices }), { resources, companion });
    return { pulses: report.connectionCosts?.pulses, text: renderMarkdown(report) };
  };

  it("are seen at the period of our pings, which come together as the connections did", () => {
    const { pulses, text } = pulsing((second) => (second % 25 === 2 ? 30 : 0));
    assert.equal(pulses?.length, 1);
    const [pulse] = pulses ?? [];
    assert.deepEqual(
      { ...pulse, cpuPercent: 0, otherwisePercent: 0 },
      {
        ...{ periodSec: 25, of: "ping", atSec: 2, cycles: 4, mostPings: 1_000 },
        ...{ cpuPercent: 0, otherwisePercent: 0 },
      },
    );
    near(pulse?.cpuPercent, 41, 1);
    near(pulse?.otherwisePercent, 11, 0.1);
    assert.match(
      text,
      /Every 25 s the relay's processor has a pulse: 4\d % in second 2 of each of 4/,
    );
  });

  it("are seen at a relay's own period, and not at its multiples", () => {
    const { pulses } = pulsing((second) => (second % 30 === 7 ? 20 : 0));
    assert.deepEqual(
      pulses?.map(({ periodSec, of, atSec, mostPings }) => [periodSec, of, atSec, mostPings]),
      [[30, "relay", 7, null]],
    );
  });

  it("are none where a period lacks one, or all are alike", () => {
    assert.deepEqual(pulsing((second) => (second % 25 === 2 && second < 60 ? 30 : 0)).pulses, []);
    assert.deepEqual(pulsing(() => 0).pulses, []);
    assert.deepEqual(pulsing((second) => (second % 25 === 2 ? 3 : 0)).pulses, []);
    assert.deepEqual(
      pulsing((second) => (second % 25 === 2 ? 30 : 0), { PING_SEC: "0" }).pulses,
      [],
    );
  });
});
