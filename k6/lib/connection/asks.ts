/**
 * REQs that only want to know whether somebody is there: as a connection opens, and now and then while it is held.
 * Ids are fresh, and CLOSE follows EOSE (see querier.ts); the one asked at the opening stays open, as a client's
 * does: some relays end a connection that asks nothing.
 */
import { messagePrefix } from "../../../src/nostr/ok.ts";
import type { Ground } from "../driver.ts";
import { Fifo } from "../fifo.ts";
import type { ReadMessage } from "../relay-message.ts";
import type { Client } from "./client.ts";

/** What any relay finds at once: applesauce's question without rows is one that nostr-rs-relay never answers. */
const FILTER = '{"kinds":[1],"limit":1}';
const ID = /^[op][0-9a-z]{1,11}$/;

export interface Ask {
  readonly client: Client;
  readonly id: string;
  readonly isProbe: boolean;
  /** Of the connection that it was sent on. */
  readonly row: number;
  readonly sentMs: number;
  isOpen: boolean;
}

/** `auth`: CLOSED, since the client is still to say who it is; `none`: nothing came in time, or before the connection ended. */
export type AskEnd = "eose" | "closed" | "auth" | "none";

export class Asks {
  open = 0;
  readonly #ground: Ground;
  readonly #onEnd: (ask: Ask, end: AskEnd, atMs: number) => void;
  /** Who it is, the relay is told, or will be. */
  readonly #isKnownSoon: (client: Client) => boolean;
  /** By client: one at a time. */
  readonly #of: (Ask | null)[];
  /** The oldest first; what has its end stays in it until it is at the head. */
  readonly #sent = new Fifo<Ask>();
  #number = 0;

  constructor(
    ground: Ground,
    onEnd: (ask: Ask, end: AskEnd, atMs: number) => void,
    isKnownSoon: (client: Client) => boolean,
  ) {
    this.#ground = ground;
    this.#onEnd = onEnd;
    this.#isKnownSoon = isKnownSoon;
    this.#of = ground.clients.map(() => null);
  }

  openOn(client: Client): number {
    return this.#of[client.index] ? 1 : 0;
  }

  send(client: Client, isProbe: boolean): void {
    const id = `${isProbe ? "p" : "o"}${(++this.#number).toString(36)}`;
    const sentMs = this.#ground.clock.now();
    const ask: Ask = { client, id, isProbe, row: client.row, sentMs, isOpen: true };
    this.#of[client.index] = ask;
    this.#sent.push(ask);
    this.open++;
    client.socket.send(`["REQ","${id}",${FILTER}]`);
  }

  take(client: Client, message: ReadMessage, receivedMs: number): boolean {
    const { type } = message;
    // Rows are nobody's business here.
    if (type === "EVENT") return ID.test(message.id);
    if (type !== "EOSE" && type !== "CLOSED") return false;
    const ask = this.#of[client.index];
    if (ask?.id !== message.id) return ID.test(message.id);
    if (type === "EOSE") {
      if (ask.isProbe) client.socket.send(`["CLOSE","${ask.id}"]`);
      this.#end(ask, "eose", receivedMs);
      return true;
    }
    const { recorder, atSec } = this.#ground;
    const prefix = messagePrefix(message.text);
    if (prefix === "auth-required" && !ask.isProbe && this.#isKnownSoon(client)) {
      this.#end(ask, "auth", receivedMs);
      return true;
    }
    recorder.said("closed", prefix, atSec(), message.text);
    this.#end(ask, "closed", receivedMs);
    return true;
  }

  /** Its connection is gone. */
  drop(client: Client): void {
    const ask = this.#of[client.index];
    if (ask) this.#end(ask, "none", ask.sentMs);
  }

  /** Gives up what was sent before. */
  expire(beforeMs: number): void {
    const { recorder, atSec } = this.#ground;
    for (let ask = this.#sent.peek(); ask !== undefined; ask = this.#sent.peek()) {
      if (ask.isOpen && ask.sentMs > beforeMs) return;
      this.#sent.shift();
      if (!ask.isOpen) continue;
      const what = ask.isProbe ? "no EOSE for a probe" : "no EOSE";
      recorder.error("timeout", what, atSec(), `nothing came for \`${ask.id}\``);
      this.#end(ask, "none", beforeMs);
    }
  }

  #end(ask: Ask, end: AskEnd, atMs: number): void {
    this.#of[ask.client.index] = null;
    ask.isOpen = false;
    this.open--;
    this.#onEnd(ask, end, atMs);
  }
}
