/** The pages of a question: each asks for what is older than the last row of the right answer before it. */
import { MOST_PARTS } from "../events/event-type.ts";
import type { Corpus } from "./corpus.ts";
import { expectAnswer } from "./expected-answer.ts";
import type { Question } from "./questions.ts";

/** They are a set of a pool, whose lines have one digit for the part. */
export const MOST_PAGES = MOST_PARTS;

/**
 * At most so many pages, the first one among them. `until` is inclusive (NIP-01): rows of the second in which a page
 * ends come again with the next. There is none behind a page that is not full, nor where a whole page is of one
 * second, behind which no `until` comes.
 */
export function turnPages(corpus: Corpus, question: Question, most: number): readonly Question[] {
  const pages = [question];
  if (!question.shape.isPaged) return pages;
  let [filter] = question.filters;
  while (filter?.limit !== undefined && pages.length < Math.min(most, MOST_PAGES)) {
    const last = corpus.select(filter)[filter.limit - 1];
    const until = last === undefined ? undefined : corpus.events[last]?.created_at;
    if (until === undefined || until === filter.until) break;
    filter = { ...filter, until };
    pages.push({ ...question, filters: [filter], expected: expectAnswer(corpus, [filter]) });
  }
  return pages;
}
