/**
 * What a VU counts while it sends. On the hot path: plain array cells and histogram buckets, no
 * object for an event. `take` hands over all since the last call and starts again from nothing.
 */
import { NOTED_ID_LENGTH } from "./acknowledged.ts";
import { type DetachedHistogram, Histogram } from "./histogram.ts";
import { COLUMNS } from "./outcome.ts";
import type { DetachedSlice, LinkCounts, SliceError } from "./slice.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Publishes whose times go to k6's own trends: at most about so many in a run, see k6/lib/metrics.ts. */
export const MOST_SAMPLES = 5_000;
const MAX_EXAMPLE_LENGTH = 160;
/** A relay chooses its texts: kinds of errors beyond so many in a slice are counted as one. */
const MOST_ERROR_KINDS = 64;

export class Recorder {
  /** By column of the accounting: one cell a row. */
  readonly columns: readonly Float64Array[];
  readonly #rows: number;
  readonly response: readonly Histogram[];
  readonly service: readonly Histogram[];
  /** Service time by relay of the plan; empty for one relay. */
  readonly byRelay: readonly Histogram[];
  readonly connect = new Histogram();
  readonly scheduleLag = new Histogram();
  readonly loopLag = new Histogram();
  /** Publishes in flight × ms, over so many ms of the measured window. */
  inFlight = { sum: 0, overMs: 0 };
  /** Row, response and service time in ms of a publish now and then, one behind the other. */
  samples: number[] = [];
  link: Mutable<LinkCounts> = noLinkCounts();
  #errors = new Map<string, Mutable<SliceError>>();
  /** By relay: accepted publishes noted for the read-back. */
  #accepted: string[][] = [];

  /** `rows`: the event types, then the same types for the warm-up. */
  constructor(rows: number, relays = 1) {
    this.#rows = rows;
    this.columns = COLUMNS.map(() => new Float64Array(rows));
    this.response = Array.from({ length: rows }, () => new Histogram());
    this.service = Array.from({ length: rows }, () => new Histogram());
    this.byRelay = Array.from({ length: relays > 1 ? relays : 0 }, () => new Histogram());
  }

  /** Adds one to a column of a row. */
  count(row: number, column: number): void {
    const cells = this.columns[column];
    if (cells) cells[row] = (cells[row] ?? 0) + 1;
  }

  /** Notes a publish that this relay of the plan accepted, for the read-back. */
  noteAccepted(relay: number, id: string): void {
    while (this.#accepted.length <= relay) this.#accepted.push([]);
    this.#accepted[relay]?.push(id.substring(0, NOTED_ID_LENGTH));
  }

  /** Counts an error by class and code, and keeps the first text of each as its example. */
  error(errorClass: string, code: string, atSec: number, example: string, stack?: string): void {
    const key = `${errorClass} ${code}`;
    const known = this.#errors.get(key);
    if (known) {
      known.count++;
      return;
    }
    if (this.#errors.size >= MOST_ERROR_KINDS && code !== "other") {
      this.error(errorClass, "other", atSec, example, stack);
      return;
    }
    this.#errors.set(key, {
      class: errorClass,
      code,
      count: 1,
      firstAtSec: atSec,
      example: example.slice(0, MAX_EXAMPLE_LENGTH),
      ...(stack === undefined ? {} : { stack }),
    });
  }

  /** All since the last call, as the members of a slice that hold figures. */
  take(): Pick<
    DetachedSlice,
    "counts" | "link" | "histograms" | "errors" | "inFlight" | "accepted"
  > {
    const errors = [...this.#errors.values()];
    const accepted = this.#accepted;
    const { link, inFlight } = this;
    this.#accepted = [];
    this.inFlight = { sum: 0, overMs: 0 };
    this.#errors = new Map();
    this.link = noLinkCounts();
    return {
      counts: this.#takeCounts(),
      link,
      histograms: this.#takeHistograms(),
      errors,
      inFlight,
      ...(accepted.length === 0 ? {} : { accepted }),
    };
  }

  #takeCounts(): DetachedSlice["counts"] {
    const rows: (readonly [number, ...number[]])[] = [];
    for (let row = 0; row < this.#rows; row++) {
      const cells = this.columns.map((column) => column[row] ?? 0);
      if (cells.some((n) => n !== 0)) rows.push([row, ...cells]);
    }
    for (const column of this.columns) column.fill(0);
    return rows;
  }

  #takeHistograms(): Record<string, DetachedHistogram> {
    const taken: Record<string, DetachedHistogram> = {};
    const take = (key: string, histogram: Histogram) => {
      const detached = histogram.detach();
      if (detached !== null) taken[key] = detached;
    };
    this.response.forEach((histogram, row) => {
      take(`r${row}`, histogram);
    });
    this.service.forEach((histogram, row) => {
      take(`s${row}`, histogram);
    });
    this.byRelay.forEach((histogram, relay) => {
      take(`y${relay}`, histogram);
    });
    take("connect", this.connect);
    take("lag", this.scheduleLag);
    take("loop", this.loopLag);
    return taken;
  }
}

export function noLinkCounts(): Mutable<LinkCounts> {
  return {
    connectAttempted: 0,
    connectOpened: 0,
    connectFailed: 0,
    dropped: 0,
    reconnected: 0,
    notices: 0,
    malformedFrames: 0,
    unknownOk: 0,
    lateOk: 0,
    closesUnanswered: 0,
    writeLooks: 0,
    writesBehind: 0,
  };
}
