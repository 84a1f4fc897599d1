/** Signs a whole plan over all threads and gives its chunks in the order of sending. */
import { type Chunk, cutChunks, type PoolPlan, type Stretch, scopeOf } from "../../pool/plan.ts";
import { type Crew, runInOrder, startCrew, workHere } from "./crew.ts";
import { openKeyring } from "./keyring.ts";
import { type SignedChunk, signChunk } from "./sign-chunk.ts";

/** So many sets are signed here before a thread has started. */
const FEW_SETS = 512;

export interface SignOptions {
  /** Signs with at most so many threads. */
  readonly threads: number;
  /** What is to be signed of the plan, in rising order. */
  readonly stretches: readonly Stretch[];
  /** URL of a module with builders of the user's own: see `loadBuilders`. */
  readonly module?: string | undefined;
}

/** Gives the chunks of a plan one by one; starts and ends signers unless the sets are few. */
export async function* signPlan(
  plan: PoolPlan,
  { threads, stretches, module }: SignOptions,
): AsyncGenerator<SignedChunk> {
  const sets = stretches.reduce((sum, [fromSet, toSet]) => sum + toSet - fromSet, 0);
  if (sets === 0) return;
  // Large enough to use a key several times, small enough that all threads end at about one time.
  const setsPerChunk = Math.min(512, Math.max(32, Math.ceil(sets / (8 * threads))));
  const needed = Math.max(1, Math.min(threads, Math.ceil(sets / setsPerChunk)));
  // A user's builders always run in threads: there each begins with a module of its own.
  const isHere = module === undefined && sets <= FEW_SETS;
  const signers = await (isHere ? signHere(plan) : startSigners(plan, needed, module));
  try {
    yield* runInOrder(cutChunks(plan, setsPerChunk, stretches), signers);
  } finally {
    await signers.close();
  }
}

/** Starts threads that sign a plan's chunks. */
export function startSigners(
  plan: PoolPlan,
  threads: number,
  module?: string,
): Promise<Crew<Chunk, SignedChunk>> {
  const data = { scope: scopeOf(plan), module };
  return startCrew({ module: "./sign-worker.ts", data, threads });
}

async function signHere(plan: PoolPlan): Promise<Crew<Chunk, SignedChunk>> {
  const scope = scopeOf(plan);
  const keyring = await openKeyring(scope.seed);
  return workHere((chunk) => signChunk(chunk, scope, keyring));
}
