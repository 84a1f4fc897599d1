/** A query under way, and what the driver keeps of a client. Plain fields: `#private` ones cost more in k6. */
import { toDialUrl } from "../../../src/guard/relay-url.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import type { AnswerCheck } from "../../../src/query/answer-check.ts";
import type { Client } from "../connection/client.ts";
import { Fifo } from "../fifo.ts";
import { type BookCut, Caps } from "./caps.ts";
import type { LooseCheck } from "./loose-check.ts";
import type { QueryOptions } from "./options.ts";
import type { Expected, Question } from "./question.ts";

/** Subscriptions that a client keeps open behind EOSE. */
const MOST_LIVE = 5;

export interface Asked {
  readonly lane: Lane;
  readonly question: Question;
  /** Which of its pages. */
  readonly page: number;
  readonly filters: string;
  readonly expected: Expected;
  /** The row of the class, behind the others for the warm-up. */
  readonly row: number;
  readonly id: string;
  /** A row of its answer begins with this, and so is greater; less than the other is what does not go beyond it. */
  readonly head: string;
  readonly beyond: string;
  sentMs: number;
  isOpen: boolean;
  /** Rows are held against what is expected, or against the filters alone; neither: they are counted. */
  readonly check: AnswerCheck | null;
  readonly loose: LooseCheck | null;
  /** Neither: its rows are only counted. */
  readonly isCounted: boolean;
  /** The row that is due next holds this, and no other does; no row where none is awaited in particular. */
  mark: string;
  /** Ordinals of the filter that it is of, which filter, its place, and up to where `sync` knows of. */
  part: readonly number[];
  partIndex: number;
  at: number;
  knownTo: number;
  rows: number;
  bytes: number;
  firstMs: number;
  matching: number;
  duplicate: number;
  notMatching: number;
  foreign: number;
  boundaryDuplicate: number;
  /** Ordinals on the page before this one, and on this one where another follows. */
  readonly before: ReadonlySet<number> | null;
  readonly seen: Set<number> | null;
}

/** A question that waits for a place among those open on its connection. */
export interface Waiting {
  readonly question: Question;
  isWaiting: boolean;
}

/** What is known of a relay. */
export interface AskedRelay {
  readonly caps: Caps;
  /** Which part of the corpus it holds. */
  readonly holder: number;
  /** A COUNT of it counts nothing but the corpus. */
  readonly hasOwnCounts: boolean;
}

/** By the URL that is dialled. */
export function askedRelays(
  relays: Plan["relays"],
  { rowCaps, holders, ownCounts }: Pick<QueryOptions, "rowCaps" | "holders" | "ownCounts">,
  bookCut: BookCut,
): ReadonlyMap<string, AskedRelay> {
  return new Map(
    relays.map((relay, i) => {
      const caps = new Caps(rowCaps[i] || null, bookCut);
      const hasOwnCounts = ownCounts[i] ?? false;
      return [toDialUrl(relay), { caps, holder: holders[i] ?? 0, hasOwnCounts }];
    }),
  );
}

export interface Lane extends AskedRelay {
  readonly client: Client;
  /** By the plain EOSE that will end it: no answer is cut or read that needs not be. */
  readonly open: Map<string, Asked>;
  /** The one whose row came last. */
  current: Asked | null;
  /** Its place and bytes are kept by the handler of messages: writes them down, and reads them anew. */
  save: () => void;
  load: () => void;
  readonly waiting: Fifo<Waiting>;
  /** Subscriptions that were left open behind EOSE. */
  readonly live: Fifo<string>;
  /** Of the connection that the client has. */
  answers: number;
  answeredMs: number;
}

export function createLane(client: Client, { caps, holder, hasOwnCounts }: AskedRelay): Lane {
  return {
    client,
    caps,
    holder,
    hasOwnCounts,
    open: new Map(),
    current: null,
    save: nothing,
    load: nothing,
    waiting: new Fifo(),
    live: new Fifo(),
    answers: 0,
    answeredMs: 0,
  };
}

/** Before there is a connection there is no handler. */
function nothing(): void {}

/** The plain EOSE of a subscription. */
export function eoseOf(id: string): string {
  return `["EOSE","${id}"]`;
}

/** Leaves a subscription open behind EOSE; gives the one that is to be closed for it, the oldest. */
export function keepLiveOf({ live }: Lane, id: string): string | undefined {
  live.push(id);
  return live.length > MOST_LIVE ? live.shift() : undefined;
}
