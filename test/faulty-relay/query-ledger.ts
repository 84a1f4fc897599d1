/**
 * What the faulty relay was asked and what it answered, by the columns that a true report has. A frame counts
 * by the state that its question is in when it is read, as the protocol has it: an answer ends with the first
 * EOSE, CLOSED or COUNT, with a NOTICE where no other question is open, or when its asker gives up.
 */
import type { AnswerState } from "../../src/query/answer-check.ts";
import type { Told } from "./frames.ts";
import type { Question } from "./questions.ts";

/** The patience of nostr-tools, ms. */
const LATE_MS = 4_400;

const ROWS = ["matching", "duplicate", "notMatching", "foreign"] as const;
const ENDS = ["eose", "closed", "refusedByNotice", "timedOut", "lost"] as const;
const STATES = ["right", "truncated", "short", "wrong"] as const;

type Row = (typeof ROWS)[number];
type End = (typeof ENDS)[number];
export type LedgerColumn =
  | ("sent" | "rows" | "rowsBehind" | "empty" | "late" | "bytes")
  | Row
  | End
  | AnswerState;

export interface AskedQuestion extends Question {
  readonly connection: number;
  /** The generator asked it. */
  readonly isLoad: boolean;
  readonly receivedMs: number;
  readonly rows: Record<Row, number>;
  rowsBehind: number;
  /** Characters of the frames of its rows. */
  bytes: number;
  /** None while it is open. */
  end: End | null;
  endMs: number | null;
  state: AnswerState | null;
}

interface Telling {
  readonly told: Told;
  readonly text: string;
  readonly atMs: number;
}

export class QueryLedger {
  readonly questions: AskedQuestion[] = [];
  /** By connection, what was asked there under each id at last. */
  readonly #byId = new Map<number, Map<string, AskedQuestion>>();
  /** Frames to ids that nobody asked under. */
  toNobody = 0;

  ask(
    { connection, isLoad }: Pick<AskedQuestion, "connection" | "isLoad">,
    asked: Pick<Question, "verb" | "id" | "filters">,
    receivedMs: number,
  ): AskedQuestion {
    const ended = this.#of(connection).filter(({ end }) => end !== null);
    const question: AskedQuestion = {
      ...asked,
      place: this.questions.length,
      answered: ended.at(-1)?.id,
      connection,
      isLoad,
      receivedMs,
      rows: { matching: 0, duplicate: 0, notMatching: 0, foreign: 0 },
      rowsBehind: 0,
      bytes: 0,
      end: null,
      endMs: null,
      state: null,
    };
    this.questions.push(question);
    const known = this.#byId.get(connection) ?? new Map<string, AskedQuestion>();
    this.#byId.set(connection, known.set(asked.id, question));
    return question;
  }

  /** A frame of an answer was read. */
  tell(connection: number, { told: { id, is, state }, text, atMs }: Telling): void {
    if (is === "refusal") {
      const open = this.#of(connection).filter(({ end }) => end === null);
      const [only] = open;
      if (only !== undefined && open.length === 1) finish(only, "refusedByNotice", atMs);
      return;
    }
    const question = this.#byId.get(connection)?.get(id);
    if (question === undefined) {
      this.toNobody++;
    } else if (is === "eose" || is === "count") {
      if (question.end !== null) return;
      finish(question, "eose", atMs);
      question.state = state ?? null;
    } else if (is === "closed") {
      finish(question, "closed", atMs);
    } else if (question.end !== null) {
      question.rowsBehind++;
    } else {
      question.rows[is]++;
      question.bytes += text.length;
    }
  }

  /** The client sent CLOSE: what has no end by then was given up. */
  close(connection: number, id: string, atMs: number): void {
    const question = this.#byId.get(connection)?.get(id);
    if (question !== undefined) finish(question, "timedOut", atMs);
  }

  drop(connection: number, atMs: number): void {
    for (const question of this.#of(connection)) finish(question, "lost", atMs);
  }

  /** The columns of a true report. */
  columns(): Readonly<Record<LedgerColumn, number>> {
    const asked = this.questions.filter(({ isLoad }) => isLoad);
    const count = (holds: (question: AskedQuestion) => boolean) => asked.filter(holds).length;
    const sum = (of: (question: AskedQuestion) => number) =>
      asked.reduce((total, question) => total + of(question), 0);
    const fromEntries = <K extends string>(names: readonly K[], of: (name: K) => number) =>
      Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, number>;
    const rowsOf = ({ rows }: AskedQuestion) => ROWS.reduce((total, row) => total + rows[row], 0);
    const tookMs = ({ endMs, receivedMs }: AskedQuestion) => (endMs ?? receivedMs) - receivedMs;
    return {
      sent: asked.length,
      ...fromEntries(ENDS, (name) => count(({ end }) => end === name)),
      ...fromEntries(STATES, (name) => count(({ state }) => state === name)),
      rows: sum(rowsOf),
      ...fromEntries(ROWS, (name) => sum(({ rows }) => rows[name])),
      rowsBehind: sum(({ rowsBehind }) => rowsBehind),
      bytes: sum(({ bytes }) => bytes),
      empty: count((of) => of.end === "eose" && of.verb === "REQ" && rowsOf(of) === 0),
      late: count((of) => of.end === "eose" && tookMs(of) > LATE_MS),
    };
  }

  #of(connection: number): readonly AskedQuestion[] {
    return [...(this.#byId.get(connection)?.values() ?? [])];
  }
}

function finish(question: AskedQuestion, end: End, atMs: number): void {
  if (question.end !== null) return;
  question.end = end;
  question.endMs = atMs;
}
