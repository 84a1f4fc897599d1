/**
 * What a VU counts while it sends. On the hot path: plain array cells and histogram buckets, no
 * object for an event. `take` hands over all since the last call and starts again from nothing.
 */
import { QUERIES } from "../load/sessions.ts";
import type { Reason } from "../nostr/reason.ts";
import { createReasonBook } from "../nostr/reason-book.ts";
import { NOTED_ID_LENGTH } from "./acknowledged.ts";
import { type DetachedHistogram, Histogram } from "./histogram.ts";
import { COLUMNS, SET_COLUMNS } from "./outcome.ts";
import { QUERY_COLUMNS } from "./queries.ts";
import type { DetachedSlice, LinkCounts, SliceError } from "./slice.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Publishes whose times go to k6's own trends: at most about so many in a run, see k6/lib/metrics.ts. */
export const MOST_SAMPLES = 5_000;
const MAX_EXAMPLE_LENGTH = 160;
/** A relay chooses its texts: kinds of errors beyond so many in a slice are counted as one. */
const MOST_ERROR_KINDS = 64;

/** A kind of error that is counted, and by the rows that it met. */
type OpenError = Omit<Mutable<SliceError>, "rows"> & { readonly rows: Map<number, number> };

export interface Samples {
  /** Row, response and service time in ms, one publish behind the other. */
  readonly publishes: readonly number[];
  /** Row and completion time of sets, row and response time of queries. */
  readonly sets: readonly number[];
  readonly queries: readonly number[];
}

/** A connection that the relay ended: how long it lived, and the answers that came on it. */
interface EndedConnection {
  /** Since the start of the test. */
  readonly atMs: number;
  readonly lifeMs: number;
  readonly answers: number;
  /** Since the last frame from the relay, and to it; `null` with something in flight. */
  readonly quietMs: number | null;
  readonly unusedMs: number;
}

export class Recorder {
  /** By column of the accounting: one cell a row. */
  readonly columns: readonly Float64Array[];
  readonly response: readonly Histogram[];
  readonly service: readonly Histogram[];
  /** Service time by relay of the plan; empty for one relay. */
  readonly byRelay: readonly Histogram[];
  readonly connect = new Histogram();
  readonly scheduleLag = new Histogram();
  readonly loopLag = new Histogram();
  /** Of connections that the relay ended, see `Slice`. */
  readonly life = new Histogram();
  readonly quiet = new Histogram();
  readonly unused = new Histogram();
  /** Publishes in flight × ms, over so many ms of the measured window. */
  inFlight = { sum: 0, overMs: 0 };
  /** Row, response and service time in ms of a publish now and then, one behind the other. */
  samples: number[] = [];
  /** Row and completion time in ms of a complete set now and then, one behind the other. */
  setSamples: number[] = [];
  /** Row of `QUERIES` and response time in ms of a query now and then. */
  querySamples: number[] = [];
  link: Mutable<LinkCounts> = noLinkCounts();
  /** By row: multi-part sets by what became of them, see `SET_COLUMNS`. */
  readonly sets: readonly Float64Array[];
  /** By row: first part scheduled → last OK. */
  readonly completion: readonly Histogram[];
  /** By row of `QUERIES`: what became of queries, see `QUERY_COLUMNS`. */
  readonly queries: readonly Float64Array[];
  readonly queryResponse: readonly Histogram[];
  readonly queryService: readonly Histogram[];
  /** `<row> <part>` → how often it was lacking. */
  #lacking = new Map<string, number>();
  #answersAtEnd = new Map<number, number>();
  #errors = new Map<string, OpenError>();
  /** What a text of the relay means; cheap however many come. */
  readonly reasonOf: (text: string) => Reason = createReasonBook();
  #endedMs: readonly [first: number, last: number] | null = null;
  /** By relay: accepted publishes noted for the read-back. */
  #accepted: string[][] = [];

  /** `rows`: the event types, then the same types for the warm-up. */
  constructor(rows: number, relays = 1) {
    this.columns = COLUMNS.map(() => new Float64Array(rows));
    this.sets = SET_COLUMNS.map(() => new Float64Array(rows));
    this.completion = Array.from({ length: rows }, () => new Histogram());
    this.queries = QUERY_COLUMNS.map(() => new Float64Array(QUERIES.length));
    this.queryResponse = QUERIES.map(() => new Histogram());
    this.queryService = QUERIES.map(() => new Histogram());
    this.response = Array.from({ length: rows }, () => new Histogram());
    this.service = Array.from({ length: rows }, () => new Histogram());
    this.byRelay = Array.from({ length: relays > 1 ? relays : 0 }, () => new Histogram());
  }

  /** Adds one to a column of a row. */
  count(row: number, column: number): void {
    const cells = this.columns[column];
    if (cells) cells[row] = (cells[row] ?? 0) + 1;
  }

  /** Counts a part that a relay lacks of a set. */
  countLacking(row: number, part: number): void {
    const key = `${row} ${part}`;
    this.#lacking.set(key, (this.#lacking.get(key) ?? 0) + 1);
  }

