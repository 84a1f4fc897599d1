/** Opens pools, and refuses those that are not what their maker wrote. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../errors.ts";
import {
  FRAMES_FILE,
  MANIFEST_FILE,
  type PoolManifest,
  parseManifest,
  refuseQuestions,
} from "../../pool/format.ts";
import { type Progress, startProgress } from "./progress.ts";

export interface Pool {
  readonly dir: string;
  readonly manifest: PoolManifest;
}

const REMEDY = "make it again with `k6-nostr pool --force`";

/** What is done sooner needs no word. */
const SILENT_MS = 2_000;

/**
 * Opens a pool after comparing `frames.txt` with the manifest: size, then SHA-256 (about a second
 * for each GB). Tells its progress, in bytes, when it takes more than 2 s. Throws `ConfigError` that
 * says what is wrong with it.
 */
export async function readPool(
  dir: string,
  onProgress?: (progress: Progress) => void,
): Promise<Pool> {
  const manifest = await readPoolManifest(dir);
  const path = join(dir, FRAMES_FILE);
  const bytes = await stat(path).then(
    (entry) => entry.size,
    (cause) => {
      throw new ConfigError(`the pool \`${dir}\` has no ${FRAMES_FILE}; ${REMEDY}`, { cause });
    },
  );
  if (bytes !== manifest.bytes) {
    const problem = bytes < manifest.bytes ? "is cut short" : "is too long";
    throw new ConfigError(
      `the pool \`${dir}\` ${problem}: ${FRAMES_FILE} has ${bytes} bytes, expected ${manifest.bytes}; ${REMEDY}`,
    );
  }
  const hash = createHash("sha256");
  const startMs = performance.now();
  const progress = startProgress(bytes, (reached) => {
    if (performance.now() - startMs > SILENT_MS) onProgress?.(reached);
  });
  let done = 0;
  const count = async function* (pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      done += piece.length;
      progress(done);
      yield piece;
    }
  };
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), count, hash);
  if (hash.digest("hex") !== manifest.sha256) {
    throw new ConfigError(
      `the pool \`${dir}\` is damaged: ${FRAMES_FILE} does not have the SHA-256 of its manifest; ${REMEDY}`,
    );
  }
  return { dir, manifest };
}

/** What a pool says of itself, its events unread. Throws `ConfigError`. */
export async function readPoolManifest(dir: string): Promise<PoolManifest> {
  return parseManifest(await readManifest(dir), `\`${dir}\``);
}

/** The same, of a pool to be published. Throws `ConfigError` where it holds questions. */
export async function readEventsManifest(dir: string): Promise<PoolManifest> {
  const manifest = await readPoolManifest(dir);
  refuseQuestions(manifest, `\`${dir}\``);
  return manifest;
}

async function readManifest(dir: string): Promise<string> {
  try {
    return await readFile(join(dir, MANIFEST_FILE), "utf8");
  } catch (cause) {
    const folder = await stat(dir).catch(() => undefined);
    const problem = folder?.isDirectory()
      ? `\`${dir}\` is not a pool: it has no readable ${MANIFEST_FILE}`
      : `there is no pool at \`${dir}\``;
    throw new ConfigError(`${problem}; make one with \`k6-nostr pool\``, { cause });
  }
}
