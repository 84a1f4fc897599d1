/**
 * How fast a pool is signed: by one thread that does nothing but sign, and by a maker with all cores,
 * which also builds, serialises, hashes and writes. Starting the threads is not counted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { FramesWriter } from "../../src/node/pool/frames-writer.ts";
import { type Keyring, openKeyring } from "../../src/node/pool/keyring.ts";
import { signInOrder } from "../../src/node/pool/sign-plan.ts";
import { startSigners } from "../../src/node/pool/signers.ts";
import { cutChunks, DEFAULT_EPOCH, planPool, scopeOf } from "../../src/pool/plan.ts";

export interface SigningFigures {
  /** Events a second of one thread. */
  readonly singleThreadPerSecond: number;
  /** Events a second of the maker. */
  readonly poolPerSecond: number;
  readonly cores: number;
  /** `poolPerSecond` ÷ (`cores` × `singleThreadPerSecond`). */
  readonly ratio: number;
}

const REPETITIONS = 5;
const EVENTS_A_CORE = 3_000;

/** Medians of five repetitions, one kind after the other, so that noise hits both alike. */
export async function benchSigning(): Promise<SigningFigures> {
  const cores = availableParallelism();
  const folder = await mkdtemp(join(tmpdir(), "k6-nostr-bench-"));
  const plan = planPool({
    seed: "bench",
    mix: { view: 0.9, video: 0.1 },
    events: EVENTS_A_CORE * cores * (REPETITIONS + 1),
    epoch: DEFAULT_EPOCH,
  });
  const keyring = await openKeyring("bench");
  const signers = await startSigners(scopeOf(plan), cores);
  // Every repetition has a stretch of its own: no thread knows its keys from the one before.
  const chunks = [...cutChunks(plan, 128)];
  const stretch = Math.floor(chunks.length / (REPETITIONS + 1));
  const signStretch = async (number: number): Promise<number> => {
    const writer = await FramesWriter.open(join(folder, `${number}`), plan.types);
    const part = chunks.slice(number * stretch, (number + 1) * stretch);
    const startMs = performance.now();
    for await (const chunk of signInOrder(part, signers)) await writer.write(chunk);
    const rate = ratePerSecond(writer.events, startMs);
    await writer.finish();
    return rate;
  };
  const single: number[] = [];
  const pool: number[] = [];
  try {
    // The first stretch warms the threads up.
    await signStretch(0);
    for (let i = 1; i <= REPETITIONS; i++) {
      const startMs = performance.now();
      signMany(keyring, EVENTS_A_CORE);
      single.push(ratePerSecond(EVENTS_A_CORE, startMs));
      pool.push(await signStretch(i));
    }
  } finally {
    await signers.close();
    await rm(folder, { recursive: true, force: true });
  }
  const singleThreadPerSecond = median(single);
  const poolPerSecond = median(pool);
  const ratio = poolPerSecond / (cores * singleThreadPerSecond);
  return { singleThreadPerSecond, poolPerSecond, cores, ratio };
}

function signMany(keyring: Keyring, count: number): void {
  const template = { kind: 1, created_at: DEFAULT_EPOCH, tags: [], content: "x".repeat(400) };
  for (let i = 0; i < count; i++) {
    keyring.sign({ author: { role: "author", index: i % 16 }, template });
  }
}

function ratePerSecond(events: number, startMs: number): number {
  return (events * 1_000) / (performance.now() - startMs);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
