/** After how many rows a relay ends an answer: as it announces, or as its answers show. */

/** So many answers that end at the same number of rows, the most that any has, are no chance. */
const EVIDENT_FROM = 8;

/** Books so many answers of a row of the class. */
export type BookCut = (row: number, verdict: "truncated" | "short") => void;

export class Caps {
  /** `max_limit` of NIP-11, or what was found out beforehand. */
  readonly announced: number | null;
  private readonly ofFilter: Cut;
  private readonly ofAnswer: Cut;

  constructor(announced: number | null, book: BookCut) {
    this.announced = announced;
    this.ofFilter = new Cut(book);
    this.ofAnswer = new Cut(book);
  }

  /** An answer had so many rows. */
  note(rows: number, filters: number): void {
    this.ofAnswer.note(rows);
    if (filters === 1) this.ofFilter.note(rows);
  }

  /** One ended at so many, the newest, where more were asked for and there: booked when it is known what it is. */
  end(rows: number, filters: number, row: number): void {
    // Some relays bound the rows of a filter, others (nostr-relay of PyPI) those of the whole answer.
    (filters === 1 ? this.ofFilter : this.ofAnswer).end(rows, row);
  }

  /** No answer will come: what is not evident by now is none of a bound. */
  giveUp(): void {
    this.ofFilter.release("short");
    this.ofAnswer.release("short");
  }
}

/** Answers that ended early, as long as nobody knows whether by a bound. */
class Cut {
  private readonly book: BookCut;
  private most = 0;
  private times = 0;
  private waiting: number[] = [];

  constructor(book: BookCut) {
    this.book = book;
  }

  /** More rows than in any other answer: what ended before was no bound. */
  note(rows: number): void {
    if (rows <= this.most) return;
    this.most = rows;
    this.times = 0;
    this.release("short");
  }

  end(rows: number, row: number): void {
    if (rows < this.most) {
      this.book(row, "short");
      return;
    }
    this.waiting.push(row);
    if (++this.times >= EVIDENT_FROM) this.release("truncated");
  }

  release(verdict: "truncated" | "short"): void {
    for (const row of this.waiting) this.book(row, verdict);
    this.waiting = [];
  }
}
