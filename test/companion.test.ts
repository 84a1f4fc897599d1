import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { platform } from "node:os";
import { describe, it } from "node:test";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { startCompanion } from "../src/node/companion/companion.ts";
import { findPortOwner, isDockerProxyOf, isProxy } from "../src/node/companion/port-owner.ts";
import { isKnownMetric, parsePrometheus } from "../src/node/companion/prometheus.ts";
import { admitSideUrl, createRelayMetricsReader } from "../src/node/companion/relay-metrics.ts";
import { describeEnds, relateSpans } from "../src/node/companion/relay-process.ts";
import { serveCompanion } from "../src/node/companion/serve.ts";
import { createAuthSigner } from "../src/node/companion/sign-auth.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { LiveRun } from "../src/node/live.ts";
import { readHost, readTree } from "../src/node/proc.ts";
import { busiestThread, startSampler, type TimedSample } from "../src/node/sampler.ts";
import { judgeAgain } from "../src/report/thresholds.ts";
import type { Resources } from "../src/report/types.ts";
import { planOf, pool, sampleOf, sliceOf } from "./fixtures/reports/run.ts";

/** A process that listens there until it is killed. */
function listenElsewhere(address: string, port: number, name = "relay") {
  const script = `process.title = "${name}"; require("node:net").createServer().listen(${port}, "${address}", function () { console.log(this.address().port) })`;
  return spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

const NO_USAGE = {
  startedTicks: null,
  cpuSec: null,
  rssBytes: null,
  anonBytes: null,
  threads: null,
  openFiles: null,
  diskWriteBytes: null,
  contextSwitches: null,
  threadTimes: null,
};
const isLinux = platform() === "linux";
const timed = (members: Partial<TimedSample> & Pick<TimedSample, "process">): TimedSample => {
  const { t: _, ...sample } = sampleOf({ t: 0, ...members });
  return { atMs: 0, ...sample };
};

/** As strfry (src/PrometheusMetrics.h), nostr-rs-relay (src/server.rs) and rnostr (extensions/src/metrics.rs) write them. */
const RELAY_METRICS = `# HELP nostr_client_messages_total Total number of Nostr client messages by verb
# TYPE nostr_client_messages_total counter
nostr_client_messages_total{verb="EVENT"} 120
strfry_write_events_total 118
strfry_connections_current 20
nostr_events_write_seconds_bucket{le="0.005"} 58
nostr_events_write_seconds_sum 0.25
nostr_disconnects_total{reason="normal"} 2
nostr_relay_session 20
nostr_relay_db_write{quantile="0.5"} 0.001
nostr_relay_db_write_sum 1.25
nostr_relay_db_write_count 60
process_resident_memory_bytes 1.5e+07
go_gc_duration_seconds_count 7
broken line here
half{ 1
`;

describe("the companion's service", () => {
  it("answers with its token alone, and tells who waits when there is something", async () => {
    const server = await serveCompanion(createAuthSigner("seed"));
    try {
      const root = server.url.slice(0, server.url.lastIndexOf("/"));
      for (const path of ["/", "/samples", `/${"0".repeat(32)}/samples`, "/metrics"]) {
        assert.equal((await fetch(`${root}${path}`)).status, 404, path);
      }
      const next = fetch(`${server.url}/next`).then((r) => r.json());
      // The request is there when a later one on the same server was answered.
      await fetch(`${server.url}/samples`);
      const relay = timed({ process: "relay", cpuPercent: 42.5, rssBytes: 7, threads: 3 });
      const host = timed({ process: "host", pressure: { cpu: 1.5, io: null, memory: 0 } });
      server.publish([relay, host], true);
      const figures = {
        nostr_relay_cpu_percent: 42.5,
        nostr_relay_rss_bytes: 7,
        nostr_relay_threads: 3,
        nostr_host_pressure_cpu_percent: 1.5,
        nostr_host_pressure_memory_percent: 0,
      };
      assert.deepEqual(await next, { over: false, inWindow: true, metrics: figures });
      assert.deepEqual(await (await fetch(`${server.url}/samples`)).json(), [relay, host]);
      const metrics = parsePrometheus(await (await fetch(`${server.url}/metrics`)).text());
      assert.deepEqual(Object.fromEntries(metrics), figures);
      server.end();
      const last = (await (await fetch(`${server.url}/next`)).json()) as { over: boolean };
      assert.equal(last.over, true);
    } finally {
      await server.close();
    }
  });

  it("keeps nobody waiting when it ends or is closed", async () => {
    const server = await serveCompanion(createAuthSigner("seed"));
    const first = fetch(`${server.url}/next`).then((r) => r.json());
    await fetch(`${server.url}/samples`);
    server.end();
    assert.equal(((await first) as { over: boolean }).over, true);
    await server.close();
  });
});

describe("what is read of the system", { skip: isLinux ? false : "there is no /proc" }, () => {
  it("finds the process that listens on a port, and says when there is none", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const owner = await findPortOwner("127.0.0.1", port);
    assert.deepEqual(owner.status === "found" && owner.pids, [process.pid]);
    server.close();
    await once(server, "close");
    assert.deepEqual(await findPortOwner("127.0.0.1", port), {
      status: "unknown",
      why: "no listener found: not Linux, or another network namespace",
    });
  });

  it("tells listeners at one port apart by their address, and finds one that takes all", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    // Another process, at the same port of another address of loopback.
    const other = listenElsewhere("127.0.0.2", port);
    await once(other.stdout, "data");
    const own = await findPortOwner("127.0.0.1", port);
    const others = await findPortOwner("127.0.0.2", port);
    assert.deepEqual(own.status === "found" && own.pids, [process.pid]);
    assert.deepEqual(others.status === "found" && others.pids, [other.pid]);
    assert.equal((await findPortOwner("127.0.0.3", port)).status, "unknown");
    other.kill();
    server.close();
    const open = createServer();
    open.listen(0, "0.0.0.0");
    await once(open, "listening");
    const all = await findPortOwner("127.0.0.1", (open.address() as AddressInfo).port);
    assert.deepEqual(all.status === "found" && all.pids, [process.pid]);
    open.close();
  });

  it("says when a watched process ended, and takes no other one for it", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const { pid = 0 } = child;
    const before = readTree(pid);
    assert.ok((before.get(pid)?.startedTicks ?? 0) > 0);
    let moments = 0;
    await new Promise<void>((resolve) => {
      const sampler = startSampler(() => {
        moments++;
        if (moments === 1) child.kill();
        const [span] = sampler.watched("relay");
        if (span?.untilMs == null) return;
        assert.equal(span.pid, pid);
        assert.deepEqual(sampler.watched("generator"), []);
        sampler.stop();
        resolve();
      });
      sampler.watch("relay", pid);
    });
    assert.equal(readTree(pid).size, 0);
  });

  it("goes on with the process that takes the relay's place at its port", async () => {
    const first = listenElsewhere("127.0.0.4", 0);
    const port = Number(String(await once(first.stdout, "data")).trim());
    const url = parseRelayUrl(`ws://127.0.0.4:${port}`);
    const relay: Admission = { status: "admitted", url, addresses: ["127.0.0.4"], reason: "" };
    const plan = planOf();
    const live = new LiveRun(plan, pool);
    live.add(sliceOf({ vu: 1, atMs: 1_000, windowStartMs: 1_000 }), Date.now());
    const companion = await startCompanion({
      plan,
      admissions: [relay],
      relayPid: undefined,
      relayMetrics: null,
      live,
    });
    const seen = () => fetch(`${companion.url}/samples`).then((r) => r.json());
    const next = () => fetch(`${companion.url}/next`).then((r) => r.json());
    const relaySamples = async () =>
      ((await seen()) as readonly TimedSample[]).filter((s) => s.process === "relay");
    while ((await relaySamples()).length === 0) await next();
    first.kill();
    await once(first, "close");
    const second = listenElsewhere("127.0.0.4", port);
    await once(second.stdout, "data");
    const before = (await relaySamples()).length;
    for (let n = 0; (await relaySamples()).length < before + 2 && n < 20; n++) await next();
    const { samples, notes } = await companion.close();
    second.kill();
    assert.deepEqual(
      notes.relayProcesses?.map(({ pid }) => pid),
      [first.pid, second.pid],
    );
    const [old, young] = notes.relayProcesses ?? [];
    assert.ok(old?.untilSec != null && young?.fromSec != null && old.untilSec <= young.fromSec);
    assert.equal(young.untilSec, null);
    assert.ok(samples.filter((s) => s.process === "relay").length >= before + 2);
    const told = notes.notMeasured.find(({ what }) => what.startsWith("the relay's process from"));
    assert.equal(told?.why, `process ${first.pid} ended, ${second.pid} took its place`);
  });

  it("says of a process that was given that it ended, and looks for no other", () => {
    const spans = [{ pid: 7, fromMs: 500, untilMs: 3_000 }];
    assert.deepEqual(describeEnds(spans, 1_000, true), [
      {
        what: "the relay's process from 2.0 s on",
        why: "process 7 ended; without --relay-pid the one that takes its place is looked for",
      },
    ]);
    assert.deepEqual(
      describeEnds([{ ...spans[0], pid: 7, fromMs: 500, untilMs: null }], 1_000, true),
      [],
    );
    assert.deepEqual(relateSpans([...spans, { pid: 9, fromMs: 4_200, untilMs: null }], 1_000), [
      { pid: 7, fromSec: null, untilSec: 2 },
      { pid: 9, fromSec: 3.2, untilSec: null },
    ]);
  });

  it("takes what hands connections on for a proxy, by its name or by what it was started with", () => {
    const docker =
      "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 7777 -container-ip";
    const rows: readonly (readonly [string, number, boolean])[] = [
      [docker, 7777, true],
      [docker, 777, false],
      ["docker-proxy --host-port=7777", 7777, true],
      ["/usr/bin/other -host-port 7777", 7777, false],
      ["docker-proxy -container-port 7777", 7777, false],
    ];
    for (const [line, at, is] of rows) assert.equal(isDockerProxyOf(at, line.split(" ")), is, line);
    for (const name of ["docker-proxy", "nginx", "haproxy", "rootlessport"])
      assert.ok(isProxy(name));
    for (const name of ["strfry", "node", "nostr-rs-relay", "khatru"])
      assert.ok(!isProxy(name), name);
  });

  it("samples a proxy that holds the relay's port as such, and takes it for no relay", async () => {
    const proxy = listenElsewhere("127.0.0.5", 0, "docker-proxy");
    const port = Number(String(await once(proxy.stdout, "data")).trim());
    const url = parseRelayUrl(`ws://127.0.0.5:${port}`);
    const relay: Admission = { status: "admitted", url, addresses: ["127.0.0.5"], reason: "" };
    const plan = planOf();
    const companion = await startCompanion({
      plan,
      admissions: [relay],
      relayPid: process.pid,
      relayMetrics: null,
      live: new LiveRun(plan, pool),
    });
    for (let n = 0; n < 2; n++) await fetch(`${companion.url}/next`);
    const { samples, notes } = await companion.close();
    proxy.kill();
    assert.deepEqual(notes.proxy, { name: "docker-proxy", pids: [proxy.pid] });
    assert.match(notes.relayProcess ?? "", /, as given$/);
    for (const name of ["proxy", "relay"]) {
      assert.ok(
        samples.some((s) => s.process === name && s.cpuPercent !== null),
        name,
      );
    }
  });

  it("takes what a thread ran and what it waited from one and the same", () => {
    const usage = (times: Readonly<Record<string, readonly [number, number]>>) => ({
      ...NO_USAGE,
      threadTimes: new Map(
        Object.entries(times).map(([id, [ranSec, waitedSec]]) => [id, { ranSec, waitedSec }]),
      ),
    });
    const before = usage({ 1: [10, 5], 2: [1, 1] });
    const now = new Map([[40, usage({ 1: [10.72, 5.1], 2: [1.02, 2.06] })]]);
    assert.deepEqual(
      busiestThread(now, () => before, 2),
      { ranPercent: 36, waitedPercent: 5 },
    );
    assert.equal(
      busiestThread(new Map(), () => undefined, 2),
      null,
    );
  });

  it("reads this process and this host", async () => {
    const own = readTree(process.pid).get(process.pid);
    assert.ok(own);
    assert.ok(own.cpuSec > 0 && own.rssBytes > 10_000_000 && own.threads > 1);
    assert.ok((own.openFiles ?? 0) > 2 && (own.contextSwitches ?? 0) > 0);
    const host = readHost();
    assert.ok(host && host.totalSec > host.busySec && (host.usedBytes ?? 0) > own.rssBytes);
    assert.equal(readTree(2 ** 22 + 1).size, 0);
  });

  it("samples the busy process as busy, and several under one name together", async () => {
    const moments: (readonly TimedSample[])[] = [];
    await new Promise<void>((resolve) => {
      const sampler = startSampler((samples) => {
        // Until the second moment this process computes, however long it waits for a processor meanwhile.
        const { user, system } = process.cpuUsage();
        const spentUs = ({ user: u, system: s } = process.cpuUsage()) => u + s - user - system;
        while (spentUs() < 250_000);
        moments.push(samples);
        if (moments.length < 2) return;
        sampler.stop();
        resolve();
      });
      sampler.watch("relay", process.pid, process.pid);
    });
    const relay = moments[1]?.find((s) => s.process === "relay");
    assert.ok(relay && (relay.cpuPercent ?? 0) > 5, JSON.stringify(relay));
    assert.ok((relay.busiestThreadPercent ?? 0) > 5);
    assert.ok((relay.busiestThreadPercent ?? 0) < 150);
    assert.ok((relay.waitedForCpuPercent ?? -1) >= 0 && (relay.waitedForCpuPercent ?? 101) <= 101);
    assert.ok((relay.anonBytes ?? 0) > 1e6);
    assert.ok((relay.anonBytes ?? 0) < (relay.rssBytes ?? 0));
    // The same process given twice is one.
    assert.ok((relay.cpuPercent ?? 0) < 250);
    assert.equal(relay.networkBytesPerSec, null);
    assert.ok(moments[1]?.some((s) => s.process === "host" && (s.cpuPercent ?? 0) > 0));
  });

  it("finds the relay by its port, and says what it could not have", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const admit = (text: string, address: string): Admission => ({
      status: "admitted",
      url: parseRelayUrl(text),
      addresses: [address],
      reason: "",
    });
    const plan = planOf();
    const request = {
      plan,
      relayPid: undefined,
      relayMetrics: null,
      live: new LiveRun(plan, pool),
    };
    const relays = [
      admit(`ws://127.0.0.1:${port}`, "127.0.0.1"),
      admit("ws://10.9.8.7", "10.9.8.7"),
    ];
    const found = await startCompanion({ ...request, admissions: relays });
    found.observe(sliceOf({ phase: "done", vu: 1 }));
    const { notes } = await found.close();
    assert.match(notes.relayProcess ?? "", new RegExp(`, owner of port ${port}$`));
    const missing = Object.fromEntries(notes.notMeasured.map(({ what, why }) => [what, why]));
    assert.equal(missing["the process of 10.9.8.7:80"], "it is not on this machine");
    assert.equal(missing["the relay's own metrics"], "no --relay-metrics was given");
    server.close();
    const given = await startCompanion({ ...request, relayPid: 2 ** 22, admissions: relays });
    const { notes: none } = await given.close();
    assert.equal(none.relayProcess, null);
    assert.match(none.notMeasured[0]?.why ?? "", /no process 4194304/);
  });
});

