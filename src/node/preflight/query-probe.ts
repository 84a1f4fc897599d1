/**
 * What a relay does about questions: over one connection, with filters that find nothing or one row, and no further
 * than to the first refusal of a REQ. All subscriptions are closed again.
 */
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { reasonOf } from "../../nostr/reason.ts";
import type { ClientMessage, Filter } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { describeEnd, dial, hangUp, readMessage, wait } from "./dial.ts";
import { printable } from "./information.ts";

/** So many REQs at most, whatever the plan would need. */
export const MOST_REQS = 300;

export interface QueryProbeTimes {
  readonly handshakeMs: number;
  readonly answerMs: number;
  /** Behind a NOTICE, which may be all that a relay has to say. */
  readonly afterNoticeMs: number;
  /** Behind the last EOSE: strfry refuses a subscription by a NOTICE after it. */
  readonly settleMs: number;
}

const TIMES: QueryProbeTimes = {
  handshakeMs: 5_000,
  answerMs: 5_000,
  afterNoticeMs: 1_000,
  settleMs: 150,
};

/** What is to be found out. */
export interface QueryProbeRequest {
  /** So many subscriptions are opened side by side; 1: whether it answers at all. */
  readonly open: number;
  /** So many filters a REQ is tried with. */
  readonly filters: number;
  readonly counts: boolean;
  readonly searches: boolean;
  /** A word of an event that it took a moment ago. */
  readonly planted?: string | undefined;
}

/** What came of one REQ or COUNT. */
export interface Heard {
  readonly outcome: "eose" | "count" | "closed" | "notice" | "silent" | "ended";
  /** Of CLOSED or a NOTICE, or how the connection ended. */
  readonly words: string;
  readonly rows: number;
  /** `null` where it gave no number. */
  readonly count: number | null;
}

/** Of a search for a word that can't be there, of the same REQ without it, and of one for a word that is there. */
export interface SearchHeard {
  readonly found: Heard;
  readonly any: Heard;
  readonly planted: Heard | null;
}

export type QueryProbe =
  | { readonly status: "unreached"; readonly reason: string }
  | {
      readonly status: "reached";
      /** Subscriptions that were open side by side, and what came of the one that was not. */
      readonly opened: number;
      readonly refusal: Heard | null;
      /** Of a REQ with several filters; `null` where none was tried. */
      readonly filters: Heard | null;
      /** Of a COUNT of what can't be there. */
      readonly count: Heard | null;
      readonly search: SearchHeard | null;
    };

/** Never rejects; ends in bounded time. */
export async function probeQueries(
  admission: Admission,
  request: QueryProbeRequest,
  times: QueryProbeTimes = TIMES,
): Promise<QueryProbe> {
  const listen = (socket: WebSocket) => new Asker(socket, times);
  const asker = await dial(admission, times.handshakeMs, listen);
  if (typeof asker === "string") return { status: "unreached", reason: asker };
  try {
    const { opened, refusal } = await openSome(asker, Math.min(request.open, MOST_REQS), times);
    // What a limit on rates leaves is the run's.
    const isLimited = refusal !== null && reasonOf(refusal.words) === "rate-limit";
    const mayGoOn = opened > 0 && asker.isOpen && !isLimited;
    const filters =
      mayGoOn && request.filters > 1
        ? await asker.ask("REQ", Array.from({ length: request.filters }, findNothing))
        : null;
    const count =
      mayGoOn && request.counts ? await asker.ask("COUNT", [{ ids: [unknownId()] }]) : null;
    const search = mayGoOn && request.searches ? await trySearch(asker, request.planted) : null;
    return { status: "reached", opened, refusal, filters, count, search };
  } finally {
    asker.close();
  }
}

/** Leaves none of them open. */
async function openSome(
  asker: Asker,
  most: number,
  { settleMs }: QueryProbeTimes,
): Promise<{ readonly opened: number; readonly refusal: Heard | null }> {
  const open: string[] = [];
  let opened = 0;
  let refusal: Heard | null = null;
  while (open.length < most && refusal === null) {
    const { id, heard } = await asker.put("REQ", [findNothing()]);
    open.push(id);
    if (heard.outcome !== "eose") refusal = heard;
    // strfry answers the REQ that is one too many, and complains behind the EOSE: then it is of the one before.
    else if (isComplaint(heard.words)) refusal = { ...heard, outcome: "notice" };
    else opened++;
    if (heard.outcome === "eose" && refusal !== null) opened--;
  }
  if (refusal === null) await wait(settleMs);
  const notice = asker.takeNotice();
  if (refusal === null && isComplaint(notice)) {
    refusal = { outcome: "notice", words: notice, rows: 0, count: null };
    opened--;
  }
  for (const id of open) asker.tell(["CLOSE", id]);
  return { opened: Math.max(0, opened), refusal };
}

