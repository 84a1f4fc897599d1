/** The pool of a run: the user's own, or one made for the plan and kept. */

import { Interrupted } from "../../errors.ts";
import { parseMix } from "../../events/mix.ts";
import type { OptionTexts } from "../../plan/options.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import type { Builders } from "../pool/builders.ts";
import { ensurePool } from "../pool/cache.ts";
import type { Progress } from "../pool/progress.ts";
import { type Pool, readPool } from "../pool/read.ts";
import { type ReplayedPool, replayFile } from "../pool/replay.ts";
import type { Terminal } from "../terminal.ts";

export const POOLS_DIR = "pools";
/** What a maker that is stopped leaves. */
export const GOES_ON = "the same command goes on with the pool where it stopped";

export interface PoolChoice {
  /** Folder given by the user; a pool is made or taken from the cache without it. */
  readonly dir: string | undefined;
  /** `created_at` of the first event of a pool to be made. */
  readonly epoch: number;
  readonly builders?: Builders | undefined;
  /** The largest frame that the relays announce to take. */
  readonly mostFrameBytes?: number | undefined;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Opens the given pool after checking it, or makes the plan's. Throws `ConfigError`. */
export async function choosePool(plan: Plan, choice: PoolChoice): Promise<Pool> {
  const { terminal } = choice;
  if (choice.dir !== undefined) {
    return await readPool(choice.dir, (progress) => terminal.status(describeVerifying(progress)));
  }
  const started = Date.now();
  const pool = await ensurePool({
    root: POOLS_DIR,
    seed: plan.seed,
    mix: parseMix(plan.mix, choice.builders?.extra),
    ...choice.builders,
    mostFrameBytes: choice.mostFrameBytes,
    onResume: (events) => terminal.note(describeResume(events)),
    events: eventsNeeded(plan),
    epoch: choice.epoch,
    signal: choice.signal,
    onReading: (progress) => terminal.status(describeVerifying(progress)),
    onProgress: (progress) => terminal.status(describeProgress(progress)),
  }).catch((error) => {
    if (!choice.signal.aborted) throw error;
    throw new Interrupted(`interrupted before anything was sent; ${GOES_ON}`, { cause: error });
  });
  const { manifest } = pool;
  const size = `${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}`;
  const how = pool.made ? `signed in ${((Date.now() - started) / 1_000).toFixed(1)} s` : "kept";
  terminal.note(`pool        ${pool.dir} (${size}, ${how}, seed ${manifest.seed})`);
  return pool;
}

export function describeProgress(
  { done, total, perSecond, secondsLeft }: Progress,
  what = "signing",
): string {
  return `pool        ${what} ${formatCount(done)} of ${formatCount(total)} events, ${formatCount(perSecond)} a second, ${Math.ceil(secondsLeft)} s left`;
}

/** What a maker says that goes on where another one was stopped. */
export function describeResume(events: number): string {
  return `pool        goes on behind ${formatCount(events)} events that were signed before`;
}

/** Makes a pool of the file that `--events` names; gives its folder, or `undefined` without the option. */
export async function replayOption(
  { events: file }: OptionTexts,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const onProgress = (progress: Progress) => terminal.status(describeVerifying(progress));
  const pool = await replayFile({ file, root: POOLS_DIR, signal, onProgress });
  terminal.clear();
  terminal.note(`pool        ${describeReplayed(pool)}`);
  return pool.dir;
}

export function describeVerifying({ done, total, secondsLeft }: Progress): string {
  return `pool        verifying, ${formatBytes(done)} of ${formatBytes(total)}, ${Math.ceil(secondsLeft)} s left`;
}

/** What became of a replayed file, by kind. */
export function describeReplayed({ dir, manifest, replayed }: ReplayedPool): string {
  const kinds = Object.entries(manifest.perType).map(
    ([type, { events }]) => `${type} ${formatCount(events)}`,
  );
  const size = `${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}`;
  if (replayed === null) return `${dir}: ${size}, kept; ${kinds.join(", ")}`;
  const { duplicates, leftOut } = replayed;
  const notes = [
    duplicates > 0 ? `${formatCount(duplicates)} duplicates dropped` : "",
    leftOut > 0 ? `${formatCount(leftOut)} of kind 62 or 22242 left out` : "",
  ].filter((note) => note !== "");
  return [`${dir}: ${size}, verified`, ...notes, kinds.join(", ")].join("; ");
}
