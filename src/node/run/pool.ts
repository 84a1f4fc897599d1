/** The pool of a run: the user's own, or one made for the plan and kept. */

import { basename, dirname, resolve } from "node:path";
import { Interrupted } from "../../errors.ts";
import { POOL_SPAN_SEC } from "../../events/catalogue.ts";
import { parseMix } from "../../events/mix.ts";
import { type OptionTexts, optionLabel, readSwitch } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { refuseOtherPart } from "../../pool/format.ts";
import { describeLeftOut } from "../../pool/left-out.ts";
import type { PartRequest } from "../../pool/part.ts";
import type { PoolTimes } from "../../pool/times.ts";
import { formatBytes, formatCount } from "../../report/format.ts";
import type { Builders } from "../pool/builders.ts";
import { ensurePool } from "../pool/cache.ts";
import type { Progress } from "../pool/progress.ts";
import { type Pool, readPool } from "../pool/read.ts";
import { type ReplayedPool, replayFile, roundAges } from "../pool/replay.ts";
import type { ReplayTimes } from "../pool/replay-event.ts";
import { namePool, type Removed, removePool, trimPools, usePool } from "../pool/shelf.ts";
import { eventsToMake } from "../preflight/times.ts";
import type { Terminal } from "../terminal.ts";

export const POOLS_DIR = "pools";
/** Signing for longer is worth a word on how to save it. */
const WORTH_KEEPING_MS = 3_000;
/** What a maker that is stopped leaves. */
export const GOES_ON = "the same command goes on with the pool where it stopped";

