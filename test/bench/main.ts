/**
 * `npm run bench`: speed and memory as figures and ratios of one run on one machine, medians of several
 * repetitions, the compared ones alternating. Figures of different machines or moments do not compare.
 *
 *     npm run bench                     half an hour, and 3 GB of disk
 *     npm run bench -- --quick          repeats once, without the soak of 5 million events
 *     npm run bench -- --only lag       one part: see PARTS
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleScripts } from "../../build/bundle.ts";
import { makeLookAlikes } from "../../src/node/calibrate/look-alikes.ts";
import { startRelayProcess } from "../../src/node/relay/process.ts";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import { publishOf } from "../../src/report/class-report.ts";
import { pointsOf } from "../../src/report/points.ts";
import type { Band } from "../../src/report/types.ts";
import { bundleBare } from "./bare.ts";
import { benchDeliveries } from "./deliveries.ts";
import { atLeast, atMost, notes } from "./goal.ts";
import { benchHandshakes } from "./handshakes.ts";
import { type K6Figures, type K6Load, median, type Rig, runK6 } from "./k6-run.ts";
import { benchBare, benchCpu } from "./limits.ts";
import { benchMetricCost } from "./metric-cost.ts";
import { obtainNostrBench, runNostrBench } from "./nostr-bench.ts";
import { benchPools } from "./pools.ts";
import { benchQueries } from "./queries.ts";
import { benchReading } from "./reading.ts";
import { benchReal } from "./real.ts";
import { benchSigning } from "./signing.ts";

const isQuick = process.argv.includes("--quick");
const repetitions = isQuick ? 1 : 5;
const nodeClient = fileURLToPath(new URL("node-client.ts", import.meta.url));
const SATURATED: K6Load = { clients: 100, rate: 100_000, seconds: 5, maxInFlight: 8 };
const SMALL_EVENTS = 2_000;
const LARGE_EVENTS = 500_000;

const PARTS: Readonly<Record<string, (rig: Rig) => Promise<void>>> = {
  bare: (rig) => benchBare(rig, { saturated: SATURATED, repetitions }, row),
  cpu: (rig) => benchCpu(rig, repetitions, row),
  saturated: benchSaturated,
  reading: (rig) => benchReading(rig, repetitions, row),
  queries: (rig) => benchQueries(rig, repetitions, row),
  deliveries: (rig) => benchDeliveries(rig, repetitions, row),
  handshakes: (rig) => benchHandshakes(rig, repetitions, row),
  real: (rig) => benchReal(rig, repetitions, row),
  metrics: benchMetrics,
  lag: benchLag,
  memory: benchMemory,
  connections: benchConnections,
  agreement: benchAgreement,
  signing: benchSigner,
  pools: (rig) => benchPools(rig, row),
  soak: benchSoak,
};
/** Left out of a quick bench. */
const LONG_PARTS: readonly string[] = ["soak"];

