/**
 * How fast a pool is signed: by one thread that does nothing but sign, and by a maker with all cores,
 * which also builds, serialises, hashes and writes. Starting the threads is not counted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { FramesWriter } from "../../src/node/pool/frames-writer.ts";
import { type Keyring, openKeyring } from "../../src/node/pool/keyring.ts";
import { signPlan, startPlanSigners } from "../../src/node/pool/sign-plan.ts";
import { DEFAULT_EPOCH, planPool } from "../../src/pool/plan.ts";

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
    events: EVENTS_A_CORE * cores,
    epoch: DEFAULT_EPOCH,
  });
  const keyring = await openKeyring("bench");
  const signers = await startPlanSigners(plan, cores);
  const single: number[] = [];
  const pool: number[] = [];
  try {
    signMany(keyring, 500);
    for (let i = 0; i < REPETITIONS; i++) {
      let startMs = performance.now();
      signMany(keyring, EVENTS_A_CORE);
      single.push(ratePerSecond(EVENTS_A_CORE, startMs));

      const writer = await FramesWriter.open(join(folder, `${i}`), plan.types);
      startMs = performance.now();
      for await (const chunk of signPlan(plan, signers)) await writer.write(chunk);
      pool.push(ratePerSecond(writer.events, startMs));
      await writer.finish();
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
