/**
 * Multi-part sets under way: a set is settled when each of its parts has its outcome. Events that are a
 * set of their own never come here.
 */

import {
  SETS_COMPLETE,
  SETS_CUT_OFF,
  SETS_FAILED,
  SETS_PARTIAL,
  SETS_STARTED,
} from "../../../src/measure/classes/set.ts";
import type { Histogram } from "../../../src/measure/histogram.ts";
import type { Recorder } from "../../../src/measure/recorder.ts";

interface OpenSet {
  readonly row: number;
  readonly lastPart: number;
  /** When its first part was due. */
  readonly dueMs: number;
  settled: number;
  accepted: number;
}

/** A part of a set under way. */
export interface SetPart {
  readonly set: OpenSet;
  readonly part: number;
}

export interface SetBook {
  /** The part that a line is; the first of a set opens it. */
  take(line: string, row: number, dueMs: number): SetPart;
  /** Notes that a part is in flight in this cell. */
  sent(cell: number, part: SetPart): void;
  /** The publish in this cell, of a set or not, has its outcome. */
  settle(cell: number, isAccepted: boolean, atMs: number): void;
  /** A part that was not sent. */
  miss(part: SetPart): void;
  /** The run is over: counts the sets of which not all parts were due or have their outcome. */
  cutOff(): void;
}

/** Of the completion times one in `sampleEvery` goes to k6's own trend. */
export function createSetBook(recorder: Recorder, sampleEvery: number): SetBook {
  const inFlight = new Map<number, SetPart>();
  let current: OpenSet = { row: 0, lastPart: 0, dueMs: 0, settled: 0, accepted: 0 };
  let completed = 0;
  const book = recorder.books.set;
  /** By row: sets that are begun and not settled. */
  const open = new Map<number, number>();

  const count = (row: number, column: number): void => {
    const cells = book.columns[column] as Float64Array;
    cells[row] = (cells[row] as number) + 1;
  };
  const close = (set: OpenSet, atMs: number): void => {
    open.set(set.row, (open.get(set.row) ?? 0) - 1);
    if (set.accepted === 0) count(set.row, SETS_FAILED);
    else if (set.accepted <= set.lastPart) count(set.row, SETS_PARTIAL);
    else {
      count(set.row, SETS_COMPLETE);
      (book.times.completion[set.row] as Histogram).record(atMs - set.dueMs);
      if (++completed % sampleEvery === 0) book.samples.push(set.row, atMs - set.dueMs);
    }
  };
  const settlePart = ({ set, part }: SetPart, isAccepted: boolean, atMs: number): void => {
    if (isAccepted) set.accepted++;
    else recorder.countLacking(set.row, part);
    if (++set.settled > set.lastPart) close(set, atMs);
  };
  return {
    take(line, row, dueMs) {
      const part = Number.parseInt(line.charAt(1), 36);
      if (part === 0) {
        const lastPart = Number.parseInt(line.charAt(2), 36);
        current = { row, lastPart, dueMs, settled: 0, accepted: 0 };
        count(row, SETS_STARTED);
        open.set(row, (open.get(row) ?? 0) + 1);
      }
      return { set: current, part };
    },
    sent(cell, part) {
      inFlight.set(cell, part);
    },
    settle(cell, isAccepted, atMs) {
      const part = inFlight.get(cell);
      if (part === undefined) return;
      inFlight.delete(cell);
      settlePart(part, isAccepted, atMs);
    },
    miss(part) {
      settlePart(part, false, part.set.dueMs);
    },
    cutOff() {
      for (const [row, n] of open) book.count(row, SETS_CUT_OFF, n);
      open.clear();
    },
  };
}
