/**
 * A question as a line of a file that Node writes and k6 reads, in the order of asking:
 *
 *     a00[[[3,7]],[],0,0,true]<TAB>{"kinds":[1],"authors":["…"],"limit":2}
 *
 * First a header as in a pool's lines: the shape (`a` = `shapes[0]` of the manifest), then the page and the
 * last page, `00` where there is one only: the pages of a question are a set. Then what the answer should be, as
 * JSON: the members of `ExpectedAnswer` in their order, the number of a COUNT, or `null` where nobody knows; where
 * relays hold different parts of the corpus and so answer differently, `{"of":[…]}` with an answer for each part.
 * Behind a tab, which JSON never holds, the filters as they go on the wire. A list that several filters share, such
 * as 500 authors, stands before them once, and a tab wherever it belongs:
 *
 *     a00null<TAB>["…","…"]<TAB>{"kinds":[1],"authors":<TAB>,"limit":2},{"kinds":[7],"authors":<TAB>,"limit":2}
 */
import { HEADER_LENGTH } from "../pool/format.ts";
import type { ExpectedAnswer } from "./expected-answer.ts";
import type { Question } from "./questions.ts";

const TAB = "\t";
/** In JSON a character that no text has: it stands for the list until there is a tab in its place. */
const SHARED = "\u0000";

/** An answer as its line has it. */
type Written =
  | null
  | number
  | readonly [
      ExpectedAnswer["parts"],
      ExpectedAnswer["either"],
      number,
      number,
      boolean,
      ExpectedAnswer["anywhere"],
    ];

interface Asked extends Pick<Question, "filters"> {
  /** `null` where nobody knows; several: by what a relay holds. */
  readonly expected: Question["expected"] | null | readonly Question["expected"][];
}

/** `pages`: which of how many it is, from 0. */
export function formatQuestion(
  shape: number,
  { filters, expected }: Asked,
  { page, last }: { readonly page: number; readonly last: number } = { page: 0, last: 0 },
): string {
  const answer = Array.isArray(expected)
    ? { of: expected.map(writtenOf) }
    : writtenOf(expected as Question["expected"] | null);
  const header = String.fromCharCode(97 + shape) + page.toString(36) + last.toString(36);
  return `${header}${JSON.stringify(answer)}${TAB}${formatFilters(filters)}`;
}

function writtenOf(expected: Question["expected"] | null): Written {
  if (expected === null || typeof expected === "number") return expected;
  const { parts, either, least, most, isOrdered, anywhere } = expected;
  return [parts, either, least, most, isOrdered, anywhere];
}

function formatFilters(filters: Asked["filters"]): string {
  const [{ authors } = {}] = filters;
  const isShared = filters.length > 1 && filters.every((filter) => filter.authors === authors);
  if (authors === undefined || !isShared) return filters.map((f) => JSON.stringify(f)).join(",");
  const text = filters.map((f) => JSON.stringify({ ...f, authors: SHARED })).join(",");
  return `${JSON.stringify(authors)}${TAB}${text.replaceAll(JSON.stringify(SHARED), TAB)}`;
}

/** A question of one page whose right answer nobody knows, of filters as they go on the wire. */
export function formatUnknown(shape: number, filters: string): string {
  return `${String.fromCharCode(97 + shape)}00null${TAB}${filters}`;
}

/** The filters of a line, ready to stand behind a subscription id. */
export function filtersOf(line: string): string {
  const start = line.indexOf(TAB) + TAB.length;
  const end = line.indexOf(TAB, start);
  if (end === -1) return line.substring(start);
  return line.substring(end + TAB.length).replaceAll(TAB, () => line.substring(start, end));
}

/**
 * What the answer should be: rows of a REQ, the number of a COUNT; `null` where nobody knows. `holder`: which part of
 * the corpus the relay holds that is asked.
 */
export function expectedOf(line: string, holder = 0): ExpectedAnswer | number | null {
  const written = JSON.parse(line.substring(HEADER_LENGTH, line.indexOf(TAB))) as
    | Written
    | { readonly of: readonly Written[] };
  const answer =
    written !== null && typeof written === "object" && "of" in written
      ? (written.of[holder] ?? null)
      : written;
  if (answer === null || typeof answer === "number") return answer;
  // By index: k6 makes an iterator to take an array apart.
  return {
    parts: answer[0],
    either: answer[1],
    least: answer[2],
    most: answer[3],
    isOrdered: answer[4],
    anywhere: answer[5],
  };
}