describe("the relay's own metrics", () => {
  it("knows those of strfry, nostr-rs-relay, rnostr and every process, and leaves out the rest", () => {
    const known = [...parsePrometheus(RELAY_METRICS)].filter(([name]) => isKnownMetric(name));
    assert.deepEqual(Object.fromEntries(known), {
      'nostr_client_messages_total{verb="EVENT"}': 120,
      strfry_write_events_total: 118,
      strfry_connections_current: 20,
      nostr_events_write_seconds_sum: 0.25,
      'nostr_disconnects_total{reason="normal"}': 2,
      nostr_relay_session: 20,
      nostr_relay_db_write_sum: 1.25,
      nostr_relay_db_write_count: 60,
      process_resident_memory_bytes: 15_000_000,
    });
  });

  it("keeps the first and the last look, and why there is none", async () => {
    let written = 10;
    // A counter with labels is not there before it has counted, and begins with 0.
    let more = "";
    const server = createServer((request, response) => {
      if (request.url !== "/metrics") response.writeHead(404).end();
      else response.end(`strfry_write_events_total ${written}\n${more}`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const at = await admitSideUrl(`http://localhost:${port}/metrics`, "--relay-metrics", []);
    const reader = createRelayMetricsReader(at);
    await reader.read();
    written = 25;
    more = 'nostr_events_sent_total{source="realtime"} 7\nstrfry_connections_current 3\n';
    await reader.read();
    assert.equal(reader.takeUsage(), null, "nothing in it is of the process");
    assert.deepEqual(reader.result(), {
      metrics: [
        { name: "strfry_write_events_total", first: 10, last: 25 },
        { name: 'nostr_events_sent_total{source="realtime"}', first: 0, last: 7 },
        { name: "strfry_connections_current", first: 3, last: 3 },
      ],
      problem: null,
    });
    const wrong = await admitSideUrl(`http://127.0.0.1:${port}/nothing`, "--relay-metrics", []);
    const none = createRelayMetricsReader(wrong);
    assert.equal(none.result().problem, "it was never read");
    await none.read();
    assert.equal(none.result().problem, "HTTP status 404");
    server.close();
  });

  it("stands in for a process that can't be seen", async () => {
    let cpuSec = 10;
    const server = createServer((_, response) => {
      cpuSec += 1;
      response.end(
        `process_cpu_seconds_total ${cpuSec}\nprocess_resident_memory_bytes 5e6\nprocess_open_fds 9\n`,
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const url = parseRelayUrl("ws://10.9.8.7");
    const relay: Admission = { status: "admitted", url, addresses: ["10.9.8.7"], reason: "" };
    const plan = planOf();
    const at = await admitSideUrl(`http://127.0.0.1:${port}/metrics`, "--relay-metrics", []);
    const companion = await startCompanion({
      plan,
      admissions: [relay],
      relayPid: undefined,
      relayMetrics: at,
      live: new LiveRun(plan, pool),
    });
    for (let seen = false; !seen; ) {
      const { metrics } = (await (await fetch(`${companion.url}/next`)).json()) as {
        metrics: Readonly<Record<string, number>>;
      };
      seen = metrics.nostr_relay_cpu_percent !== undefined;
    }
    const { samples, notes } = await companion.close();
    server.close();
    const sample = samples.find((s) => s.process === "relay");
    assert.ok((sample?.cpuPercent ?? 0) > 0);
    assert.deepEqual([sample?.rssBytes, sample?.openFiles, sample?.threads], [5e6, 9, null]);
    assert.equal(notes.relayProcess, `as its metrics at \`127.0.0.1:${port}\` say`);
    const missing = notes.notMeasured.map(({ what }) => what);
    assert.ok(!missing.some((what) => /process of/.test(what)), missing.join());
  });

  it("is asked for on this machine or the relay's host, and nowhere else", async () => {
    const url = parseRelayUrl("wss://relay.example.com");
    const relay: Admission = { status: "admitted", url, addresses: ["203.0.113.9"], reason: "" };
    const admit = (text: string) => admitSideUrl(text, "--relay-metrics", [relay]);
    assert.equal((await admit("http://relay.example.com:9100/metrics")).address, "203.0.113.9");
    assert.equal((await admit("http://[::1]:1/metrics")).address, "::1");
    for (const refused of [
      "http://other.example.com/metrics",
      "http://203.0.113.10/metrics",
      "http://10.0.0.1:9100/metrics",
      "http://169.254.169.254/latest",
    ]) {
      await assert.rejects(admit(refused), /--relay-metrics refused/, refused);
    }
    await assert.rejects(admit("file:///etc/passwd"), /must be an `http:\/\/` URL/);
    await assert.rejects(admit("http://user:pass@127.0.0.1/"), /credentials/i);
  });
});

describe("thresholds on resources", () => {
  const resources: Resources = {
    samples: [
      sampleOf({ t: -1, process: "relay", cpuPercent: 100, rssBytes: 1 }),
      sampleOf({ t: 1, process: "relay", cpuPercent: 20, rssBytes: 100 }),
      sampleOf({ t: 2, process: "relay", cpuPercent: 40, rssBytes: 300 }),
      sampleOf({ t: 99, process: "relay", cpuPercent: 100, rssBytes: 900 }),
    ],
    relayProcess: null,
    relayMetrics: [],
    notMeasured: [],
  };
  const judge = (metric: string, expression: string, of: Resources | null = resources) =>
    judgeAgain([{ metric, expression, value: null, ok: null }], of, 10)[0];

  it("are judged from the samples of the window", () => {
    assert.equal(judge("nostr_relay_cpu_percent", "avg<31")?.value, 30);
    assert.equal(judge("nostr_relay_cpu_percent", "avg<31")?.ok, true);
    assert.equal(judge("nostr_relay_rss_bytes", "max<300")?.ok, false);
    assert.equal(judge("nostr_relay_rss_bytes", "min<101")?.value, 100);
    assert.equal(judge("nostr_relay_cpu_percent", "p(95)<50")?.value, 40);
  });

  it("fail without samples, and leave other metrics alone", () => {
    assert.equal(judge("nostr_host_cpu_percent", "avg<100")?.ok, null);
    assert.equal(judge("nostr_relay_cpu_percent", "avg<100", null)?.ok, null);
    const kept = { metric: "nostr_publish_failed", expression: "rate<1", value: 0, ok: true };
    assert.deepEqual(judgeAgain([kept], resources, 10), [kept]);
  });
});
