/** Books what became of a query: its rows when it ends, its times and its verdict when it was answered. */
import type { Book } from "../../../src/measure/book.ts";
import {
  Q_BOUNDARY_DUPLICATE,
  Q_BYTES,
  Q_DUPLICATE,
  Q_EMPTY,
  Q_FOREIGN,
  Q_LATE,
  Q_MATCHING,
  Q_NOT_MATCHING,
  Q_RIGHT,
  Q_ROWS,
  Q_SHORT,
  Q_TRUNCATED,
  Q_UNCHECKED,
  Q_UNCHECKED_ROWS,
  Q_WRONG,
} from "../../../src/measure/classes/query.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import { MOST_SAMPLES } from "../../../src/measure/recorder.ts";
import { record } from "../hot.ts";
import type { Asked } from "./asked.ts";
import type { Verdict } from "./verdict.ts";

/** The patience of nostr-tools: it takes what has come by then for all. */
const LATE_MS = 4_400;

const COLUMN_OF: Readonly<Record<Verdict, number>> = {
  right: Q_RIGHT,
  truncated: Q_TRUNCATED,
  short: Q_SHORT,
  wrong: Q_WRONG,
  unchecked: Q_UNCHECKED,
};

export interface AnswerBook {
  bookRows(asked: Asked): void;
  /** What an answer of this row of the class was. */
  bookVerdict(row: number, verdict: Verdict): void;
  bookAnswer(asked: Asked, receivedMs: number): void;
}

export function createAnswerBook(book: Book<"query">, mostQueries: number): AnswerBook {
  const { response, service, firstEvent, page } = book.times;
  const sampleEvery = Math.max(1, Math.ceil(mostQueries / MOST_SAMPLES));
  let answered = 0;

  return {
    bookRows(asked) {
      const { row, rows, matching, duplicate, notMatching, foreign } = asked;
      if (rows === 0) return;
      book.count(row, Q_ROWS, rows);
      book.count(row, Q_MATCHING, matching);
      book.count(row, Q_DUPLICATE, duplicate);
      book.count(row, Q_NOT_MATCHING, notMatching);
      book.count(row, Q_FOREIGN, foreign);
      book.count(row, Q_UNCHECKED_ROWS, rows - matching - duplicate - notMatching - foreign);
      book.count(row, Q_BOUNDARY_DUPLICATE, asked.boundaryDuplicate);
      book.count(row, Q_BYTES, asked.bytes);
    },
    bookVerdict: (row, verdict) => book.count(row, COLUMN_OF[verdict]),
    bookAnswer(asked, receivedMs) {
      const { row, question, sentMs, rows } = asked;
      const serviceMs = receivedMs - sentMs;
      if (rows === 0 && question.verb === "REQ") book.count(row, Q_EMPTY);
      if (serviceMs > LATE_MS) book.count(row, Q_LATE);
      if (asked.page > 0) {
        record(page[row] as Histogram, serviceMs);
        return;
      }
      const responseMs = receivedMs - question.dueMs;
      record(response[row] as Histogram, responseMs);
      record(service[row] as Histogram, serviceMs);
      if (rows > 0) record(firstEvent[row] as Histogram, asked.firstMs - sentMs);
      if (++answered % sampleEvery === 0) book.samples.push(row, responseMs);
    },
  };
}