export interface PoolChoice {
  /** Folder given by the user; a pool is made or taken from the cache without it. */
  readonly dir: string | undefined;
  /** Of a pool to be made. */
  readonly times: PoolTimes;
  /** In a pool to be made; without it as many as the plan needs. */
  readonly events?: number;
  readonly builders?: Builders | undefined;
  /** The largest frame that the relays announce to take. */
  readonly mostFrameBytes?: number | undefined;
  /** The most that pools made by runs may take together. */
  readonly mostPoolBytes: number;
  /** Nobody takes it again. */
  readonly isForOnce?: boolean;
  /** Of several instances the one that needs no more than its part. */
  readonly part?: PartRequest;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface TakenPool extends Pool {
  /** Ends the run's use of it: then it may be removed. */
  readonly release: () => Promise<void>;
}

/**
 * Opens the given pool after checking it, or makes the plan's, and keeps it from being removed until its release.
 * Pools that were used longest ago go where there are too many. Throws `ConfigError`.
 */
export async function choosePool(plan: Plan, choice: PoolChoice): Promise<TakenPool> {
  const pool = await holdPool(await openPool(plan, choice), choice);
  // Events as young as their run are old in any other.
  const isForOnce =
    choice.dir === undefined && (choice.isForOnce || choice.times.spanSec !== POOL_SPAN_SEC);
  const release = async () => {
    await pool.release();
    if (isForOnce) await removePool(POOLS_DIR, basename(pool.dir));
  };
  return { ...pool, release };
}

/** Keeps a pool from being removed, and removes others where there are too many. */
export async function holdPool(
  pool: Pool,
  { mostPoolBytes, terminal }: Pick<PoolChoice, "mostPoolBytes" | "terminal">,
): Promise<TakenPool> {
  if (!isInPools(pool.dir)) return { ...pool, release: async () => {} };
  const release = await usePool(pool.dir);
  const removed = await trimPools(POOLS_DIR, { mostBytes: mostPoolBytes });
  if (removed.pools > 0) terminal.note(describeRemoved(removed, mostPoolBytes));
  return { ...pool, release };
}

function describeRemoved({ pools, bytes }: Removed, mostBytes: number): string {
  const what = pools === 1 ? "a pool that was" : `${pools} pools that were`;
  return `pool        ${what} used longest ago removed from ${POOLS_DIR}/ (${formatBytes(bytes)}): it holds ${formatBytes(mostBytes)} at most, ${optionLabel("poolsLimit")}`;
}

async function openPool(plan: Plan, choice: PoolChoice): Promise<Pool> {
  const { terminal } = choice;
  if (choice.dir !== undefined) {
    const pool = await readPool(choice.dir, (progress) =>
      terminal.status(describeVerifying(progress)),
    );
    const { instance = null } = choice.part ?? {};
    refuseOtherPart(pool.manifest, { ...plan, instance }, `\`${choice.dir}\``);
    return pool;
  }
  const started = Date.now();
  const pool = await ensurePool({
    root: POOLS_DIR,
    seed: plan.seed,
    mix: parseMix(plan.mix, choice.builders?.extra),
    ...choice.builders,
    mostFrameBytes: choice.mostFrameBytes,
    onResume: (events) => terminal.note(describeResume(events)),
    events: choice.events ?? eventsToMake(plan),
    part: choice.part,
    epoch: choice.times.epoch,
    spanSec: choice.times.spanSec,
    signal: choice.signal,
    onReading: (progress) => terminal.status(describeVerifying(progress)),
    onProgress: (progress) => terminal.status(describeProgress(progress)),
  }).catch((error) => {
    if (!choice.signal.aborted) throw error;
    throw new Interrupted(`interrupted before anything was sent; ${GOES_ON}`, { cause: error });
  });
  const { manifest } = pool;
  const size = `${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}`;
  const tookMs = Date.now() - started;
  const how = pool.made ? `signed in ${(tookMs / 1_000).toFixed(1)} s` : "kept";
  terminal.note(`pool        ${pool.dir} (${size}, ${how}, seed ${manifest.seed})`);
  const isPublished = SCENARIOS[plan.scenario].pool === "events";
  if (
    isPublished &&
    pool.made &&
    tookMs > WORTH_KEEPING_MS &&
    choice.times.spanSec === POOL_SPAN_SEC
  ) {
    terminal.note(describeSaving(manifest.seed));
  }
  return pool;
}

/** The same events again are duplicates, which measure a look-up. */
function describeSaving(seed: string): string {
  return `pool        --seed ${seed} takes it again without signing, for a relay that is empty again: one that holds its events answers duplicates`;
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

/**
 * Makes a pool of the file that `--events` names; gives its folder, or `undefined` without the option.
 * `times`: the ages that the run's relays take, where they are known.
 */
export async function replayOption(
  texts: OptionTexts,
  terminal: Terminal,
  { signal, times }: { readonly signal: AbortSignal; readonly times?: ReplayTimes },
): Promise<string | undefined> {
  const { events: file } = texts;
  if (file === undefined) return undefined;
  const pool = await replayFile({
    file,
    root: POOLS_DIR,
    strict: readSwitch(texts, "strict"),
    ...(times === undefined ? {} : { times: roundAges(times) }),
    signal,
    onProgress: (progress) => terminal.status(describeVerifying(progress)),
  });
  terminal.clear();
  for (const line of describeReplayed(pool)) terminal.note(`pool        ${line}`);
  return pool.dir;
}

export function describeVerifying({ done, total, secondsLeft }: Progress): string {
  return `pool        verifying, ${formatBytes(done)} of ${formatBytes(total)}, ${Math.ceil(secondsLeft)} s left`;
}

/** A pool that a person names is kept for good, if it lies where pools are removed. */
export async function keepNamed(dir: string | undefined): Promise<void> {
  if (dir !== undefined && isInPools(dir)) await namePool(dir);
}

function isInPools(dir: string): boolean {
  return resolve(dirname(resolve(dir))) === resolve(POOLS_DIR);
}

/** What became of a replayed file, by kind, and a line for each reason by which events were left out. */
export function describeReplayed({ dir, manifest, made }: ReplayedPool): readonly string[] {
  const kinds = Object.entries(manifest.perType).map(
    ([type, { events }]) => `${type} ${formatCount(events)}`,
  );
  const { probes = 0, leftOut = [] } = manifest;
  const size = `${formatCount(manifest.events)} events, ${formatBytes(manifest.bytes)}`;
  const heldOut = probes > 0 ? `${probes} more held out to try the relay with; ` : "";
  return [
    `${dir}: ${size}, ${made ? "verified" : "kept"}; ${heldOut}${kinds.join(", ")}`,
    ...leftOut.map((of) => `left out: ${describeLeftOut(of)}`),
  ];
}
