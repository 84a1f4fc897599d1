/** A file of signed events, a relay's export, as a pool: each event as it is, in the order of the file. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../errors.ts";
import { FRAMES_FILE, MANIFEST_FILE, POOL_FORMAT, type PoolManifest } from "../../pool/format.ts";
import { runInOrder, startCrew } from "./crew.ts";
import { explainFailure } from "./disk-errors.ts";
import { FramesWriter } from "./frames-writer.ts";
import { readLines } from "./lines.ts";
import { createTemporary, moveIntoPlace } from "./place.ts";
import { type Progress, startProgress } from "./progress.ts";
import { type Pool, readPool } from "./read.ts";
import type { CheckedLine } from "./replay-lines.ts";
import { type Replayed, ReplayTally } from "./replay-tally.ts";

export interface ReplayOptions {
  /** One event a line: the event, or the frame `["EVENT",{…}]`. */
  readonly file: string;
  /** The folder that holds pools. */
  readonly root: string;
  /** Makes the pool even if it is there. */
  readonly force?: boolean;
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
const REPLAY_VERSION = 2;
const LINES_A_JOB = 256;

/**
 * Verifies every event of a file and makes a pool of them, kept under an id that follows from the file's
 * bytes. Throws `ConfigError` with the numbers of the lines that are broken; then there is no pool.
 */
export async function replayFile(options: ReplayOptions): Promise<ReplayedPool> {
  const digest = await hashFile(options.file);
  const key = JSON.stringify([POOL_FORMAT, "replay", REPLAY_VERSION, digest]);
  const id = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const dir = join(options.root, id);
  const kept = options.force
    ? undefined
    : await readPool(dir, options.onProgress).catch(ignoreConfigError);
  if (kept !== undefined) return { ...kept, made: false, replayed: null };
  const place = resolve(dir);
  let temporary: string | undefined;
  try {
    temporary = (await createTemporary(place, id, false)).path;
    const tally = new ReplayTally(options.file);
    const frames = await writeFrames(join(temporary, FRAMES_FILE), tally, options);
    const { types, counts } = tally;
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
    };
    await writeFile(join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(temporary, place, manifest.sha256);
    return { dir, manifest, made: true, replayed: counts };
  } catch (error) {
    throw explainFailure(error, dir);
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

/** A type is one kind, but for what is beyond the most there can be. */
function kindsOf(type: string): readonly (readonly number[])[] | null {
  return type.startsWith("kind-") ? [[Number(type.slice(5))]] : null;
}

async function writeFrames(path: string, tally: ReplayTally, options: ReplayOptions) {
  const { size } = await stat(options.file);
  const threads = options.workers ?? availableParallelism();
  const data = { onlyFaults: false };
  const crew = await startCrew<readonly Uint8Array[], readonly CheckedLine[]>({
    module: "./check-worker.ts",
    data,
    threads,
  });
  const writer = await FramesWriter.open(path, tally.types);
  try {
    const progress = startProgress(size, options.onProgress);
    for await (const lines of runInOrder(readJobs(options.file), crew)) {
      options.signal?.throwIfAborted();
      const chunk = tally.take(lines);
      if (chunk !== null && tally.faults === 0) await writer.write(chunk);
      progress(Math.min(size, writer.bytes));
    }
    progress(size);
    tally.finish();
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await crew.close();
  }
}

async function* readJobs(file: string): AsyncGenerator<readonly Uint8Array[]> {
  for await (const lines of readLines(file)) {
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
