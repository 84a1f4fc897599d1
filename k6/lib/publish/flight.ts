/**
 * Publishes in flight as columns of numbers: no object for an event. Plain arrays, not typed ones: k6's
 * interpreter keeps a number in one as it is, and makes a new one at each reading of a typed array.
 */

const FIRST_CAPACITY = 1_024;

/** Cells of one publish each; a cell's number is its place in the columns. */
export interface Flight {
  readonly rows: number[];
  readonly due: number[];
  readonly sent: number[];
  /** A stack of cells that are not in use; whoever uses it keeps its height. */
  readonly free: number[];
}

/** Columns without any publish: all of `free` is on the stack, the lowest on top. */
export function createFlight(): Flight {
  return {
    rows: zeros(FIRST_CAPACITY),
    due: zeros(FIRST_CAPACITY),
    sent: zeros(FIRST_CAPACITY),
    // The interpreter has numbers below 256 at hand; any other is made anew at each use as an index.
    free: zeros(FIRST_CAPACITY).map((_, n) => FIRST_CAPACITY - 1 - n),
  };
}

/** Columns twice as long, for when every cell is in use: the new half is on the stack. */
export function growFlight({ rows, due, sent }: Flight): Flight {
  const capacity = rows.length;
  const more = zeros(capacity);
  return {
    rows: rows.concat(more),
    due: due.concat(more),
    sent: sent.concat(more),
    free: more.map((_, n) => 2 * capacity - 1 - n).concat(more),
  };
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}
