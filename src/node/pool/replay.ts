/** A file of signed events, a relay's export, as a pool: each event as it is, in the order of the file. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../errors.ts";
import { countCharacters } from "../../nostr/characters.ts";
import { FRAMES_FILE, MANIFEST_FILE, POOL_FORMAT, type PoolManifest } from "../../pool/format.ts";
import { describeReason, type LeftOut } from "../../pool/left-out.ts";
import { startCheckers } from "./checkers.ts";
import { runInOrder } from "./crew.ts";
import { explainFailure } from "./disk-errors.ts";
import { FramesWriter } from "./frames-writer.ts";
import { readLines } from "./lines.ts";
import { createTemporary, moveIntoPlace } from "./place.ts";
import { pickProbes, writeProbes } from "./probes.ts";
import { type Progress, startProgress } from "./progress.ts";
import { type Pool, readPool } from "./read.ts";
import { EXPIRY_MARGIN_SEC, MOST_LINE_BYTES, type ReplayTimes } from "./replay-event.ts";
import { findHint } from "./replay-hints.ts";
import { type Replayed, ReplayTally } from "./replay-tally.ts";
import { touchPool } from "./shelf.ts";

export interface ReplayOptions {
  /** One event a line: the event, or the frame `["EVENT",{…}]`. */
  readonly file: string;
  /** The folder that holds pools. */
  readonly root: string;
  /** Makes the pool even if it is there. */
  readonly force?: boolean;
  /** Refuses the file at the first line that would be left out. */
  readonly strict?: boolean;
  /** When the run will be, and what ages its relays take: see `roundAges`. By default now, and any. */
  readonly times?: ReplayTimes;
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** In bytes of the file. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface ReplayedPool extends Pool {
  readonly made: boolean;
  /** `null` when the pool was kept. */
  readonly replayed: Replayed | null;
}

/** Goes up when the same file leads to another pool. */
const REPLAY_VERSION = 3;
const LINES_A_JOB = 256;
/** An event has about half a kilobyte. */
const FEW_BYTES = 1 << 19;
const HOUR_SEC = 3_600;

/**
 * Verifies every event of a file and makes a pool of those that can be replayed, kept under an id that
 * follows from the file's bytes, and from the relay's limits on age where they leave anything out. Throws
 * `ConfigError` with reasons and lines when less than half can be, or with `strict` when anything can't.
 */
