/** Runs of the scenario `query` in virtual time: a pool of questions, and a relay that answers them as it is told. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import {
  FRAMES_FILE,
  INDEX_STEP,
  MANIFEST_FILE,
  POOL_FORMAT,
  type PoolManifest,
} from "../../src/pool/format.ts";
import type { Corpus } from "../../src/query/corpus.ts";
import { formatRow, ROWS_FILE } from "../../src/query/rows-file.ts";

const dirs: string[] = [];

after(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

/** Writes questions as a folder that k6 reads; `lines`: see `formatQuestion`. */
export async function writeQuestions(
  { events }: Corpus,
  shapes: readonly string[],
  lines: readonly string[],
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-questions-"));
  dirs.push(dir);
  const frames = lines.map((line) => `${line}\n`);
  const index: number[] = [];
  let bytes = 0;
  for (const [n, line] of frames.entries()) {
    if (n % INDEX_STEP === 0) index.push(bytes);
    bytes += Buffer.byteLength(line);
  }
  const manifest: PoolManifest = {
    format: POOL_FORMAT,
    id: "0123456789abcdef",
    seed: "questions",
    mix: Object.fromEntries(shapes.map((name) => [name, 1])),
    types: shapes,
    kinds: {},
    events: lines.length,
    sets: lines.length,
    bytes,
    largestFrame: Math.max(...frames.map((line) => line.length)),
    perType: {},
    createdAt: { min: 0, max: 0 },
    sha256: "0".repeat(64),
    index,
  };
  const rows = events.map(formatRow);
  await writeFile(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
  await writeFile(join(dir, FRAMES_FILE), frames.join(""));
  await writeFile(join(dir, ROWS_FILE), rows.join(""));
  return dir;
}
