/** The pool of a run: the user's own, or one made for the plan and kept. */
import { parseMix } from "../../events/mix.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import { ensurePool } from "../pool/cache.ts";
import type { Progress } from "../pool/progress.ts";
import { type Pool, readPool } from "../pool/read.ts";
import type { Terminal } from "../terminal.ts";

export const POOLS_DIR = "pools";

export interface PoolChoice {
  /** Folder given by the user; a pool is made or taken from the cache without it. */
  readonly dir: string | undefined;
  /** `created_at` of the first event of a pool to be made. */
  readonly epoch: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Opens the given pool after checking it, or makes the plan's. Throws `ConfigError`. */
export async function choosePool(plan: Plan, choice: PoolChoice): Promise<Pool> {
  const { terminal } = choice;
  if (choice.dir !== undefined) return await readPool(choice.dir);
  const started = Date.now();
  const pool = await ensurePool({
    root: POOLS_DIR,
    seed: plan.seed,
    mix: parseMix(plan.mix),
    events: eventsNeeded(plan),
    epoch: choice.epoch,
    signal: choice.signal,
    onProgress: (progress) => terminal.status(describeProgress(progress)),
  });
  const { manifest } = pool;
  const size = `${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}`;
  const how = pool.made ? `signed in ${((Date.now() - started) / 1_000).toFixed(1)} s` : "kept";
  terminal.note(`pool        ${pool.dir} (${size}, ${how}, seed ${manifest.seed})`);
  return pool;
}

export function describeProgress({ done, total, perSecond, secondsLeft }: Progress): string {
  return `pool        signing ${formatCount(done)} of ${formatCount(total)} events, ${formatCount(perSecond)} a second, ${Math.ceil(secondsLeft)} s left`;
}
