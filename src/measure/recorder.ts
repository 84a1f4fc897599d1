/**
 * What a VU counts while it sends. On the hot path: plain array cells and histogram buckets, no
 * object for an event. `take` hands over all since the last call and starts again from nothing.
 */
import type { Reason } from "../nostr/reason.ts";
import { createReasonBook } from "../nostr/reason-book.ts";
import { NOTED_ID_LENGTH } from "./acknowledged.ts";
import { Book } from "./book.ts";
import { CLASS_NAMES, type ClassName, type RowNames } from "./classes.ts";
import { type DetachedHistogram, Histogram } from "./histogram.ts";
import type { DetachedSlice, LinkCounts, Slice, SliceError, SliceRows } from "./slice.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Publishes whose times go to k6's own trends: at most about so many in a run, see k6/lib/metrics.ts. */
export const MOST_SAMPLES = 5_000;
const MAX_EXAMPLE_LENGTH = 160;
/** A relay chooses its texts: kinds of errors beyond so many in a slice are counted as one. */
const MOST_ERROR_KINDS = 64;

/** A kind of error that is counted, and by the rows that it met. */
type OpenError = Omit<Mutable<SliceError>, "rows"> & { readonly rows: Map<number, number> };

/** By class: see `Book.samples`. */
export type Samples = Readonly<Record<ClassName, readonly number[]>>;

/** A class that a run has no rows of has a book too, of none. */
export type Books = { readonly [C in ClassName]: Book<C> };

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
  readonly books: Books;
  /** Service time of publishes by relay of the plan; empty for one relay. */
  readonly byRelay: readonly Histogram[];
  readonly loopLag = new Histogram();
  /** Of connections that the relay ended, see `Slice`. */
  readonly life = new Histogram();
  readonly quiet = new Histogram();
  readonly unused = new Histogram();
  /** Publishes in flight × ms, over so many ms of the measured window. */
  inFlight = { sum: 0, overMs: 0 };
  link: Mutable<LinkCounts> = noLinkCounts();
  /** What a driver gives for the slice's member of this name. */
  ifLast: () => Slice["ifLast"] = () => undefined;
  /** `<row> <part>` → how often a set lacked it. */
  #lacking = new Map<string, number>();
  #answersAtEnd = new Map<number, number>();
  #errors = new Map<string, OpenError>();
  /** What a text of the relay means; cheap however many come. */
  readonly reasonOf: (text: string) => Reason = createReasonBook();
  #endedMs: readonly [first: number, last: number] | null = null;
  /** By relay: accepted publishes noted for the read-back. */
  #accepted: string[][] = [];

  constructor(rows: RowNames, relays = 1) {
    this.books = Object.fromEntries(
      CLASS_NAMES.map((name) => [name, new Book(name, rows[name]?.length ?? 0)]),
    ) as unknown as Books;
    this.byRelay = Array.from({ length: relays > 1 ? relays : 0 }, () => new Histogram());
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
    return byClass((name) => this.books[name].takeSamples());
  }

  /** All since the last call, as the members of a slice that hold figures. */
  take(): Pick<
    DetachedSlice,
    | "classes"
    | "ifLast"
    | "lacking"
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
    const ifLast = this.ifLast();
    const histograms = this.#takeHistograms(link);
    this.#accepted = [];
    this.inFlight = { sum: 0, overMs: 0 };
    this.#errors = new Map();
    this.link = noLinkCounts();
    return {
      classes: this.#takeClasses(),
      ...(ifLast === undefined ? {} : { ifLast }),
      ...this.#takeLacking(),
      link,
      histograms,
      errors,
      inFlight,
      ...ends,
      ...(accepted.length === 0 ? {} : { accepted }),
    };
  }

  /** Classes of which nothing was counted are left out. */
  #takeClasses(): DetachedSlice["classes"] {
    const taken: Partial<Record<ClassName, SliceRows>> = {};
    for (const name of CLASS_NAMES) {
      const rows = this.books[name].takeRows();
      if (rows.length > 0) taken[name] = rows;
    }
    return taken;
  }

  #takeLacking(): Pick<DetachedSlice, "lacking"> {
    if (this.#lacking.size === 0) return {};
    const lacking = [...this.#lacking].map(([key, count]) => {
      const [row = 0, part = 0] = key.split(" ").map(Number);
      return [row, part, count] as const;
    });
    this.#lacking = new Map();
    return { lacking };
  }

  #takeHistograms(link: Mutable<LinkCounts>): Record<string, DetachedHistogram> {
    const taken: Record<string, DetachedHistogram> = {};
    for (const name of CLASS_NAMES) link.clockViolations += this.books[name].takeTimes(taken);
    const take = (key: string, histogram: Histogram) => {
      const detached = histogram.detach();
      if (detached !== null) taken[key] = detached;
    };
    this.byRelay.forEach((histogram, relay) => {
      take(relayKey(relay), histogram);
    });
    take("loop", this.loopLag);
    take("life", this.life);
    take("quiet", this.quiet);
    take("unused", this.unused);
    return taken;
  }
}

/** Under which a slice has the service times of publishes to a relay of the plan. */
export function relayKey(relay: number): string {
  return `relay.${relay}`;
}

function byClass<T>(make: (name: ClassName) => T): Readonly<Record<ClassName, T>> {
  return Object.fromEntries(CLASS_NAMES.map((name) => [name, make(name)])) as Record<ClassName, T>;
}

export function noLinkCounts(): Mutable<LinkCounts> {
  return {
    notices: 0,
    malformedFrames: 0,
    unknownOk: 0,
    lateOk: 0,
    closesUnanswered: 0,
    unproven: 0,
    endedOnPublish: 0,
    writeLooks: 0,
    writesBehind: 0,
    clockViolations: 0,
  };
}
