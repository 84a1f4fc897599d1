/** What the answer to a COUNT (NIP-45) is worth. */
import type { Counted } from "../relay-message.ts";
import type { Asked, Lane } from "./asked.ts";
import type { Verdict } from "./verdict.ts";

/** NIP-45's HyperLogLog has 256 registers, a standard error of 6.5 %: three of them, and small numbers whole. */
const SKETCH_ERROR = 0.2;
const SKETCH_LEAST = 2;

export function judgeCount(
  { count, isApproximate, isLimited }: Counted,
  { expected, lane }: Pick<Asked, "expected"> & { readonly lane: Pick<Lane, "hasOwnCounts"> },
): Verdict {
  if (typeof expected !== "number") return "unchecked";
  const difference = Math.abs(count - expected);
  if (difference === 0) return "right";
  if (isApproximate && difference <= Math.max(SKETCH_LEAST, SKETCH_ERROR * expected)) {
    return "right";
  }
  // Others' events that match are counted as well, and nothing in the answer tells them apart.
  if (count > expected) return lane.hasOwnCounts ? "wrong" : "unchecked";
  return isLimited ? "truncated" : "short";
}
