/** A pool of questions as k6 reads it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  FRAMES_FILE,
  INDEX_STEP,
  MANIFEST_FILE,
  POOL_FORMAT,
  type PoolManifest,
} from "../../src/pool/format.ts";
import type { Corpus } from "../../src/query/corpus.ts";
import { formatRow, ROWS_FILE } from "../../src/query/rows-file.ts";

/** Writes questions into a folder that is there; `lines`: see `formatQuestion`. */
export async function fillQuestions(
  dir: string,
  { events }: Corpus,
  shapes: readonly string[],
  lines: readonly string[],
): Promise<void> {
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
    largestFrame: frames.reduce((most, { length }) => Math.max(most, length), 0),
    perType: {},
    createdAt: { min: 0, max: 0 },
    sha256: "0".repeat(64),
    index,
  };
  const rows = events.map((event) => formatRow(event));
  await writeFile(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
  await writeFile(join(dir, FRAMES_FILE), frames.join(""));
  await writeFile(join(dir, ROWS_FILE), rows.join(""));
}
