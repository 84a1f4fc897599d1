/**
 * What a relay may do about a question, well or badly, by name: question and right answer in, frames out, each
 * with what a true report makes of it. Where there is nothing that a fault could change, it answers rightly.
 * Sources are the relays that do so: strfry, nostr-rs-relay, khatru, rnostr, nostream.
 */
import type { NostrEvent } from "../../src/nostr/wire.ts";
import type { AnswerState } from "../../src/query/answer-check.ts";
import type { Corpus } from "../../src/query/corpus.ts";
import { type Action, cut, type Frame, frame, type Told } from "./frames.ts";
import { newestFirst, type Question, type Right } from "./questions.ts";

export type Fault = (question: Question, right: Right, corpus: Corpus) => readonly Action[];

/** So many rows a capped answer has. */
export const CAP = 3;
const NOBODY = "never-asked";
/** Later than nostr-tools waits for EOSE. */
const LATE_MS = 4_600;

const rightly: Fault = (question, right) =>
  question.verb === "COUNT" ? count(question, right.count) : answer(question, right, right.rows);

/** NIP-67's third element of EOSE. */
type Hint = "more" | "finish";

interface Ending {
  readonly state?: AnswerState;
  readonly hint?: Hint;
}

/** Rows, each for what it is, and EOSE. */
function answer(
  question: Question,
  right: Right,
  rows: readonly NostrEvent[],
  { state = "right", hint }: Ending = {},
): readonly Frame[] {
  return [...rowsOf(question, right, rows), eose(question, state, hint)];
}

function rowsOf(
  { id }: Question,
  { allowed }: Right,
  rows: readonly NostrEvent[],
): readonly Frame[] {
  const seen = new Set<NostrEvent>();
  return rows.map((event) => {
    const is = !allowed.has(event) ? "notMatching" : seen.has(event) ? "duplicate" : "matching";
    seen.add(event);
    return row(id, event, is);
  });
}

function row(id: string, event: NostrEvent, is: Told["is"]): Frame {
  return told(["EVENT", id, event], { id, is });
}

function eose({ id }: Question, state: AnswerState, hint?: Hint): Frame {
  return told(hint ? ["EOSE", id, [hint]] : ["EOSE", id], { id, is: "eose", state });
}

function count(
  { id }: Question,
  n: number,
  state: AnswerState = "right",
  more: object = {},
): readonly Frame[] {
  return [told(JSON.stringify(["COUNT", id, { count: n, ...more }]), { id, is: "count", state })];
}

function closed({ id }: Question, text: string, code: string): Frame {
  return { ...told(["CLOSED", id, text], { id, is: "closed" }), error: `closed/${code}` };
}

function refusal({ id }: Question, text: string, code: string): Frame {
  const spoken = told(["NOTICE", text], { id, is: "refusal" });
  return { ...spoken, means: "notices", error: `notice/${code}` };
}

function told(data: Frame["data"], about: Told): Frame {
  return { ...frame(data, null), told: about };
}

const always =
  (frames: (question: Question) => readonly Action[]): Fault =>
  (question) =>
    frames(question);

/** About REQs: COUNTs are answered rightly, and so is what the fault has no frames for. */
const ofRows =
  (frames: (...args: Parameters<Fault>) => readonly Action[] | null): Fault =>
  (question, right, corpus) =>
    (question.verb === "REQ" ? frames(question, right, corpus) : null) ??
    rightly(question, right, corpus);

const ofCounts =
  (frames: (question: Question, right: Right) => readonly Action[]): Fault =>
  (question, right, corpus) =>
    question.verb === "COUNT" ? frames(question, right) : rightly(question, right, corpus);

const isSearch = ({ filters }: Question) => filters.some(({ search }) => search !== undefined);

/** Rows that the question does not ask for; none at all: nothing would be wrong. */
function otherRows(question: Question, right: Right, rows: readonly NostrEvent[]) {
  if (rows.every((event) => right.allowed.has(event))) return null;
  return answer(question, right, rows, { state: "wrong" });
}

/** Each row once, with the filter that finds it first. */
function partsOf({ byFilter }: Right): readonly (readonly NostrEvent[])[] {
  const seen = new Set<NostrEvent>();
  return byFilter.map((rows) =>
    rows.filter((event) => {
      const isNew = !seen.has(event);
      seen.add(event);
      return isNew;
    }),
  );
}

/** An answer without some of its rows: `null` where none is missing, or none that must be there. */
function lacking(question: Question, right: Right, rows: readonly NostrEvent[], ending: Ending) {
  if (!right.isExact || rows.length === right.rows.length) return null;
  return answer(question, right, rows, ending);
}

const capped = (ending: Ending): Fault =>
  ofRows((question, right) => lacking(question, right, right.rows.slice(0, CAP), ending));

