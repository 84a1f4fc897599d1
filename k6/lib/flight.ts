/** Publishes in flight as columns of numbers: no object for an event. */

const FIRST_CAPACITY = 1_024;

/** Cells of one publish each; its number is its place in the columns. */
export interface Flight {
  rows: Uint8Array;
  due: Float64Array;
  sent: Float64Array;
  /** Cells that are not in use; push one to free it. */
  readonly free: number[];
  take(row: number, dueMs: number, sentMs: number): number;
  /** Cells in use. */
  inUse(): number;
}

/** Makes the columns; they grow with the publishes in flight at once. */
export function createFlight(): Flight {
  let size = 0;
  const flight: Flight = {
    rows: new Uint8Array(FIRST_CAPACITY),
    due: new Float64Array(FIRST_CAPACITY),
    sent: new Float64Array(FIRST_CAPACITY),
    free: [],
    take(row, dueMs, sentMs) {
      const cell = flight.free.pop() ?? grow();
      flight.rows[cell] = row;
      flight.due[cell] = dueMs;
      flight.sent[cell] = sentMs;
      return cell;
    },
    inUse: () => size - flight.free.length,
  };
  const grow = (): number => {
    const capacity = flight.rows.length;
    if (size === capacity) {
      flight.rows = grown(flight.rows, new Uint8Array(capacity * 2));
      flight.due = grown(flight.due, new Float64Array(capacity * 2));
      flight.sent = grown(flight.sent, new Float64Array(capacity * 2));
    }
    return size++;
  };
  return flight;
}

function grown<T extends Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
