/**
 * How fast a pool is signed: by one thread that does nothing but sign, and by a maker with all cores,
 * which also builds, serialises, hashes and writes. Starting the threads is not counted.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Keys } from "../../src/events/event-type.ts";
import { runInOrder } from "../../src/node/pool/crew.ts";
import { FramesWriter } from "../../src/node/pool/frames-writer.ts";
import { openKeyring } from "../../src/node/pool/keyring.ts";
import { startSigners } from "../../src/node/pool/sign-plan.ts";
import { cutChunks, DEFAULT_EPOCH, planPool } from "../../src/pool/plan.ts";
import { atLeast, notes } from "./goal.ts";
import { median } from "./k6-run.ts";
import { eventsPerSecond, type Print } from "./row.ts";

interface SigningFigures {
  /** Events a second of one thread. */
  readonly singleThreadPerSecond: number;
  /** Events a second of the maker. */
  readonly poolPerSecond: number;
  readonly cores: number;
  /** Events a second of as many threads as there are cores, which do nothing but sign. */
  readonly togetherPerSecond: number;
  /** Cores that other programs used while the maker signed: much above 0, the ratio says little. */
  readonly coresTakenByOthers: number;
}

const REPETITIONS = 5;
const EVENTS_A_CORE = 3_000;
const START_MS = 2_500;
const TOGETHER_MS = 1_500;
const alone = fileURLToPath(new URL("sign-alone.ts", import.meta.url));

/** Of cores × one thread. */
const GOAL = 0.9;

export async function benchSigning(print: Print): Promise<void> {
  const { poolPerSecond, togetherPerSecond, singleThreadPerSecond, cores, coresTakenByOthers } =
    await measureSigning();
  const ofCores = poolPerSecond / (cores * singleThreadPerSecond);
  print("signing, one thread", eventsPerSecond(singleThreadPerSecond));
  print(
    "signing, a thread a core, all at once",
    eventsPerSecond(togetherPerSecond),
    `${(togetherPerSecond / (cores * singleThreadPerSecond)).toFixed(2)} of cores × one thread`,
  );
  print(
    "signing, pool maker",
    eventsPerSecond(poolPerSecond),
    notes(
      `${ofCores.toFixed(2)} of cores × one thread`,
      atLeast(ofCores, GOAL),
      `${(poolPerSecond / togetherPerSecond).toFixed(2)} of a thread a core`,
      `others took ${coresTakenByOthers.toFixed(1)} cores`,
    ),
  );
}

/** Medians of five repetitions, one kind after the other, so that noise hits both alike. */
async function measureSigning(): Promise<SigningFigures> {
  const cores = availableParallelism();
  const folder = await mkdtemp(join(tmpdir(), "k6-nostr-bench-"));
  const keyring = await openKeyring("bench");
  const maker = await startMaker(cores, folder);
  const single: number[] = [];
  const pool: Stretch[] = [];
  const together: number[] = [];
  try {
    // The first stretch warms the threads up.
    await maker.signStretch(0);
    for (let i = 1; i <= REPETITIONS; i++) {
      const startMs = performance.now();
      signMany(keyring, EVENTS_A_CORE);
      single.push(ratePerSecond(EVENTS_A_CORE, startMs));
      together.push(await signTogether(cores));
      pool.push(await maker.signStretch(i));
    }
  } finally {
    await maker.close();
    await rm(folder, { recursive: true, force: true });
  }
  const singleThreadPerSecond = median(single);
  const togetherPerSecond = median(together);
  const poolPerSecond = median(pool.map((stretch) => stretch.perSecond));
  const coresTakenByOthers = Math.max(0, median(pool.map((stretch) => stretch.taken)));
  return { singleThreadPerSecond, togetherPerSecond, poolPerSecond, cores, coresTakenByOthers };
}

interface Stretch {
  readonly perSecond: number;
  readonly taken: number;
}

/** Starts the threads of a maker that signs one part of a plan for each repetition. */
async function startMaker(cores: number, folder: string) {
  const plan = planPool({
    seed: "bench",
    mix: { view: 0.9, video: 0.1 },
    events: EVENTS_A_CORE * cores * (REPETITIONS + 1),
    epoch: DEFAULT_EPOCH,
  });
  const signers = await startSigners(plan, cores);
  // Every repetition has a stretch of its own: no thread knows its keys from the one before.
  const chunks = [...cutChunks(plan, 128)];
  const length = Math.floor(chunks.length / (REPETITIONS + 1));
  const signStretch = async (number: number): Promise<Stretch> => {
    const writer = await FramesWriter.open(join(folder, `${number}`), plan.types);
    const part = chunks.slice(number * length, (number + 1) * length);
    const cpuBefore = foreignCpuMs();
    const startMs = performance.now();
    for await (const chunk of runInOrder(part, signers)) await writer.write(chunk);
    const perSecond = ratePerSecond(writer.events, startMs);
    const taken = (foreignCpuMs() - cpuBefore) / (performance.now() - startMs);
    await writer.finish();
    return { perSecond, taken };
  };
  return { signStretch, close: signers.close };
}

function signMany(keyring: Keys, count: number): void {
  for (let i = 0; i < count; i++) signOne(keyring, i);
}

const TEMPLATE = { kind: 1, created_at: DEFAULT_EPOCH, tags: [], content: "x".repeat(400) };

export function signOne(keyring: Keys, number: number): void {
  keyring.sign({ author: { role: "author", index: number % 16 }, template: TEMPLATE });
}

/** What so many threads sign in a second, at the same time: two that share a core do less than twice what one does. */
export async function signTogether(threads: number): Promise<number> {
  const fromMs = Date.now() + START_MS;
  const words = [alone, String(fromMs), String(fromMs + TOGETHER_MS)];
  const signed = await Promise.all(
    Array.from({ length: threads }, async () => {
      const child = spawn(process.execPath, ["--import", "tsx", ...words], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (data) => {
        text += data;
      });
      await once(child, "close");
      return Number(text);
    }),
  );
  return (signed.reduce((sum, n) => sum + n, 0) * 1_000) / TOGETHER_MS;
}

/** CPU time of the machine that was not ours. */
function foreignCpuMs(): number {
  const own = process.cpuUsage();
  const busy = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return busy.reduce((sum, ms) => sum + ms, 0) - (own.user + own.system) / 1_000;
}

function ratePerSecond(events: number, startMs: number): number {
  return (events * 1_000) / (performance.now() - startMs);
}
