/**
 * Questions to which the sink's rows are the right answer, so that a generator does with each row what it does in
 * a run: find it by its id, and hold it against what is due next. They are good for nothing else.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  FRAMES_FILE,
  INDEX_STEP,
  MANIFEST_FILE,
  POOL_FORMAT,
  type PoolManifest,
} from "../../pool/format.ts";
import { formatQuestion } from "../../query/question-line.ts";
import { formatRow, ROWS_FILE } from "../../query/rows-file.ts";
import { explainFailure } from "../pool/disk-errors.ts";
import { describeRow } from "../relay/sink-rows.ts";

const NAME = "look-alike";

/** Writes the folder `dir` with so many questions for `rows` rows each. Throws `ConfigError` when the disk is full. */
export async function makeQuestions(
  dir: string,
  questions: number,
  rows: number,
): Promise<PoolManifest> {
  const ordinals = Array.from({ length: rows }, (_, i) => i);
  const line = `${formatQuestion(0, {
    filters: [{ kinds: [1], limit: rows }],
    expected: { parts: [ordinals], anywhere: [], either: [], least: 0, most: 0, isOrdered: true },
  })}\n`;
  const known = ordinals.map((place) => {
    return formatRow(describeRow(place));
  });
  const manifest = describe(questions, line.length);
  try {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, FRAMES_FILE), line.repeat(questions));
    await writeFile(join(dir, ROWS_FILE), known.join(""));
    await writeFile(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
    return manifest;
  } catch (error) {
    throw explainFailure(error, dir);
  }
}

function describe(questions: number, lineBytes: number): PoolManifest {
  return {
    format: POOL_FORMAT,
    id: "0".repeat(16),
    seed: "unsigned",
    mix: { [NAME]: 1 },
    types: [NAME],
    kinds: {},
    events: questions,
    sets: questions,
    bytes: questions * lineBytes,
    largestFrame: lineBytes,
    perType: {},
    createdAt: { min: 0, max: 0 },
    sha256: "0".repeat(64),
    index: Array.from(
      { length: Math.ceil(questions / INDEX_STEP) },
      (_, i) => i * INDEX_STEP * lineBytes,
    ),
  };
}