function without<T>(list: readonly T[], at: number): readonly T[] {
  return list.filter((_, place) => place !== at);
}

const firstHalf = ({ rows }: Right) => rows.slice(0, Math.ceil(rows.length / 2));
const secondHalf = ({ rows }: Right) => rows.slice(Math.ceil(rows.length / 2));

/** Another event that every filter which finds this one finds too, but for those that ask for its id. */
function twin(event: NostrEvent): NostrEvent {
  return { ...event, id: event.id.split("").reverse().join("") };
}

function respell(frame: Frame): Frame {
  const [type, id, event] = frame.data as readonly [string, string, NostrEvent?];
  if (event === undefined) return { ...frame, data: ` [ "${type}",\t"${id}" ]\n` };
  const { id: own, ...rest } = event;
  return {
    ...frame,
    data: `[ "EVENT", "${id}", ${JSON.stringify({ ...rest, id: own }, null, 1)} ]`,
  };
}

const toOthers = (id: string) => [
  told(["EOSE", id], { id, is: "eose" }),
  told(JSON.stringify(["EVENT", id, {}]), { id, is: "notMatching" }),
  told(["CLOSED", id, "error: shut"], { id, is: "closed" }),
  told(["COUNT", id, { count: 7 }], { id, is: "count" }),
];

