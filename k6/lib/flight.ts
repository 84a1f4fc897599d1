/** Publishes in flight as columns of numbers: no object for an event. */

const FIRST_CAPACITY = 1_024;

/** Cells of one publish each; a cell's number is its place in the columns. */
export interface Flight {
  readonly rows: Uint8Array;
  readonly due: Float64Array;
  readonly sent: Float64Array;
  /** A stack of cells that are not in use; whoever uses it keeps its height. */
  readonly free: Int32Array;
}

/** Columns without any publish: all of `free` is on the stack. */
export function createFlight(): Flight {
  return {
    rows: new Uint8Array(FIRST_CAPACITY),
    due: new Float64Array(FIRST_CAPACITY),
    sent: new Float64Array(FIRST_CAPACITY),
    free: new Int32Array(FIRST_CAPACITY).map((_, cell) => cell),
  };
}

/** Columns twice as long, for when every cell is in use: the new half is on the stack. */
export function growFlight({ rows, due, sent, free }: Flight): Flight {
  const capacity = rows.length;
  return {
    rows: grown(rows, new Uint8Array(capacity * 2)),
    due: grown(due, new Float64Array(capacity * 2)),
    sent: grown(sent, new Float64Array(capacity * 2)),
    free: new Int32Array(free.length * 2).map((_, n) => capacity + n),
  };
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
