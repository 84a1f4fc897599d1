/**
 * One connection to ask a relay for stored events, dialled at the address that the gate admitted and
 * at no other. One REQ is under way at a time. Every wait ends: with the answer, or with `Unanswered`,
 * which says why.
 */
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { toDialUrl } from "../../guard/relay-url.ts";
import { parseEvent } from "../../nostr/event-check.ts";
import { messagePrefix } from "../../nostr/ok.ts";
import type { ClientMessage, Filter, NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { tlsOptions } from "../guard/pinned-get.ts";

/** The relay could not be asked, or does not say; the message tells why. */
export class Unanswered extends Error {}

export type Answer =
  | { readonly status: "complete"; readonly events: readonly NostrEvent[] }
  /** CLOSED, or a NOTICE and nothing behind it: a smaller REQ may be answered. */
  | { readonly status: "refused"; readonly text: string };

/** Of a COUNT (NIP-45); `null` where the relay gives a number that is not exact. */
interface Counted {
  readonly status: "counted";
  readonly count: number | null;
}

export interface ReaderTimes {
  readonly handshakeMs: number;
  /** The longest silence before EOSE. */
  readonly silenceMs: number;
  /** The longest silence behind a NOTICE, which may be all that a relay has to say. */
  readonly afterNoticeMs: number;
}

const DEFAULT_TIMES: ReaderTimes = { handshakeMs: 5_000, silenceMs: 10_000, afterNoticeMs: 2_000 };
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
const MAX_TEXT_LENGTH = 160;

interface Question {
  readonly id: string;
  readonly events: NostrEvent[];
  notice: string | null;
  readonly resolve: (answer: Answer | Counted) => void;
  readonly reject: (error: Unanswered) => void;
}

export class RelayReader {
  readonly #socket: WebSocket;
  readonly #times: ReaderTimes;
  #asked = 0;
  #question: Question | null = null;
  #timer: NodeJS.Timeout | undefined;
  #ended: Unanswered | null = null;

  constructor(socket: WebSocket, times: ReaderTimes) {
    this.#socket = socket;
    this.#times = times;
    socket.on("message", (data) => this.#onMessage(String(data)));
    socket.on("error", () => {});
    socket.on("close", () => this.#fail(new Unanswered("the relay ended the connection")));
  }

  get isOpen(): boolean {
    return this.#ended === null;
  }

  /** Gives the stored events that match; throws `Unanswered`. Not to be called while one is asked. */
  async ask(filters: readonly Filter[]): Promise<Answer> {
    const answer = await this.#put("REQ", filters);
    if (answer.status === "counted") throw new Unanswered("the relay answers a REQ with a COUNT");
    return answer;
  }

  /**
   * Asks how many stored events match: `null` where the relay does not say exactly. Throws `Unanswered`.
   * Not to be called while one is asked.
   */
  async count(filters: readonly Filter[]): Promise<number | null> {
    const answer = await this.#put("COUNT", filters);
    if (answer.status === "counted") return answer.count;
    const text = answer.status === "refused" ? answer.text : "it sends events instead";
    throw new Unanswered(`the relay does not count: ${text}`);
  }

  #put(type: "REQ" | "COUNT", filters: readonly Filter[]): Promise<Answer | Counted> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = `audit${this.#asked++}`;
      this.#question = { id, events: [], notice: null, resolve, reject };
      this.#send([type, id, ...filters]);
      this.#watch();
    });
  }

  /** Ends the connection, and what is being asked with it. */
  close(reason = "the connection was closed"): void {
    this.#fail(new Unanswered(reason));
    this.#socket.terminate();
  }

  #onMessage(text: string): void {
    const message = parseMessage(text);
    const question = this.#question;
    if (message === null || question === null) return;
    const [type, id, value] = message;
    if (type === "NOTICE") question.notice = clip(id);
    else if (id !== question.id) return;
    else if (type === "EVENT") {
      const parsed = parseEvent(value);
      if ("event" in parsed) question.events.push(parsed.event);
    } else if (type === "EOSE") {
      this.#send(["CLOSE", question.id]);
      this.#settle()?.resolve({ status: "complete", events: question.events });
      return;
    } else if (type === "COUNT") {
      this.#settle()?.resolve({ status: "counted", count: readCount(value) });
      return;
    } else if (type === "CLOSED") {
      this.#onClosed(clip(value));
      return;
    }
    this.#watch();
  }

  #onClosed(text: string): void {
    const isForGood = ["auth-required", "restricted"].includes(messagePrefix(text));
    const question = this.#settle();
    if (isForGood) question?.reject(new Unanswered(`the relay lets nobody read: ${text}`));
    else question?.resolve({ status: "refused", text });
  }

  #watch(): void {
    const { silenceMs, afterNoticeMs } = this.#times;
    const notice = this.#question?.notice ?? null;
    const ms = notice === null ? silenceMs : afterNoticeMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (notice === null) {
        this.#settle()?.reject(new Unanswered(`no answer in ${ms} ms`));
        return;
      }
      const question = this.#settle();
      if (question === null) return;
      this.#send(["CLOSE", question.id]);
      question.resolve({ status: "refused", text: notice });
    }, ms);
  }

  #settle(): Question | null {
    const question = this.#question;
    clearTimeout(this.#timer);
    this.#question = null;
    return question;
  }

  #fail(error: Unanswered): void {
    this.#ended ??= error;
    this.#settle()?.reject(this.#ended);
  }

  #send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }
}

/** Opens a connection to an admitted relay; throws `Unanswered`. */
export async function openReader(
  { url, addresses, headers = {}, ca }: Admission,
  times: ReaderTimes = DEFAULT_TIMES,
): Promise<RelayReader> {
  const [host] = addresses;
  const { port } = url;
  const socket = new WebSocket(toDialUrl(url), {
    // A number and no name: nothing is left to be resolved.
    createConnection: () =>
      url.scheme === "wss"
        ? connectTls({ host, port, ...tlsOptions(url, ca) })
        : connectTcp({ host, port }),
    headers,
    handshakeTimeout: times.handshakeMs,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
  });
  const reader = new RelayReader(socket, times);
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(reader));
    socket.once("error", (cause) => {
      reject(new Unanswered(`no connection: ${clip(cause.message)}`, { cause }));
    });
  });
}

/** The first three members of a message; null for what is none. */
function parseMessage(text: string): readonly [unknown, unknown, unknown] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? [value[0], value[1], value[2]] : null;
  } catch {
    // What is not JSON answers nothing.
    return null;
  }
}

/** The number of a COUNT's answer; `null` when it is approximate (NIP-45), capped, or none. */
function readCount(value: unknown): number | null {
  if (typeof value !== "object" || value === null) return null;
  const { count, approximate, limited } = value as Readonly<Record<string, unknown>>;
  if (approximate === true || limited === true) return null;
  return Number.isSafeInteger(count) ? Number(count) : null;
}

/** A relay's text is shown to a person: its start, without what steers a terminal. */
function clip(text: unknown): string {
  return typeof text === "string" ? text.slice(0, MAX_TEXT_LENGTH).replace(/\p{C}/gu, " ") : "";
}
