/**
 * A relay of its own for each test, a client that reads its answers one by one, and signed events.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { initNostrWasm } from "nostr-wasm";
import { WebSocket } from "ws";
import { type RelayOptions, type RunningRelay, startRelay } from "../src/node/relay/relay.ts";
import type {
  ClientMessage,
  EventTemplate,
  Filter,
  NostrEvent,
  RelayMessage,
} from "../src/nostr/wire.ts";

/** The relays' time. */
export const NOW = 1_750_000_000;
export const OTHER_ID = "0".repeat(64);
export const ACCEPTED = [true, ""];
export const DUPLICATE = [true, "duplicate: already have this event"];
export const SUPERSEDED = [true, "duplicate: have a newer version"];
export const DELETED = [false, "blocked: its author deleted it"];

const wasm = await initNostrWasm();

/** A signed event; signatures differ from call to call, ids do not. */
export function sign(template: Partial<EventTemplate>, author = 1): NostrEvent {
  const { kind = 1, created_at = NOW, tags = [], content = "" } = template;
  const copies = tags.map((tag) => [...tag]);
  const event = { id: "", pubkey: "", sig: "", kind, created_at, content, tags: copies };
  wasm.finalizeEvent(event, new Uint8Array(32).fill(author));
  return { ...event, tags };
}

export function stringify(value: unknown): string {
  return JSON.stringify(value);
}

export class Client {
  readonly socket: WebSocket;
  readonly #inbox: RelayMessage[] = [];
  #wake: (() => void) | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data) => {
      this.#inbox.push(JSON.parse(String(data)));
      this.#wake?.();
    });
  }

  send(message: ClientMessage | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async next(): Promise<RelayMessage> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The accepted flag and the text of the next message, an OK for this event. */
  async publish(event: NostrEvent): Promise<[accepted: boolean, message: string]> {
    this.send(["EVENT", event]);
    const answer = await this.next();
    assert.ok(answer[0] === "OK" && answer[1] === event.id, JSON.stringify(answer));
    return [answer[2], answer[3]];
  }

  /** The ids of the stored events, in the order they came. */
  async query(...filters: Filter[]): Promise<string[]> {
    this.send(["REQ", "query", ...filters]);
    const ids: string[] = [];
    for (;;) {
      const message = await this.next();
      if (message[0] === "EOSE") break;
      assert.ok(message[0] === "EVENT" && message[1] === "query", JSON.stringify(message));
      ids.push(message[2].id);
    }
    this.send(["CLOSE", "query"]);
    return ids;
  }

  async count(...filters: Filter[]): Promise<number> {
    this.send(["COUNT", "count", ...filters]);
    const answer = await this.next();
    assert.ok(answer[0] === "COUNT", JSON.stringify(answer));
    return answer[2].count;
  }
}

export async function openClient(t: TestContext, relay: RunningRelay): Promise<Client> {
  const client = new Client(relay.url);
  t.after(() => client.socket.terminate());
  await once(client.socket, "open");
  return client;
}

/** A relay in memory, unless told otherwise, and one client. */
export async function run(t: TestContext, options: Partial<RelayOptions> = {}) {
  const relay = await startRelay({ port: 0, file: ":memory:", nowSec: () => NOW, ...options });
  t.after(() => relay.close());
  return { relay, client: await openClient(t, relay) };
}

/** A path for a relay's file, removed after the test. */
export async function makeFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "relay-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "events.db");
}
