/**
 * `npm run bench`: speed and memory as figures and ratios of one run on one machine, medians of several
 * repetitions, the compared ones alternating. Figures of different machines or moments do not compare.
 * `npm run bench -- --quick` repeats once.
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
import { type K6Figures, type K6Load, median, type Rig, runK6 } from "./k6-run.ts";
import { benchSigning } from "./signing.ts";

const repetitions = process.argv.includes("--quick") ? 1 : 5;
const nodeClient = fileURLToPath(new URL("node-client.ts", import.meta.url));
const SATURATED: K6Load = { clients: 100, rate: 100_000, seconds: 5, maxInFlight: 8 };
const SMALL_EVENTS = 2_000;
const LARGE_EVENTS = 500_000;

async function main(): Promise<void> {
  const [cpu] = cpus();
  console.log(
    `${availableParallelism()} × ${cpu?.model}, Node ${process.version}, medians of ${repetitions}\n`,
  );
  const k6 = await ensureK6({ env: process.env, onNote: (line) => console.error(line) });
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-bench-"));
  const sink = await startRelayProcess(["--sink"]);
  try {
    await bundleScripts(["k6/publish.ts"], dir);
    const pool = join(dir, "pool");
    const small = join(dir, "small");
    const { bytes } = await makeLookAlikes(pool, LARGE_EVENTS);
    await makeLookAlikes(small, SMALL_EVENTS);
    const rig: Rig = { dir, k6: k6.path, url: sink.url, pool };
    await benchSaturated(rig);
    await benchLag(rig);
    await benchMemory({ ...rig, pool: small }, rig, bytes);
    await benchConnections(rig);
  } finally {
    await sink.stop();
    await rm(dir, { recursive: true, force: true });
  }
  const signing = await benchSigning();
  row("signing, one thread", `${signing.singleThreadPerSecond.toFixed(0)} events/s`);
  row(
    "signing, pool maker",
    `${signing.poolPerSecond.toFixed(0)} events/s`,
    `${signing.ratio.toFixed(2)} of cores × one thread (goal 0.85); others took ${signing.coresTakenByOthers.toFixed(1)} cores`,
  );
}

async function benchSaturated(rig: Rig): Promise<void> {
  const ours: K6Figures[] = [];
  const theirs: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    theirs.push(await runNodeClient(rig));
    ours.push(await runK6(rig, SATURATED));
  }
  const k6PerSecond = median(ours.map((f) => f.perSecond));
  const nodePerSecond = median(theirs);
  row("saturated, plain Node client on ws", `${nodePerSecond.toFixed(0)} events/s`);
  row(
    "saturated, k6",
    `${k6PerSecond.toFixed(0)} events/s`,
    `${(k6PerSecond / nodePerSecond).toFixed(2)} of the Node client (goal 0.8), ${median(ours.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
  );
}

async function benchLag(rig: Rig): Promise<void> {
  for (const [rate, goal] of [
    [1_000, 1.5],
    [10_000, 1],
    [30_000, 5],
  ] as const) {
    const runs: K6Figures[] = [];
    for (let i = 0; i < Math.min(3, repetitions); i++) {
      runs.push(await runK6(rig, { clients: 100, rate, seconds: 10, maxInFlight: 16 }));
    }
    const lag = (q: "p50" | "p99") =>
      median(runs.map((f) => f.report.generator.scheduleLag[q] ?? Number.NaN));
    const held = median(runs.map((f) => f.report.throughput.attemptedEps));
    row(
      `open model, ${rate}/s`,
      `lag p50 ${lag("p50").toFixed(2)} ms, p99 ${lag("p99").toFixed(2)} ms`,
      `goal p99 ≤ ${goal} ms; ${held.toFixed(0)} events/s held, ${median(runs.map((f) => f.cpuMicros)).toFixed(1)} µs of CPU an event`,
    );
  }
}

/** Connections over an empty run; a large pool over a small one. */
async function benchMemory(small: Rig, large: Rig, poolBytes: number): Promise<void> {
  const load = { rate: 100, seconds: 5, maxInFlight: 16 };
  const empty = (await runK6(small, { ...load, clients: 1 })).rssBytes;
  for (const clients of [1_000, 10_000]) {
    const { rssBytes, report } = await runK6(small, { ...load, clients });
    const each = (rssBytes - empty) / clients / 1e6;
    row(
      `memory, ${clients} connections`,
      `${(rssBytes / 1e6).toFixed(0)} MB`,
      `${each.toFixed(3)} MB each over an empty run of ${(empty / 1e6).toFixed(0)} MB (goal 0.1); ${report.totals.connections.opened} opened`,
    );
  }
  for (const clients of [100, 10_000]) {
    const without = (await runK6(small, { ...load, clients })).rssBytes;
    const { rssBytes } = await runK6(large, { ...load, clients });
    row(
      `memory, pool of ${(poolBytes / 1e6).toFixed(0)} MB, ${clients} connections`,
      `${(rssBytes / 1e6).toFixed(0)} MB`,
      `${((rssBytes - without) / poolBytes).toFixed(2)} × its bytes (goal 2)`,
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
      `at 2,000/s; lag p99 ${(report.generator.scheduleLag.p99 ?? Number.NaN).toFixed(2)} ms`,
    );
  }
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

function row(what: string, figure: string, note = ""): void {
  console.log(`${what.padEnd(44)} ${figure.padEnd(36)} ${note}`);
}

await main();
