/** The pool of several instances, of which each may have made its own part alone. */
import type { PoolManifest } from "../pool/format.ts";

/** A whole one where anybody has it, else the sum of the parts: what is missing of them was not sent either. */
export function poolOf(own: PoolManifest, pools: readonly PoolManifest[]): PoolManifest {
  const whole = pools.find(({ part }) => part === undefined);
  if (whole !== undefined) return whole;
  const all = [...new Map(pools.map((pool) => [pool.part?.instance, pool])).values()];
  const parts = all.filter(({ events }) => events > 0);
  // What a relay should hold of each kind does not add up: an address may be in several.
  const { part: _, expected: __, ...first } = own;
  const sum = (of: (pool: PoolManifest) => number) => parts.reduce((n, pool) => n + of(pool), 0);
  const most = (of: (pool: PoolManifest) => number) => Math.max(...parts.map(of));
  return {
    ...first,
    events: sum(({ events }) => events),
    sets: sum(({ sets }) => sets),
    bytes: sum(({ bytes }) => bytes),
    largestFrame: most(({ largestFrame }) => largestFrame),
    perType: Object.fromEntries(
      first.types.map((type) => [
        type,
        {
          events: sum(({ perType }) => perType[type]?.events ?? 0),
          bytes: sum(({ perType }) => perType[type]?.bytes ?? 0),
        },
      ]),
    ),
    createdAt: {
      min: Math.min(...parts.map(({ createdAt }) => createdAt.min)),
      max: most(({ createdAt }) => createdAt.max),
    },
    mostTags: most(({ mostTags = 0 }) => mostTags),
    longestContent: most(({ longestContent = 0 }) => longestContent),
  };
}
