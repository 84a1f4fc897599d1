/**
 * Rows, the hot path of reading: whose a row is, which event of the corpus, and whether it was asked for. What
 * is done with each is written out in one place; on the usual path nothing is parsed and no object is made.
 */
import { matchesFilter } from "../../../src/nostr/filter.ts";
import { AnswerCheck } from "../../../src/query/answer-check.ts";
import { ROW_KEY_LENGTH } from "../../../src/query/rows-file.ts";
import { indexOf, startsWith, substring } from "../hot.ts";
import type { Asked, Lane } from "./asked.ts";
import { LooseCheck, parseFilters, parseRow } from "./loose-check.ts";
import type { QueryOptions } from "./options.ts";
import type { Page } from "./question.ts";

const HEAD = '["EVENT","';
/** Stands before an event's id and nowhere else in a frame: in texts a quote is escaped, and tags are texts. */
const ID_MARK = '"id":"';

export interface Rows {
  /** A query that is about to be sent. */
  begin(one: Pick<Asked, "lane" | "question" | "page" | "row" | "id" | "before">): Asked;
  /** The open query that a frame is a row of, if it is one in the usual form. */
  turnTo(lane: Lane, text: string): Asked | null;
  take(one: Asked, text: string): void;
}

export function createRows({ verify, corpus }: Pick<QueryOptions, "verify" | "corpus">): Rows {
  const ordinals = corpus?.ordinals ?? new Map<string, number>();
  const ranks = corpus?.ranks ?? new Uint32Array();

  const takeUnknown = (one: Asked, check: AnswerCheck, text: string): void => {
    const event = parseRow(text);
    // White space: relays need not write an event without any.
    const ordinal =
      event === null ? undefined : ordinals.get(event.id.substring(0, ROW_KEY_LENGTH));
    if (ordinal !== undefined) {
      takeKnown(one, check, ordinal);
      return;
    }
    const filters = parseFilters(one.filters);
    if (event !== null && filters.some((filter) => matchesFilter(filter, event))) one.foreign++;
    else one[check.row(undefined)]++;
  };

  const takeKnown = (one: Asked, check: AnswerCheck, ordinal: number): void => {
    const state = check.row(ordinal);
    if (state === "matching") one.matching++;
    else if (state === "duplicate") one.duplicate++;
    else one.notMatching++;
    if (one.before?.has(ordinal)) one.boundaryDuplicate++;
    one.seen?.add(ordinal);
  };

  return {
    begin({ lane, question, page, row, id, before }) {
      const { filters, expect } = question.pages[page] as Page;
      const expected = expect();
      const isOfRows = verify === "rows" && question.verb === "REQ";
      const isKnown = corpus !== null && typeof expected === "object" && expected !== null;
      const isLast = question.pages[page + 1] === undefined;
      return {
        ...{ lane, question, page, row, id, before, filters, expected },
        sentMs: 0,
        head: `${HEAD}${id}",`,
        isOpen: true,
        check: isOfRows && isKnown ? new AnswerCheck(expected, ranks) : null,
        loose: isOfRows && corpus === null ? new LooseCheck(filters) : null,
        ...{ rows: 0, bytes: 0, firstMs: 0 },
        ...{ matching: 0, duplicate: 0, notMatching: 0, foreign: 0, boundaryDuplicate: 0 },
        seen: isLast ? null : new Set(),
      };
    },
    turnTo(lane, text) {
      if (!startsWith(text, HEAD)) return null;
      const id = substring(text, HEAD.length, indexOf(text, '"', HEAD.length));
      const one = lane.open.get(id) ?? null;
      lane.current = one;
      return one;
    },
    take(one, text) {
      one.rows++;
      one.bytes += text.length;
      const { check, loose } = one;
      if (check !== null) {
        const at = indexOf(text, ID_MARK, HEAD.length);
        const ordinal = ordinals.get(substring(text, at + 6, at + 19));
        if (ordinal === undefined || at === -1) takeUnknown(one, check, text);
        else takeKnown(one, check, ordinal);
      } else if (loose !== null) one[loose.row(text)]++;
    },
  };
}
