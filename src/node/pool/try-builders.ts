/** Builds a user's events once before any is signed, so that what is wrong shows at once. */
import { ConfigError } from "../../errors.ts";
import type { PoolRequest } from "../../pool/plan.ts";
import { buildSets, cutChunks, type PoolPlan, resolvePart, scopeOf } from "../../pool/plan.ts";
import { openKeyring } from "./keyring.ts";

/** `["EVENT",{"id":"…","pubkey":"…",…,"sig":"…"}]`: what a frame has beyond its template. */
const FRAME_BYTES = 297;
/** Sets that are tried; the rest are checked while they are signed. */
const MOST_SETS = 20_000;
/** Sets that are built twice, to see whether they depend on anything but the seed. */
const BUILT_TWICE = 200;

export interface Trial extends PoolRequest {
  readonly mostFrameBytes?: number | undefined;
}

/** Throws `ConfigError` for a builder that fails, whose event is too large, or that is not deterministic. */
export async function tryBuilders(plan: PoolPlan, request: Trial): Promise<void> {
  const { extra = [], mostFrameBytes = Number.POSITIVE_INFINITY } = request;
  if (extra.length === 0) return;
  const own = new Set(extra.map(({ name }) => name));
  const scope = scopeOf(plan);
  const keys = await openKeyring(scope.seed);
  let sets = 0;
  for (const chunk of cutChunks(plan, BUILT_TWICE)) {
    sets += chunk.order.length;
    if (sets > MOST_SETS) return;
    const again = sets <= BUILT_TWICE ? buildSets(chunk, scope, keys, extra) : undefined;
    for (const set of buildSets(chunk, scope, keys, extra)) {
      const second = again?.next().value?.parts;
      const name = plan.types[set.type] ?? "";
      if (!own.has(name)) continue;
      if (second !== undefined && JSON.stringify(second) !== JSON.stringify(set.parts)) {
        throw new ConfigError(
          `the builder \`${name}\` gave two different events for one seed; take chance from \`context.random\` and time from \`context.created_at\``,
        );
      }
      for (const part of set.parts) {
        const { kind, created_at, tags, content } = resolvePart(part, []).template;
        const template = JSON.stringify({ created_at, kind, tags, content });
        const bytes = FRAME_BYTES + Buffer.byteLength(template) - 2;
        if (bytes > mostFrameBytes) {
          throw new ConfigError(
            `the builder \`${name}\` returned an event of kind ${kind} with a frame of ${bytes} bytes; the relay announces at most ${mostFrameBytes}`,
          );
        }
      }
    }
  }
}
