/**
 * Holds the rows of one answer against what is expected, row by row as they come. A relay answers the filters
 * of a question one after the other, or merged newest first: either way each row is the next one of some
 * filter, which costs a comparison a filter. All else is off that path.
 */
import type { ExpectedAnswer } from "./expected-answer.ts";

export type RowState = "matching" | "duplicate" | "notMatching";

/**
 * `truncated`: the newest rows only, up to a bound of the relay's. `short`: rows are missing and no bound
 * explains it. `wrong`: rows that were not asked for, more than were asked for, or not newest first.
 */
export type AnswerState = "right" | "truncated" | "short" | "wrong";

/** What may explain that rows are missing. */
export interface Bound {
  /** Rows after which the relay ends an answer, as it announces (NIP-11 `max_limit`); `null`: nothing said. */
  readonly rows: number | null;
  /** EOSE said that there is more (NIP-67). */
  readonly saidMore: boolean;
}

/** Of an answer in its order: most never need a set of their own, which k6 takes 2 µs to make. */
const NONE: Set<number> = new Set();

/** Its fields are not `#private`, which costs twice as much inside k6; loops go by index, without closures. */
export class AnswerCheck {
  private readonly expected: ExpectedAnswer;
  private readonly ranks: Uint32Array;
  /** By filter, the place of the row that is due next. */
  private readonly next: number[];
  /** Rows that were passed over: newer than one that came, and not there so far. */
  private passed = NONE;
  private chosen = NONE;
  /** Rows that must be there and have come, of those whose place is open. */
  private anywhere = NONE;
  /** Of a question with one filter: how many of its sure rows stood before the first that it may choose. */
  private beforeChosen = 0;
  private isDisordered = false;
  private notMatching = 0;

  /** `ranks`: see `ranksOf`. */
  constructor(expected: ExpectedAnswer, ranks: Uint32Array) {
    this.expected = expected;
    this.ranks = ranks;
    const next: number[] = [];
    for (let i = 0; i < expected.parts.length; i++) next.push(0);
    this.next = next;
  }

  /** Takes the next row by its ordinal; `undefined`: it is no event of the corpus. */
  row(ordinal: number | undefined): RowState {
    if (ordinal === undefined) return this.takeUnasked();
    const { parts } = this.expected;
    const next = this.next;
    for (let i = 0; i < parts.length; i++) {
      const at = next[i] as number;
      if ((parts[i] as readonly number[])[at] === ordinal) {
        next[i] = at + 1;
        return "matching";
      }
    }
    return this.takeOther(ordinal);
  }

  /** How many rows of a filter were taken in their order, or passed over: the place of the one that is due next. */
  placeOf(part: number): number {
    return this.next[part] ?? 0;
  }

  /** Takes so many rows at once that are known to be the next ones of a filter. */
  advance(part: number, rows: number): void {
    this.next[part] = this.placeOf(part) + rows;
  }

  /** Different rows so far that were asked for. */
  get matching(): number {
    let taken = 0;
    for (let i = 0; i < this.next.length; i++) taken += this.next[i] as number;
    return taken - this.passed.size + this.chosen.size + this.anywhere.size;
  }

  /** The verdict at EOSE. */
  end(bound: Bound): AnswerState {
    const { parts, anywhere, least, most, isOrdered } = this.expected;
    if (this.notMatching > 0 || this.isDisordered || this.chosen.size > most) return "wrong";
    // What may be chosen is older than all that is sure of the same filter.
    const isChosenFirst = this.chosen.size > 0 && this.next[0] !== this.beforeChosen;
    if (isChosenFirst && isOrdered && parts.length === 1) return "wrong";
    let isWhole = this.anywhere.size === anywhere.length;
    for (let i = 0; i < parts.length; i++) {
      if (this.next[i] !== (parts[i] as readonly number[]).length) isWhole = false;
    }
    if (isWhole && this.passed.size === 0 && this.chosen.size >= least) return "right";
    // A relay that ends early leaves out the oldest.
    const isChosenEarly = parts.length === 1 && !isWhole && this.chosen.size > 0;
    const isNewest = !this.hasHole() && !isChosenEarly;
    const isBounded = bound.saidMore || (bound.rows !== null && this.matching >= bound.rows);
    return isNewest && isBounded ? "truncated" : "short";
  }

  private takeUnasked(): RowState {
    this.notMatching++;
    return "notMatching";
  }

  /** A row that is not the next one of any filter. */
  private takeOther(ordinal: number): RowState {
    const { parts, anywhere, either } = this.expected;
    for (const [i, part] of parts.entries()) {
      const at = findPlace(part, ordinal);
      if (at === -1) continue;
      const next = this.next[i] ?? 0;
      if (at >= next) {
        if (next < at && this.passed === NONE) this.passed = new Set();
        for (let passed = next; passed < at; passed++) this.passed.add(part[passed] as number);
        this.next[i] = at + 1;
        return "matching";
      }
      if (!this.passed.delete(ordinal)) return "duplicate";
      this.lookAtOrder(ordinal, part[next - 1]);
      return "matching";
    }
    if (findPlace(anywhere, ordinal) !== -1) {
      if (this.anywhere.has(ordinal)) return "duplicate";
      if (this.anywhere === NONE) this.anywhere = new Set();
      this.anywhere.add(ordinal);
      return "matching";
    }
    if (findPlace(either, ordinal) === -1) return this.takeUnasked();
    if (this.chosen.has(ordinal)) return "duplicate";
    if (this.chosen.size === 0) this.beforeChosen = this.next[0] ?? 0;
    if (this.chosen === NONE) this.chosen = new Set();
    this.chosen.add(ordinal);
    return "matching";
  }

  /** A row is missing that is newer than one that came: not of its second, whose rows come in any order. */
  private hasHole(): boolean {
    if (!this.expected.isOrdered) return false;
    return this.expected.parts.some((part, i) => {
      const next = this.next[i] ?? 0;
      const last = this.ranks[part[next - 1] ?? 0];
      return part.slice(0, next).some((at) => this.passed.has(at) && this.ranks[at] !== last);
    });
  }

  /** A row that comes behind an older one of its filter; those of one second come in any order. */
  private lookAtOrder(ordinal: number, last: number | undefined): void {
    if (!this.expected.isOrdered || last === undefined) return;
    if (this.ranks[ordinal] !== this.ranks[last]) this.isDisordered = true;
  }
}

/** The place of a number in a rising list; -1 where it is not in it. */
function findPlace(list: readonly number[], wanted: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return list[low] === wanted ? low : -1;
}