/** Some relays greet by a NOTICE, which says nothing of what is asked. */
export function isComplaint(notice: string): boolean {
  return notice !== "" && reasonOf(notice) !== "other";
}

async function trySearch(asker: Asker, word: string | undefined): Promise<SearchHeard> {
  const any = await asker.ask("REQ", [{ limit: 1 }]);
  const found = await asker.ask("REQ", [{ search: randomBytes(12).toString("hex"), limit: 1 }]);
  const isAsked = word !== undefined && found.outcome === "eose" && found.rows === 0;
  const planted = isAsked ? await asker.ask("REQ", [{ search: word, limit: 1 }]) : null;
  return { any, found, planted };
}

function findNothing(): Filter {
  return { ids: [unknownId()], limit: 1 };
}

function unknownId(): string {
  return randomBytes(32).toString("hex");
}

interface Waiting {
  readonly id: string;
  readonly end: (heard: Heard) => void;
  rows: number;
  notice: string;
  timer: NodeJS.Timeout;
}

/** One question is under way at a time. */
class Asker {
  readonly #socket: WebSocket;
  readonly #times: QueryProbeTimes;
  #waiting: Waiting | null = null;
  #asked = 0;
  #endedBy: string | null = null;
  /** A NOTICE that came while nothing was asked. */
  #notice = "";

  constructor(socket: WebSocket, times: QueryProbeTimes) {
    this.#socket = socket;
    this.#times = times;
    socket.on("message", (data) => this.#onMessage(readMessage(data)));
    socket.on("close", (code, reason) => {
      this.#endedBy = describeEnd(code, String(reason));
      this.#settle("ended", this.#endedBy);
    });
  }

  get isOpen(): boolean {
    return this.#endedBy === null;
  }

  /** Asks, and closes what it asked. */
  async ask(verb: "REQ" | "COUNT", filters: readonly Filter[]): Promise<Heard> {
    const { id, heard } = await this.put(verb, filters);
    if (verb === "REQ") this.tell(["CLOSE", id]);
    return heard;
  }

  put(
    verb: "REQ" | "COUNT",
    filters: readonly Filter[],
  ): Promise<{ readonly id: string; readonly heard: Heard }> {
    const id = `pre${this.#asked++}`;
    return new Promise((resolve) => {
      const end = (heard: Heard) => resolve({ id, heard });
      const timer = this.#watch(this.#times.answerMs);
      this.#waiting = { id, end, rows: 0, notice: this.takeNotice(), timer };
      if (this.#endedBy !== null) this.#settle("ended", this.#endedBy);
      else this.tell([verb, id, ...filters]);
    });
  }

  tell(message: ClientMessage): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  takeNotice(): string {
    const notice = this.#notice;
    this.#notice = "";
    return notice;
  }

  close(): void {
    hangUp(this.#socket);
  }

  #watch(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const notice = this.#waiting?.notice ?? "";
      this.#settle(notice === "" ? "silent" : "notice", notice);
    }, ms);
  }

  #onMessage([type, id, value]: readonly unknown[]): void {
    const waiting = this.#waiting;
    if (type === "NOTICE") {
      const notice = printable(String(id));
      if (waiting === null) this.#notice = notice;
      else if (!isComplaint(waiting.notice)) {
        waiting.notice = notice;
        clearTimeout(waiting.timer);
        waiting.timer = this.#watch(this.#times.afterNoticeMs);
      }
      return;
    }
    if (waiting === null || id !== waiting.id) return;
    if (type === "EVENT") waiting.rows++;
    else if (type === "EOSE") this.#settle("eose", waiting.notice);
    else if (type === "COUNT") this.#settle("count", waiting.notice, readCount(value));
    else if (type === "CLOSED") this.#settle("closed", typeof value === "string" ? value : "");
  }

  #settle(outcome: Heard["outcome"], words: string, count: number | null = null): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    clearTimeout(waiting.timer);
    waiting.end({ outcome, words: printable(words), rows: waiting.rows, count });
  }
}

/** The number of a COUNT's answer (NIP-45). */
function readCount(value: unknown): number | null {
  if (typeof value !== "object" || value === null || !("count" in value)) return null;
  return Number.isSafeInteger(value.count) ? Number(value.count) : null;
}
