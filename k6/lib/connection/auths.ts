/**
 * Says who a client is, once on each connection: the relay's challenge is signed, sent back, and its OK awaited
 * (NIP-42). Relays challenge as a connection opens, or with their first refusal; of several challenges the newest holds.
 */
import {
  A_ACCEPTED,
  A_LOST,
  A_NEEDED,
  A_NO_CHALLENGE,
  A_REFUSED,
  A_SENT,
  A_TIMED_OUT,
  A_UNSIGNED,
} from "../../../src/measure/classes/auth.ts";
import type { AuthAnswer, AuthQuestion } from "../../../src/nostr/auth.ts";
import { messagePrefix } from "../../../src/nostr/ok.ts";
import type { Ground } from "../driver.ts";
import type { ReadMessage } from "../relay-message.ts";
import { type Client, OPEN } from "./client.ts";

/** Of one connection. */
interface Auth {
  readonly client: Client;
  readonly row: number;
  readonly openedMs: number;
  challenge: string | null;
  challengedMs: number;
  /** Of the AUTH that was sent; `null` before. */
  id: string | null;
  sentMs: number;
  isOpen: boolean;
}

/** Calls `done` once, with `null` where nobody signed. */
export type Sign = (question: AuthQuestion, done: (answer: AuthAnswer | null) => void) => void;

export class Auths {
  readonly #ground: Ground;
  readonly #sign: Sign | null;
  /** The relay let the client in, or did not. */
  readonly #onSettled: (client: Client, isIn: boolean, atMs: number) => void;
  /** By client: of its last connection. */
  readonly #of: (Auth | null)[];
  readonly #open = new Set<Auth>();

  constructor(
    ground: Ground,
    sign: Sign | null,
    onSettled: (client: Client, isIn: boolean, atMs: number) => void,
  ) {
    this.#ground = ground;
    this.#sign = sign;
    this.#onSettled = onSettled;
    this.#of = ground.clients.map(() => null);
  }

  get open(): number {
    return this.#open.size;
  }

  /** A connection has opened. */
  begin(client: Client): void {
    if (this.#sign === null) return;
    const { row, openedMs } = client;
    const auth: Auth = {
      ...{ client, row, openedMs, challenge: null, challengedMs: 0 },
      ...{ id: null, sentMs: 0, isOpen: true },
    };
    this.#of[client.index] = auth;
    this.#open.add(auth);
    this.#book.count(row, A_NEEDED);
  }

  isOpen(client: Client): boolean {
    return this.#of[client.index]?.isOpen ?? false;
  }

  /** It was answered: a relay that has not asked by now does not. Gives whether it has. */
  isAsked(client: Client): boolean {
    const auth = this.#of[client.index];
    if (!auth?.isOpen) return false;
    if (auth.challenge !== null) return true;
    this.#end(auth, A_NO_CHALLENGE);
    return false;
  }

  take(client: Client, message: ReadMessage, receivedMs: number): boolean {
    const auth = this.#of[client.index];
    if (!auth) return false;
    if (message.type === "AUTH") {
      this.#challenge(auth, message.challenge, receivedMs);
      return true;
    }
    if (message.type !== "OK" || message.id === "" || message.id !== auth.id) return false;
    if (!auth.isOpen) return false;
    const { recorder, atSec } = this.#ground;
    const { times, samples } = this.#book;
    times.service[auth.row]?.record(receivedMs - auth.sentMs);
    samples.push(auth.row, receivedMs - auth.sentMs);
    times.response[auth.row]?.record(receivedMs - auth.challengedMs);
    if (!message.accepted) {
      recorder.said("auth", messagePrefix(message.text), atSec(), message.text);
    }
    this.#end(auth, message.accepted ? A_ACCEPTED : A_REFUSED);
    this.#onSettled(client, message.accepted, receivedMs);
    return true;
  }

  /** Its connection is gone. */
  drop(client: Client): void {
    const auth = this.#of[client.index];
    if (auth?.isOpen) this.#end(auth, auth.id === null ? beforeSent(auth) : A_LOST);
  }

  /** Gives up what has waited since before then. */
  expire(beforeMs: number): void {
    const { recorder, atSec } = this.#ground;
    for (const auth of this.#open) {
      const sinceMs = auth.id !== null ? auth.sentMs : Math.max(auth.openedMs, auth.challengedMs);
      if (sinceMs > beforeMs) continue;
      if (auth.id !== null) recorder.error("timeout", "no OK to AUTH", atSec(), "nothing came");
      this.#end(auth, auth.id === null ? beforeSent(auth) : A_TIMED_OUT);
      this.#onSettled(auth.client, false, beforeMs);
    }
  }

  get #book() {
    return this.#ground.recorder.books.auth;
  }

  #challenge(auth: Auth, challenge: string, receivedMs: number): void {
    // One AUTH a connection: some relays refuse a second one, and some end the connection.
    if (!auth.isOpen || auth.id !== null) return;
    const isFirst = auth.challenge === null;
    auth.challenge = challenge;
    auth.challengedMs = receivedMs;
    if (isFirst) this.#ask(auth);
  }

  #ask(auth: Auth): void {
    const { client, challenge } = auth;
    if (challenge === null) return;
    const { plan, share } = this.#ground;
    const relay = plan.connect?.authRelayUrl ?? client.target.url;
    const question = { client: share + client.index * plan.vus, relay, challenge };
    this.#sign?.(question, (answer) => {
      if (!auth.isOpen) return;
      if (auth.challenge !== challenge) this.#ask(auth);
      else if (answer === null || client.state !== OPEN) {
        this.#end(auth, A_UNSIGNED);
        this.#onSettled(client, false, this.#ground.clock.now());
      } else this.#send(auth, answer);
    });
  }

  #send(auth: Auth, { id, frame }: AuthAnswer): void {
    auth.id = id;
    auth.sentMs = this.#ground.clock.now();
    this.#book.count(auth.row, A_SENT);
    this.#book.times.signing[auth.row]?.record(auth.sentMs - auth.challengedMs);
    auth.client.socket.send(frame);
  }

  #end(auth: Auth, column: number): void {
    auth.isOpen = false;
    this.#open.delete(auth);
    this.#book.count(auth.row, column);
  }
}

function beforeSent({ challenge }: Auth): number {
  return challenge === null ? A_NO_CHALLENGE : A_UNSIGNED;
}