async function main(): Promise<void> {
  const [cpu] = cpus();
  console.log(
    `${availableParallelism()} × ${cpu?.model}, Node ${process.version}, medians of ${repetitions}\n`,
  );
  const k6 = await ensureK6({ env: process.env, onNote: (line) => console.error(line) });
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-bench-"));
  const sink = await startRelayProcess(["--sink"]);
  try {
    await bundleScripts(["k6/publish.ts", "k6/query.ts", "k6/fanout.ts"], dir);
    await bundleBare(dir);
    const pool = join(dir, "pool");
    await makeLookAlikes(pool, LARGE_EVENTS);
    const rig: Rig = { dir, k6: k6.path, url: sink.url, pool };
    for (const part of chosenParts()) await part(rig);
  } finally {
    await sink.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

function chosenParts(): readonly ((rig: Rig) => Promise<void>)[] {
  const at = process.argv.indexOf("--only");
  const isLeftOut = (name: string) => isQuick && LONG_PARTS.includes(name);
  if (at === -1) return Object.entries(PARTS).flatMap(([n, part]) => (isLeftOut(n) ? [] : [part]));
  return (process.argv[at + 1] ?? "").split(",").map((name) => {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`--only takes ${Object.keys(PARTS).join(", ")}`);
    return part;
  });
}

async function benchSaturated(rig: Rig): Promise<void> {
  const nostrBench = await obtainNostrBench();
  const ours: K6Figures[] = [];
  const node: number[] = [];
  const crate: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    node.push(await runNodeClient(rig));
    ours.push(await runK6(rig, SATURATED));
    if ("path" in nostrBench) {
      crate.push(await runNostrBench(nostrBench.path, ["event"], rig.url, SATURATED.clients));
    }
  }
  const k6PerSecond = median(ours.map((f) => f.perSecond));
  const over = (other: number) => (k6PerSecond / other).toFixed(2);
  row("saturated, plain Node client on ws", eventsPerSecond(median(node)));
  row(
    "saturated, nostr-bench (signs in its loop)",
    "path" in nostrBench ? eventsPerSecond(median(crate)) : "not measured",
    "path" in nostrBench ? "one in flight on each connection" : nostrBench.missing,
  );
  row(
    "saturated, k6",
    eventsPerSecond(k6PerSecond),
    notes(
      `${over(median(node))} of the Node client`,
      `${over(median(crate))} of nostr-bench`,
      `${median(ours.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
    ),
  );
}

async function benchMetrics(rig: Rig): Promise<void> {
  const costs = await benchMetricCost(rig, SATURATED, repetitions);
  const [whole] = costs;
  for (const { name, perSecond, cpuMicros } of costs) {
    row(
      `saturated, ${name}`,
      eventsPerSecond(perSecond),
      `${cpuMicros.toFixed(1)} µs of CPU an event, ${(perSecond / (whole?.perSecond ?? Number.NaN)).toFixed(2)} of the whole`,
    );
  }
}

async function benchLag(rig: Rig): Promise<void> {
  for (const [rate, goal] of [
    [1_000, 1.5],
    [10_000, 1],
    [30_000, 5],
  ] as const) {
    const runs: K6Figures[] = [];
    for (let i = 0; i < repetitions; i++) {
      const load = { clients: 100, rate, seconds: 10, maxInFlight: 16, pacing: "precise" } as const;
      runs.push(await runK6(rig, load));
    }
    const lag = (q: "p50" | "p99") =>
      median(runs.map((f) => f.report.generator.scheduleLag[q] ?? Number.NaN));
    const held = median(runs.map((f) => publishOf(f.report).rate.sent));
    row(
      `open model, ${rate}/s`,
      `lag p50 ${lag("p50").toFixed(2)} ms, p99 ${lag("p99").toFixed(2)} ms`,
      notes(
        atMost(lag("p99"), goal, "ms"),
        `${held.toFixed(0)} events/s held`,
        `${median(runs.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
      ),
    );
  }
}

/** Connections over an empty run; a large pool over a small one. */
async function benchMemory(large: Rig): Promise<void> {
  const small: Rig = { ...large, pool: join(large.dir, "small") };
  await makeLookAlikes(small.pool, SMALL_EVENTS);
  const load = { rate: 100, seconds: 5, maxInFlight: 16 };
  const empty = (await runK6(small, { ...load, clients: 1 })).rssBytes;
  for (const clients of [1_000, 10_000]) {
    const without = await runK6(small, { ...load, clients });
    const { opened } = without.report.classes.connection.totals;
    const each = (without.rssBytes - empty) / clients / 1e6;
    row(
      `memory, ${clients} connections`,
      megabytes(without.rssBytes),
      notes(
        `${each.toFixed(3)} MB each over an empty run of ${megabytes(empty)}`,
        atMost(each, 0.1, "MB"),
        `${opened} opened`,
      ),
    );
    const { rssBytes, report } = await runK6(large, { ...load, clients });
    const { bytes } = report.config.pool;
    const times = (rssBytes - without.rssBytes) / bytes;
    row(
      `memory, the same with a pool of ${megabytes(bytes)}`,
      megabytes(rssBytes),
      notes(`${times.toFixed(2)} × its bytes`, atMost(times, 2)),
    );
  }
}

async function benchConnections(rig: Rig): Promise<void> {
  for (const clients of [10, 100, 1_000, 10_000]) {
    const { cpuMicros, report } = await runK6(rig, {
      clients,
      rate: 2_000,
      seconds: 10,
      maxInFlight: 16,
    });
    row(
      `cost, ${clients} connections`,
      `${cpuMicros.toFixed(1)} µs of CPU an event`,
      `at 2,000/s, opening them included; lag p99 ${(report.generator.scheduleLag.p99 ?? Number.NaN).toFixed(2)} ms; ${report.classes.connection.totals.opened} opened`,
    );
  }
}

/** Two runs of one seed: does each figure of the second lie within the band that the first states of itself? */
async function benchAgreement(rig: Rig): Promise<void> {
  const within = { "response p50": 0, "response p99": 0, throughput: 0 };
  for (let i = 0; i < repetitions; i++) {
    const load = { clients: 100, rate: 1_000, seconds: 10, maxInFlight: 16 };
    const noise = (await runK6(rig, load)).report.noise.classes.publish;
    const { times, rate } = publishOf((await runK6(rig, load)).report);
    if (isWithin(noise?.responseP50 ?? null, times.response.p50)) within["response p50"]++;
    if (isWithin(noise?.responseP99 ?? null, times.response.p99)) within["response p99"]++;
    if (isWithin(noise?.donePerSec ?? null, rate.done)) within.throughput++;
  }
  for (const [figure, times] of Object.entries(within)) {
    row(
      `agreement of ${figure}`,
      `${times} of ${repetitions} pairs`,
      "within the noise band of the other run, 1,000/s",
    );
  }
}

function isWithin(band: Band, value: number | null): boolean {
  return band !== null && value !== null && band[0] <= value && value <= band[1];
}

/** Ten times the events, the same memory: only slices are kept, and there are at most 600 of them. */
async function benchSoak(rig: Rig): Promise<void> {
  const rate = 30_000;
  const pool = join(rig.dir, "soak");
  await makeLookAlikes(pool, 5_100_000);
  const rss: number[] = [];
  for (const events of [500_000, 5_000_000]) {
    const load = { clients: 100, rate, seconds: events / rate, maxInFlight: 16 };
    const { rssBytes, report } = await runK6({ ...rig, pool }, load);
    rss.push(rssBytes);
    row(
      `soak, ${events} events`,
      megabytes(rssBytes),
      `${publishOf(report).totals.accepted} accepted in ${report.run.durationSec.toFixed(0)} s, ${pointsOf(report).length} slices`,
    );
  }
  const [short = Number.NaN, long = Number.NaN] = rss;
  row(
    "soak, ten times the events",
    `${(long / short).toFixed(2)} × the memory`,
    atMost(long / short, 1.1),
  );
}

async function benchSigner(): Promise<void> {
  const signing = await benchSigning();
  row("signing, one thread", eventsPerSecond(signing.singleThreadPerSecond));
  const { poolPerSecond, togetherPerSecond, singleThreadPerSecond, cores } = signing;
  const ofCores = poolPerSecond / (cores * singleThreadPerSecond);
  row(
    "signing, a thread a core, all at once",
    eventsPerSecond(togetherPerSecond),
    `${(togetherPerSecond / (cores * singleThreadPerSecond)).toFixed(2)} of cores × one thread`,
  );
  row(
    "signing, pool maker",
    eventsPerSecond(poolPerSecond),
    notes(
      `${ofCores.toFixed(2)} of cores × one thread`,
      atLeast(ofCores, 0.9),
      `${(poolPerSecond / togetherPerSecond).toFixed(2)} of a thread a core`,
      `others took ${signing.coresTakenByOthers.toFixed(1)} cores`,
    ),
  );
}

async function runNodeClient(rig: Rig): Promise<number> {
  const { clients, maxInFlight, seconds } = SATURATED;
  const words = [rig.url, join(rig.pool, "frames.txt"), clients, maxInFlight, seconds].map(String);
  const child = spawn(process.execPath, ["--import", "tsx", nodeClient, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  await once(child, "close");
  const { events, seconds: took } = JSON.parse(text) as { events: number; seconds: number };
  return events / took;
}

function eventsPerSecond(n: number): string {
  return `${n.toFixed(0)} events/s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function row(what: string, figure: string, note = ""): void {
  console.log(`${what.padEnd(44)} ${figure.padEnd(36)} ${note}`);
}

await main();
