/** Signs a whole plan over all threads and gives its chunks in the order of sending. */
import { type Chunk, cutChunks, type PoolPlan, scopeOf } from "../../pool/plan.ts";
import type { SignedChunk } from "./sign-chunk.ts";
import { type Signers, startSigners } from "./signers.ts";

/** Starts at most `threads` signers, gives the chunks of a plan one by one, and ends the signers. */
export async function* signPlan(plan: PoolPlan, threads: number): AsyncGenerator<SignedChunk> {
  const sets = plan.order.length;
  // Large enough to use a key several times, small enough that all threads end at about one time.
  const setsPerChunk = Math.min(512, Math.max(32, Math.ceil(sets / (8 * threads))));
  const needed = Math.max(1, Math.min(threads, Math.ceil(sets / setsPerChunk)));
  const signers = await startSigners(scopeOf(plan), needed);
  try {
    yield* signInOrder(cutChunks(plan, setsPerChunk), signers);
  } finally {
    await signers.close();
  }
}

/** Gives chunks in their order, signed; keeps two a thread under way, so that memory stays bounded. */
export async function* signInOrder(
  chunks: Iterable<Chunk>,
  signers: Signers,
): AsyncGenerator<SignedChunk> {
  const underWay: Promise<SignedChunk>[] = [];
  for (const chunk of chunks) {
    const signed = signers.sign(chunk);
    // A failure is met when its turn comes; until then it must not count as unhandled.
    signed.catch(() => undefined);
    underWay.push(signed);
    const next = underWay.length < 2 * signers.threads ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const signed of underWay) yield await signed;
}