/** What is not as asked, and what only looks so. */
export const QUERY_FAULTS = {
  rightly,
  /** Merged newest first, where others answer filter by filter. */
  merged: ofRows((q, right) => answer(q, right, newestFirst(right.rows))),
  /** Those of one second as they were inserted (strfry). */
  tiesOtherwise: ofRows((q, right) => {
    const rows = partsOf(right).flatMap((part) =>
      part.toReversed().sort((a, b) => b.created_at - a.created_at),
    );
    return answer(q, right, rows);
  }),
  saysFinish: ofRows((q, right) => answer(q, right, right.rows, { hint: "finish" })),
  /** There is none: whatever the hint says, every row is there. */
  saysMore: ofRows((q, right) => answer(q, right, right.rows, { hint: "more" })),

  unfiltered: ofRows((q, right, { events }) => {
    const [{ limit = events.length } = {}] = q.filters;
    return otherRows(q, right, events.slice(0, limit));
  }),
  searchIgnored: ofRows((q, right, corpus) => {
    if (!isSearch(q)) return null;
    const rows = q.filters.flatMap(({ search, ...filter }) =>
      corpus.select(filter).flatMap((ordinal) => corpus.events[ordinal] ?? []),
    );
    return otherRows(q, right, rows.slice(0, q.filters[0]?.limit));
  }),
  limitIgnored: ofRows((q, right, corpus) => {
    const rows = q.filters.flatMap(({ limit, ...filter }) =>
      corpus.select(filter).flatMap((ordinal) => corpus.events[ordinal] ?? []),
    );
    return otherRows(q, right, [...new Set(rows)]);
  }),
  /** One event that nobody asked for, in the middle. */
  strayRow: ofRows((q, right, { events }) => {
    const stray = events.find((event) => !right.allowed.has(event));
    if (stray === undefined) return null;
    return otherRows(q, right, [...firstHalf(right), stray, ...secondHalf(right)]);
  }),

  /** An event that is none. */
  unreadableRow: ofRows((q, right) => [
    told(JSON.stringify(["EVENT", q.id, {}]), { id: q.id, is: "notMatching" }),
    ...answer(q, right, right.rows, { state: "wrong" }),
  ]),

  oldestFirst: ofRows((q, right) => {
    const parts = partsOf(right);
    const isTie = (part: readonly NostrEvent[]) =>
      part.every(({ created_at }) => created_at === part[0]?.created_at);
    if (isSearch(q) || parts.every(isTie)) return null;
    const rows = parts.flatMap((part) => part.toReversed());
    return answer(q, right, rows, { state: "wrong" });
  }),
  /** As the order is, so is the limit: the oldest rows of all. */
  oldestRows: ofRows((q, right, corpus) => {
    const rows = q.filters.flatMap((filter) => {
      const oldest = corpus.select(filter).toReversed().slice(0, filter.limit);
      return oldest.flatMap((ordinal) => corpus.events[ordinal] ?? []);
    });
    return otherRows(q, right, [...new Set(rows)]);
  }),

  duplicates: ofRows((q, right) =>
    answer(
      q,
      right,
      right.rows.flatMap((event) => [event, event]),
    ),
  ),
  /** As nostr-rs-relay, khatru and rnostr have several filters. */
  notDeduped: ofRows((q, right) => answer(q, right, right.byFilter.flat())),
  /** What is stored while it is asked for (nostr-rs-relay, khatru, rnostr, nostream). */
  storedAndLive: ofRows((q, right) => answer(q, right, [...right.rows, ...right.rows.slice(0, 1)])),
  storedAndLiveBehind: ofRows((q, right) => [
    ...answer(q, right, right.rows),
    ...rowsOf(q, right, right.rows.slice(0, 1)),
  ]),
  liveBefore: ofRows((q, right) => {
    const [newest] = right.rows;
    const isLive = newest !== undefined && q.filters.every(({ ids }) => ids === undefined);
    const live = isLive ? [row(q.id, twin(newest), "foreign")] : [];
    const [first, ...others] = answer(q, right, right.rows);
    return first === undefined ? null : [first, ...live, ...others];
  }),

  capped: capped({ state: "short" }),
  /** The relay says so in NIP-11: its `max_limit` is `CAP`. */
  cappedAsAnnounced: capped({ state: "truncated" }),
  cappedWithMore: capped({ state: "truncated", hint: "more" }),
  cappedWithFinish: capped({ state: "short", hint: "finish" }),
  missing: ofRows((q, right) =>
    lacking(q, right, without(right.rows, firstHalf(right).length - 1), { state: "short" }),
  ),
  /** A hole is no end, whatever the relay says of more; in a search there is no order to tell it by. */
  missingNewest: ofRows((q, right) => {
    if (isSearch(q)) return null;
    const part = partsOf(right).find((rows) => rows[0]?.created_at !== rows.at(-1)?.created_at);
    if (part === undefined) return null;
    const rows = right.rows.filter((event) => event !== part[0]);
    return lacking(q, right, rows, { state: "short", hint: "more" });
  }),
  eoseTooEarly: ofRows((q, right) => {
    const frames = lacking(q, right, firstHalf(right), { state: "short" });
    return frames === null ? null : [...frames, ...rowsOf(q, right, secondHalf(right))];
  }),
  /** To the question before on the connection, where there is one, else to nobody. */
  rowsElsewhere: ofRows((q, right) => {
    if (!right.isExact || right.rows.length === 0) return null;
    const { answered = NOBODY } = q;
    return [...rowsOf({ ...q, id: answered }, right, right.rows), eose(q, "short")];
  }),

  silent: always(() => []),
  noEose: ofRows((q, right) => rowsOf(q, right, right.rows)),
  late: (q, right, corpus) =>
    rightly(q, right, corpus).map((action) => ({ ...action, afterMs: LATE_MS })),
  noticeInstead: always((q) => [refusal(q, "ERROR: too many concurrent REQs", "other")]),
  closedBare: always((q) => [closed(q, "go away", "other")]),
  closedAsError: always((q) => [closed(q, "ERROR: bad req: unrecognised filter item", "other")]),
  closedWithPrefix: always((q) => [closed(q, "auth-required: members only", "auth-required")]),
  closedErrorAndPrefix: always((q) => [closed(q, "ERROR: invalid: no such kind", "invalid")]),
  /** A time limit of the relay's on what it reads (rnostr). */
  closedMidway: ofRows((q, right) => [
    ...rowsOf(q, right, firstHalf(right)),
    closed(q, "error: get event error: timeout", "error"),
  ]),
  cutMidway: ofRows((q, right) => [...rowsOf(q, right, firstHalf(right)), cut("reset", 0)]),

  /** strfry, over its cap of live subscriptions: all that is stored, and then it says so. */
  noticeBehind: ofRows((q, right) => [
    ...answer(q, right, right.rows),
    refusal(q, "ERROR: too many concurrent REQs", "other"),
  ]),
  /** No fault: white space, and members in an order of their own. */
  respelled: ofRows((q, right) => answer(q, right, right.rows).map(respell)),

  eoseTwice: ofRows((q, right) => [...answer(q, right, right.rows), eose(q, "right")]),
  answersNobody: (q, right, corpus) => [...toOthers(NOBODY), ...rightly(q, right, corpus)],

  countWrong: ofCounts((q, right) => count(q, right.count + 1, "wrong")),
  /** strfry, where a COUNT has more to count than it may. */
  countLimited: ofCounts((q, right) =>
    right.count < 2
      ? count(q, right.count)
      : count(q, right.count - 1, "truncated", { limited: true }),
  ),
  /** Fewer, and no word of a bound. */
  countShort: ofCounts((q, right) =>
    right.count === 0 ? count(q, 0) : count(q, right.count - 1, "short"),
  ),
  /** The end of a REQ, which is none of a COUNT. */
  countBehindEose: ofCounts((q, right) => [frame(["EOSE", q.id], null), ...count(q, right.count)]),
  countSilent: ofCounts(() => []),
  countClosed: ofCounts((q) => [closed(q, "unsupported: COUNT", "unsupported")]),
  countNoticed: ofCounts((q) => [refusal(q, "could not parse command", "other")]),
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof QUERY_FAULTS;
