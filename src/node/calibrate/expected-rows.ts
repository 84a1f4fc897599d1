/** How many rows the right answers of a pool of questions have: what a generator will have to read. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FRAMES_FILE, readPlace } from "../../pool/format.ts";
import { expectedOf } from "../../query/question-line.ts";

/** Questions come in the order of a draw, so that the first are like all others. */
const MOST_LINES = 2_000;

/** Rows of a question with up to so many pages, on average; `null` where nobody knows what the relay holds. */
export async function meanRows(dir: string, pages: number): Promise<number | null> {
  const stream = createReadStream(join(dir, FRAMES_FILE));
  let questions = 0;
  let rows = 0;
  let lines = 0;
  try {
    for await (const line of createInterface({ input: stream })) {
      if (++lines > MOST_LINES) break;
      const { part } = readPlace(line);
      if (part === 0) questions++;
      if (part >= pages) continue;
      const expected = expectedOf(line);
      if (expected === null) return null;
      // A COUNT is answered by a number.
      if (typeof expected === "number") continue;
      const { parts, anywhere, least } = expected;
      rows += parts.reduce((sum, { length }) => sum + length, anywhere.length + least);
    }
  } finally {
    stream.destroy();
  }
  return questions === 0 ? null : rows / questions;
}
