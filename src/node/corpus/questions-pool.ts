/**
 * The questions of a run as a pool: a folder that k6 reads and the CLI serves as it does with one of events. Its types
 * are shapes, its lines those of `src/query/question-line.ts`, the pages of a question a set; beside them stands
 * which event an id is (`src/query/rows-file.ts`). It is kept under its id, written to a temporary folder and moved
 * into its place whole.
 */
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "../../errors.ts";
import { FRAMES_FILE, MANIFEST_FILE, POOL_FORMAT, type PoolManifest } from "../../pool/format.ts";
import { parseQueryMix } from "../../query/catalogue.ts";
import type { KeyOrder } from "../../query/keys.ts";
import { turnPages } from "../../query/pages.ts";
import { filtersOf, formatQuestion } from "../../query/question-line.ts";
import { drawQuestions, type Question } from "../../query/questions.ts";
import { formatRow, ROWS_FILE } from "../../query/rows-file.ts";
import { explainFailure } from "../pool/disk-errors.ts";
import { FramesWriter } from "../pool/frames-writer.ts";
import { createTemporary, moveIntoPlace } from "../pool/place.ts";
import { type Progress, startProgress } from "../pool/progress.ts";
import { type Pool, readPool } from "../pool/read.ts";
import { touchPool } from "../pool/shelf.ts";
import type { KnownCorpus } from "./known-events.ts";

/** To be raised where the same request gives other lines. */
const QUESTIONS_VERSION = 2;
/** So many are drawn between two looks at whether to go on. */
const AT_ONCE = 64;
/** `["COUNT","…",` and `]` around the filters. */
const AROUND_FILTERS = 24;

interface QuestionsRequest {
  readonly known: KnownCorpus;
  /** Shapes and weights: see `parseQueryMix`. */
  readonly mix: string;
  readonly keys: KeyOrder;
  /** Of a question at most. */
  readonly pages: number;
  readonly seed: string;
  /** Questions, each with its pages. */
  readonly count: number;
}

export interface QuestionsOptions extends QuestionsRequest {
  /** The folder that holds pools. */
  readonly root: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** The id of the pool that a request leads to: 16 hex digits. */
function questionsId(request: QuestionsRequest): string {
  const { known, mix, keys, pages, seed, count } = request;
  const { source, fingerprint } = known.facts;
  const shapes = Object.entries(parseQueryMix(mix));
  const { parts: held } = known;
  const own = held === undefined ? [] : [held.fingerprints, held.holders];
  const parts = [POOL_FORMAT, "questions", QUESTIONS_VERSION, source, fingerprint, ...own];
  const key = JSON.stringify([...parts, shapes, keys, pages, seed, count]);
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}

/**
 * Takes the pool of a request if it is kept whole, else draws it.
 * @throws ConfigError where the corpus has no answer for a shape, or the disk takes no pool
 */
export async function ensureQuestions(
  options: QuestionsOptions,
): Promise<Pool & { readonly made: boolean }> {
  const id = questionsId(options);
  const dir = join(options.root, id);
  const kept = await readKept(dir, id);
  if (kept !== null) return { ...kept, made: false };
  return { dir, manifest: await makeQuestions(options, id, resolve(dir)), made: true };
}

async function readKept(dir: string, id: string): Promise<Pool | null> {
  await touchPool(dir);
  try {
    const pool = await readPool(dir);
    return pool.manifest.id === id ? pool : null;
  } catch (error) {
    // What cannot be used is made anew in its place.
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

async function makeQuestions(
  options: QuestionsOptions,
  id: string,
  dir: string,
): Promise<PoolManifest> {
  let path: string | undefined;
  try {
    ({ path } = await createTemporary(dir, id, false));
    const manifest = await writeQuestions(options, id, path);
    await writeFile(join(path, ROWS_FILE), rowsOf(options.known));
    await writeFile(join(path, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`);
    await moveIntoPlace(path, dir, manifest.sha256);
    return manifest;
  } catch (error) {
    throw explainFailure(error, dir);
  } finally {
    if (path !== undefined) await rm(path, { recursive: true, force: true });
  }
}

/** What is learnt from a relay is a part of what it holds: no row can be missed by it. */
function* rowsOf({ corpus, facts, parts }: KnownCorpus): Generator<string> {
  if (facts.source !== "seed") return;
  const lackedBy = parts?.holdings.lackedBy() ?? [];
  const { events } = parts?.holdings ?? corpus;
  for (const [ordinal, event] of events.entries()) yield formatRow(event, lackedBy[ordinal]);
}

async function writeQuestions(
  options: QuestionsOptions,
  id: string,
  folder: string,
): Promise<PoolManifest> {
  const { known, keys, seed, count, signal, onProgress } = options;
  const { events } = known.corpus;
  const mix = parseQueryMix(options.mix);
  const shapes = Object.keys(mix);
  const createdAt = {
    min: events.at(-1)?.created_at ?? 0,
    max: events[0]?.created_at ?? 0,
  };
  const writer = await FramesWriter.open(join(folder, FRAMES_FILE), shapes);
  const questions = drawQuestions({ corpus: known.corpus, mix, keys, seed });
  const progress = startProgress(count, onProgress);
  let largestFrame = 0;
  try {
    for (let done = 0; done < count; ) {
      const lines: string[] = [];
      const types: number[] = [];
      const sets = Math.min(AT_ONCE, count - done);
      for (let i = 0; i < sets; i++) {
        for (const [type, line] of drawLines(questions.next().value, shapes, options)) {
          types.push(type);
          lines.push(line);
          largestFrame = Math.max(largestFrame, filtersOf(line).length + AROUND_FILTERS);
        }
      }
      await writer.write({
        bytes: Buffer.from(lines.join("")),
        sets,
        lineLengths: Uint32Array.from(lines, (line) => Buffer.byteLength(line)),
        lineTypes: Uint8Array.from(types),
        marks: new Float64Array(0),
        createdAt,
        mostTags: 0,
        longestContent: 0,
      });
      done += sets;
      progress(done);
      // Whoever interrupts is heard between two turns.
      await turn();
      signal.throwIfAborted();
    }
    const { expected: _, mostTags: __, longestContent: ___, ...frames } = await writer.finish();
    return {
      format: POOL_FORMAT,
      id,
      seed,
      mix,
      types: shapes,
      kinds: {},
      sets: writer.sets,
      ...frames,
      largestFrame,
      corpus: known.facts,
      ...(known.parts === undefined ? {} : { holders: known.parts.holders }),
    };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** The lines of a question, each with its type. */
function drawLines(
  question: Question,
  shapes: readonly string[],
  { known, pages }: QuestionsRequest,
): readonly (readonly [type: number, line: string])[] {
  const type = shapes.indexOf(question.shape.name);
  const asked = turnPages(known.corpus, question, pages);
  return asked.map((one, page) => {
    const answer = { filters: one.filters, expected: answersOf(one, known) };
    return [type, `${formatQuestion(type, answer, { page, last: asked.length - 1 })}\n`];
  });
}

/** The right answer, or several where relays hold different parts of the corpus; `null` where nobody knows. */
function answersOf({ shape, filters, expected }: Question, { facts, parts }: KnownCorpus) {
  if (facts.source !== "seed") return null;
  if (parts === undefined) return expected;
  const answers = parts.holdings.expect(shape.verb, filters);
  const [first = expected] = answers;
  return answers.every((answer) => isDeepStrictEqual(answer, first)) ? first : answers;
}