  /** Notes a publish that this relay of the plan accepted, for the read-back. */
  noteAccepted(relay: number, id: string): void {
    while (this.#accepted.length <= relay) this.#accepted.push([]);
    this.#accepted[relay]?.push(id.substring(0, NOTED_ID_LENGTH));
  }

  /** Notes a connection that the relay ended; the silences are those of one with nothing in flight. */
  end({ atMs, lifeMs, answers, quietMs, unusedMs }: EndedConnection): void {
    this.#endedMs = [this.#endedMs?.[0] ?? atMs, atMs];
    this.life.record(lifeMs);
    this.#answersAtEnd.set(answers, (this.#answersAtEnd.get(answers) ?? 0) + 1);
    if (quietMs === null) return;
    this.quiet.record(quietMs);
    this.unused.record(unusedMs);
  }

  /** Counts an error by class and code, and keeps the first text of each as its example. */
  error(errorClass: string, code: string, atSec: number, example: string, stack?: string): void {
    const error = { class: errorClass, code, firstAtSec: atSec, example };
    this.#note(stack === undefined ? error : { ...error, stack }, null);
  }

  /** The same for an event that no relay spoke about. */
  eventError(errorClass: string, code: string, atSec: number, example: string, row: number): void {
    this.#note({ class: errorClass, code, firstAtSec: atSec, example }, row);
  }

  /** Counts what the relay said, by class, code and what it means; `row`: of the event that it spoke of. */
  said(
    errorClass: string,
    code: string,
    atSec: number,
    text: string,
    {
      row = null,
      example = text,
    }: { readonly row?: number | null; readonly example?: string } = {},
  ): void {
    const reason = this.reasonOf(text);
    this.#note({ class: errorClass, code, reason, firstAtSec: atSec, example }, row);
  }

  #note(error: Omit<SliceError, "count" | "rows">, row: number | null): void {
    let key = `${error.class} ${error.code} ${error.reason}`;
    let known = this.#errors.get(key);
    if (known === undefined) {
      const isOneTooMany = this.#errors.size >= MOST_ERROR_KINDS;
      const code = isOneTooMany ? "other" : error.code;
      key = `${error.class} ${code} ${error.reason}`;
      known = this.#errors.get(key);
      if (known === undefined) {
        const example = error.example.slice(0, MAX_EXAMPLE_LENGTH);
        known = { ...error, code, example, count: 0, rows: new Map() };
        this.#errors.set(key, known);
      }
    }
    known.count++;
    if (row !== null) known.rows.set(row, (known.rows.get(row) ?? 0) + 1);
  }

  /** Times for k6's own trends since the last call. */
  takeSamples(): Samples {
    const { samples, setSamples, querySamples } = this;
    this.samples = [];
    this.setSamples = [];
    this.querySamples = [];
    return { publishes: samples, sets: setSamples, queries: querySamples };
  }

  /** All since the last call, as the members of a slice that hold figures. */
  take(): Pick<
    DetachedSlice,
    | "counts"
    | "sets"
    | "lacking"
    | "queries"
    | "link"
    | "histograms"
    | "errors"
    | "answersAtEnd"
    | "endedMs"
    | "inFlight"
    | "accepted"
  > {
    const errors = [...this.#errors.values()].map(({ rows, ...error }) =>
      rows.size === 0 ? error : { ...error, rows: [...rows] },
    );
    const accepted = this.#accepted;
    const endedMs = this.#endedMs;
    const ends = endedMs === null ? {} : { endedMs, answersAtEnd: [...this.#answersAtEnd] };
    this.#endedMs = null;
    this.#answersAtEnd = new Map();
    const { link, inFlight } = this;
    this.#accepted = [];
    this.inFlight = { sum: 0, overMs: 0 };
    this.#errors = new Map();
    this.link = noLinkCounts();
    return {
      counts: this.#takeRows(this.columns),
      ...this.#takeSets(),
      ...this.#takeQueries(),
      link,
      histograms: this.#takeHistograms(),
      errors,
      inFlight,
      ...ends,
      ...(accepted.length === 0 ? {} : { accepted }),
    };
  }

  #takeRows(columns: readonly Float64Array[]): DetachedSlice["counts"] {
    const rows: (readonly [number, ...number[]])[] = [];
    for (let row = 0; row < (columns[0]?.length ?? 0); row++) {
      const cells = columns.map((column) => column[row] ?? 0);
      if (cells.some((n) => n !== 0)) rows.push([row, ...cells]);
    }
    for (const column of columns) column.fill(0);
    return rows;
  }

  #takeSets(): Pick<DetachedSlice, "sets" | "lacking"> {
    const sets = this.#takeRows(this.sets);
    if (sets.length === 0) return {};
    const lacking = [...this.#lacking].map(([key, count]) => {
      const [row = 0, part = 0] = key.split(" ").map(Number);
      return [row, part, count] as const;
    });
    this.#lacking = new Map();
    return lacking.length === 0 ? { sets } : { sets, lacking };
  }

  #takeQueries(): Pick<DetachedSlice, "queries"> {
    const queries = this.#takeRows(this.queries);
    return queries.length === 0 ? {} : { queries };
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
    this.completion.forEach((histogram, row) => {
      take(`set${row}`, histogram);
    });
    this.queryResponse.forEach((histogram, row) => {
      take(`qr${row}`, histogram);
    });
    this.queryService.forEach((histogram, row) => {
      take(`qs${row}`, histogram);
    });
    this.byRelay.forEach((histogram, relay) => {
      take(`y${relay}`, histogram);
    });
    take("connect", this.connect);
    take("lag", this.scheduleLag);
    take("loop", this.loopLag);
    take("life", this.life);
    take("quiet", this.quiet);
    take("unused", this.unused);
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
    unproven: 0,
    endedOnPublish: 0,
    writeLooks: 0,
    writesBehind: 0,
  };
}
