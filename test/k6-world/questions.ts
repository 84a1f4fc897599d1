/** Questions of tests, in folders that are gone behind them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Corpus } from "../../src/query/corpus.ts";
import { fillQuestions } from "./question-folder.ts";

const dirs: string[] = [];

after(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

/** Writes questions as a folder that k6 reads; `lines`: see `formatQuestion`. */
export async function writeQuestions(
  corpus: Corpus,
  shapes: readonly string[],
  lines: readonly string[],
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-questions-"));
  dirs.push(dir);
  await fillQuestions(dir, corpus, shapes, lines);
  return dir;
}
