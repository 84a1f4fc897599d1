/** After how many rows a relay ends an answer: as it announces, or as its answers show. */

/** So many answers that end at the same number of rows, and none that has more, are no chance. */
const EVIDENT_FROM = 20;

export class Caps {
  /** `max_limit` of NIP-11, or what was found out beforehand. */
  readonly announced: number | null;
  private most = 0;
  private times = 0;

  constructor(announced: number | null) {
    this.announced = announced;
  }

  /** An answer had so many rows. */
  note(rows: number): void {
    if (rows <= this.most) return;
    this.most = rows;
    this.times = 0;
  }

  /** An answer ended at so many rows, the newest, where more were asked for and there: is that a bound? */
  isEvident(rows: number): boolean {
    return rows === this.most && ++this.times > EVIDENT_FROM;
  }
}