export async function replayFile(options: ReplayOptions): Promise<ReplayedPool> {
  const times = options.times ?? { nowSec: Date.now() / 1_000 };
  const digest = await hashFile(options.file);
  const ids = { any: replayId(digest), limited: replayId(digest, times) };
  const kept = options.force ? null : await findKept(ids, times, options);
  if (kept !== null) return kept;
  const place = resolve(join(options.root, ids.limited));
  let temporary: string | undefined;
  try {
    temporary = (await createTemporary(place, ids.limited, false)).path;
    const probes = await pickProbes(options.file, times, options.signal);
    const tally = new ReplayTally({
      file: options.file,
      heldOut: new Set(probes.map(({ id }) => id)),
      strict: options.strict === true,
    });
    const frames = await writeFrames(join(temporary, FRAMES_FILE), { tally, times }, options);
    const { types, counts, leftOut, goodUntil } = tally;
    const isLimited = leftOut.some(({ reason }) => reason === "too-old" || reason === "too-new");
    const id = isLimited ? ids.limited : ids.any;
    const mix = Object.fromEntries(types.map((name) => [name, frames.perType[name]?.events ?? 0]));
    const manifest: PoolManifest = {
      format: POOL_FORMAT,
      id,
      seed: `file-${digest.slice(0, 16)}`,
      mix,
      types,
      kinds: Object.fromEntries(types.map((name) => [name, kindsOf(name)])),
      source: { replay: digest },
      sets: frames.events,
      ...frames,
      // What is held out counts: preflight judges by the outermost events of the file.
      mostTags: Math.max(frames.mostTags ?? 0, ...probes.map(({ tags }) => tags.length)),
      longestContent: Math.max(
        frames.longestContent ?? 0,
        ...probes.map(({ content }) => countCharacters(content)),
      ),
      probes: probes.length,
      leftOut,
      ...(Number.isFinite(goodUntil) ? { goodUntil } : {}),
    };
    await writeProbes(temporary, probes);
    await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    const dir = join(options.root, id);
    await moveIntoPlace(temporary, resolve(dir), manifest.sha256);
    return { dir, manifest, made: true, replayed: counts };
  } catch (error) {
    throw explainFailure(error, join(options.root, ids.any));
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Limits on age, which move with the clock, to the whole hour that leaves out more: so the pool of a file is
 * the same within an hour.
 */
export function roundAges({ nowSec, oldestSec, newestSec }: ReplayTimes): ReplayTimes {
  return {
    nowSec,
    ...(oldestSec === undefined ? {} : { oldestSec: Math.ceil(oldestSec / HOUR_SEC) * HOUR_SEC }),
    ...(newestSec === undefined ? {} : { newestSec: Math.floor(newestSec / HOUR_SEC) * HOUR_SEC }),
  };
}

function replayId(digest: string, { oldestSec, newestSec }: Partial<ReplayTimes> = {}): string {
  const ages = oldestSec === undefined && newestSec === undefined ? [] : [[oldestSec, newestSec]];
  const key = JSON.stringify([POOL_FORMAT, "replay", REPLAY_VERSION, digest, ...ages]);
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}

/** The file's pool, where one is kept that suits the times; the one without limits where it suits too. */
async function findKept(
  ids: { readonly any: string; readonly limited: string },
  times: ReplayTimes,
  { root, strict, onProgress, file }: ReplayOptions,
): Promise<ReplayedPool | null> {
  const { nowSec, oldestSec = 0, newestSec = Number.POSITIVE_INFINITY } = times;
  for (const id of new Set([ids.any, ids.limited])) {
    const dir = join(root, id);
    await touchPool(dir);
    const pool = await readPool(dir, onProgress).catch(ignoreConfigError);
    if (pool === undefined) continue;
    const { createdAt, goodUntil = Number.POSITIVE_INFINITY, leftOut = [] } = pool.manifest;
    const suits = createdAt.min >= oldestSec && createdAt.max <= newestSec;
    if (!suits || goodUntil <= nowSec + EXPIRY_MARGIN_SEC) continue;
    if (strict) refuseLeftOut(leftOut, file);
    return { ...pool, made: false, replayed: null };
  }
  return null;
}

function refuseLeftOut(leftOut: readonly LeftOut[], file: string): void {
  const [first] = leftOut.toSorted((a, b) => (a.lines[0] ?? 0) - (b.lines[0] ?? 0));
  if (first === undefined) return;
  throw new ConfigError(
    `line ${first.lines[0]} of \`${basename(file)}\` can't be replayed: ${describeReason(first.reason)}\nWithout --strict such lines are left out and counted.`,
  );
}

/** A type is one kind, but for what is beyond the most there can be. */
function kindsOf(type: string): readonly (readonly number[])[] | null {
  return type.startsWith("kind-") ? [[Number(type.slice(5))]] : null;
}

async function writeFrames(
  path: string,
  { tally, times }: { readonly tally: ReplayTally; readonly times: ReplayTimes },
  options: ReplayOptions,
) {
  const { size } = await stat(options.file);
  const threads = options.workers ?? availableParallelism();
  const crew = await startCheckers({ times, threads, areFew: size <= FEW_BYTES });
  const writer = await FramesWriter.open(path, tally.types);
  try {
    const progress = startProgress(size, options.onProgress);
    for await (const lines of runInOrder(readJobs(options.file), crew)) {
      options.signal?.throwIfAborted();
      const chunk = tally.take(lines);
      if (chunk !== null) await writer.write(chunk);
      progress(Math.min(size, writer.bytes));
    }
    progress(size);
    const refusal = tally.findRefusal();
    if (refusal !== null) {
      const hint = await findHint(options.file, tally.mainReason);
      throw new ConfigError(hint === null ? refusal : `${refusal}\n${hint}`);
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await crew.close();
  }
}

async function* readJobs(file: string): AsyncGenerator<readonly Uint8Array[]> {
  for await (const lines of readLines(file, { mostBytes: MOST_LINE_BYTES })) {
    for (let i = 0; i < lines.length; i += LINES_A_JOB)
      yield lines.slice(i, i + LINES_A_JOB).map(copy);
  }
}

/** A line alone, without the piece of the file that it lies in: so little crosses to the thread. */
function copy(line: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(line);
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  } catch (cause) {
    throw new ConfigError(
      `--events names \`${basename(file)}\`, which can't be read: ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  }
  return hash.digest("hex");
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}

function ignoreConfigError(error: unknown): undefined {
  // What cannot be used is made anew in its place.
  if (!(error instanceof ConfigError)) throw error;
}
