/** Signs a whole plan over all threads and gives its chunks in the order of sending. */
import { type ChunkScope, cutChunks, type PoolPlan } from "../../pool/plan.ts";
import type { SignedChunk } from "./sign-chunk.ts";
import { type Signers, startSigners } from "./signers.ts";

export interface PlanSigners extends Signers {
  readonly setsPerChunk: number;
}

/** Starts at most `threads` signers for a plan. */
export async function startPlanSigners(plan: PoolPlan, threads: number): Promise<PlanSigners> {
  const sets = plan.order.length;
  const scope: ChunkScope = { ...plan.scope, types: plan.types, sets };
  // Large enough to use a key several times, small enough that all threads end at about one time.
  const setsPerChunk = Math.min(512, Math.max(32, Math.ceil(sets / (8 * threads))));
  const chunks = Math.ceil(sets / setsPerChunk);
  return { ...(await startSigners(scope, Math.min(threads, chunks))), setsPerChunk };
}

/** Gives chunk after chunk; keeps two a thread under way, so that memory stays bounded. */
export async function* signPlan(plan: PoolPlan, signers: PlanSigners): AsyncGenerator<SignedChunk> {
  const underWay: Promise<SignedChunk>[] = [];
  for (const chunk of cutChunks(plan, signers.setsPerChunk)) {
    const signed = signers.sign(chunk);
    // A failure is met when its turn comes; until then it must not count as unhandled.
    signed.catch(() => undefined);
    underWay.push(signed);
    const next = underWay.length < 2 * signers.threads ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const signed of underWay) yield await signed;
}
