/**
 * Rows: whose a row is, which event of the corpus, and whether it was asked for. Nearly every row is the one that
 * is due next, which `listener.ts` sees by its id alone, without a call; any other comes here. Nothing is
 * parsed but what is no event of the corpus.
 */
import { matchesFilter } from "../../../src/nostr/filter.ts";
import { AnswerCheck } from "../../../src/query/answer-check.ts";
import type { ExpectedAnswer } from "../../../src/query/expected-answer.ts";
import { expectedOf, filtersOf } from "../../../src/query/question-line.ts";
import { ROW_KEY_LENGTH } from "../../../src/query/rows-file.ts";
import { indexOf, substring } from "../hot.ts";
import { type Asked, eoseOf, type Lane } from "./asked.ts";
import { ID_MARK, NO_CORPUS } from "./corpus-rows.ts";
import { LooseCheck, parseFilters, parseRow } from "./loose-check.ts";
import type { QueryOptions } from "./options.ts";

const HEAD = '["EVENT","';
export const NO_PART: readonly number[] = [];
/** No frame holds it. */
export const NO_MARK = "\n\n";

export interface Rows {
  /** A query that is about to be sent. */
  begin(one: Pick<Asked, "lane" | "question" | "page" | "row" | "id" | "before">): Asked;
  /** The open query that a frame is a row of, if it is one in the usual form. */
  turnTo(lane: Lane, text: string): Asked | null;
  /** Takes any row. */
  take(one: Asked, text: string, receivedMs: number): void;
  /** Takes into account the rows that came in their order: to be called before their number is read. */
  sync(one: Asked): void;
}

export function createRows({ verify, corpus }: Pick<QueryOptions, "verify" | "corpus">): Rows {
  const { marks, ordinals, ranks, lacking } = corpus ?? NO_CORPUS;

  /** Of what the relay holds, as far as anybody knows: what it refused is as foreign as others' events. */
  const ordinalOf = ({ lane }: Asked, key: string): number | undefined => {
    const ordinal = ordinals.get(key);
    if (ordinal === undefined) return undefined;
    return lacking[lane.holder]?.has(ordinal) ? undefined : ordinal;
  };

  const takeUnknown = (one: Asked, check: AnswerCheck, text: string): void => {
    const event = parseRow(text);
    // White space: relays need not write an event without any.
    const ordinal =
      event === null ? undefined : ordinalOf(one, event.id.substring(0, ROW_KEY_LENGTH));
    if (ordinal !== undefined) {
      takeKnown(one, check, ordinal);
      return;
    }
    const filters = parseFilters(one.filters);
    if (event !== null && filters.some((filter) => matchesFilter(filter, event))) one.foreign++;
    else one[check.row(undefined)]++;
  };

  const takeKnown = (one: Asked, check: AnswerCheck, ordinal: number): void => {
    one[check.row(ordinal)]++;
    if (one.before?.has(ordinal)) one.boundaryDuplicate++;
    one.seen?.add(ordinal);
  };

  /** Awaits the next row of the first filter that has not had all of its own. Pages look at each row. */
  const awaitNext = (one: Asked, check: AnswerCheck, parts: ExpectedAnswer["parts"]): void => {
    one.mark = NO_MARK;
    if (one.before !== null || one.seen !== null) return;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as readonly number[];
      const at = check.placeOf(i);
      if (at >= part.length) continue;
      one.mark = marks[part[at] as number] as string;
      one.part = part;
      one.partIndex = i;
      one.at = at;
      one.knownTo = at;
      return;
    }
  };

  const sync = (one: Asked): void => {
    const { lane } = one;
    if (lane.current === one) lane.save();
    const count = one.at - one.knownTo;
    if (count === 0) return;
    one.knownTo = one.at;
    one.rows += count;
    if (one.isCounted) return;
    one.check?.advance(one.partIndex, count);
    one.matching += count;
  };

  return {
    begin({ lane, question, page, row, id, before }) {
      const line = question.pages[page] as string;
      const filters = filtersOf(line);
      const expected = verify === "off" ? null : expectedOf(line, lane.holder);
      const isOfRows = verify === "rows" && question.verb === "REQ";
      const isKnown = corpus !== null && typeof expected === "object" && expected !== null;
      const isLast = question.pages[page + 1] === undefined;
      const check = isOfRows && isKnown ? new AnswerCheck(expected, ranks) : null;
      const loose = isOfRows && corpus === null ? new LooseCheck(filters) : null;
      // Each member by itself: k6's interpreter takes 1 µs and more for a spread.
      return {
        lane,
        question,
        page,
        row,
        id,
        before,
        filters,
        expected,
        check,
        loose,
        sentMs: 0,
        head: `${HEAD}${id}",`,
        // The character behind a comma.
        beyond: `${HEAD}${id}"-`,
        isOpen: true,
        isCounted: check === null && loose === null,
        mark: NO_MARK,
        part: NO_PART,
        partIndex: 0,
        at: 0,
        knownTo: 0,
        rows: 0,
        bytes: 0,
        firstMs: 0,
        matching: 0,
        duplicate: 0,
        notMatching: 0,
        foreign: 0,
        boundaryDuplicate: 0,
        seen: isLast ? null : new Set(),
      };
    },
    turnTo(lane, text) {
      if (indexOf(text, HEAD, 0) !== 0) return null;
      const id = substring(text, HEAD.length, indexOf(text, '"', HEAD.length));
      lane.save();
      lane.current = lane.open.get(eoseOf(id)) ?? null;
      lane.load();
      return lane.current;
    },
    take(one, text, receivedMs) {
      const { lane, check, loose, expected } = one;
      sync(one);
      if (one.rows === 0) one.firstMs = receivedMs;
      one.rows++;
      one.bytes += text.length;
      if (check !== null) {
        const at = indexOf(text, ID_MARK, HEAD.length);
        const key = substring(text, at + ID_MARK.length, at + ID_MARK.length + ROW_KEY_LENGTH);
        const ordinal = at === -1 ? undefined : ordinalOf(one, key);
        if (ordinal === undefined) takeUnknown(one, check, text);
        else takeKnown(one, check, ordinal);
        awaitNext(one, check, (expected as ExpectedAnswer).parts);
      } else if (loose !== null) one[loose.row(text)]++;
      if (lane.current === one) lane.load();
    },
    sync,
  };
}
