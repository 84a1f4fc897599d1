/**
 * Publishes events to one relay as fast as it takes them, by a few connections with a bound on what is on its way.
 * What a relay holds off by `rate-limited:` is tried again; what is under way when a connection ends goes out by the
 * next one. Each event ends as taken, or refused in the relay's words.
 */
import type { WebSocket } from "ws";
import { classifyOk, messagePrefix } from "../../nostr/ok.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { describeEnd, dial, hangUp, readMessage } from "../preflight/dial.ts";
import { printable } from "../preflight/information.ts";

const CONNECTIONS = 4;
const MOST_IN_FLIGHT = 50;
const HANDSHAKE_MS = 5_000;
/** The longest silence while events are under way. */
const SILENCE_MS = 10_000;
const SLOW_DOWN_MS = 1_000;
const MOST_TRIES = 5;

export interface PublishOptions {
  readonly signal: AbortSignal;
  /** Called with the events that have their answer. */
  readonly onProgress: (done: number) => void;
}

export interface Published {
  /** Events that were new to the relay. */
  readonly accepted: number;
  /** Id → the relay's words, or what it did instead. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Publishes all, or rejects with the signal's reason. */
export async function publishAll(
  admission: Admission,
  events: readonly NostrEvent[],
  { signal, onProgress }: PublishOptions,
): Promise<Published> {
  const queue = new Queue(events, onProgress);
  await Promise.all(Array.from({ length: CONNECTIONS }, () => publishBy(admission, queue, signal)));
  signal.throwIfAborted();
  queue.refuseRest();
  return queue;
}

/** By one connection after the other, until nothing is left or so many have failed. */
async function publishBy(admission: Admission, queue: Queue, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES && queue.isLeft && !signal.aborted; tries++) {
    const listen = (socket: WebSocket) => new Connection(socket, queue);
    const connection = await dial(admission, HANDSHAKE_MS, listen);
    if (typeof connection === "string") {
      queue.lastWords = connection;
      await new Promise((resolve) => setTimeout(resolve, SLOW_DOWN_MS));
      continue;
    }
    const stop = () => connection.end("interrupted");
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    connection.begin();
    await connection.ended;
    signal.removeEventListener("abort", stop);
  }
}

/** What is to be sent, and what became of it. */
class Queue implements Published {
  readonly #events: readonly NostrEvent[];
  readonly #again: NostrEvent[] = [];
  readonly #tries = new Map<string, number>();
  readonly #onProgress: PublishOptions["onProgress"];
  readonly refused = new Map<string, string>();
  accepted = 0;
  /** How the last connection ended. */
  lastWords = "";
  #next = 0;
  #done = 0;
  /** No event is sent before. */
  heldUntilMs = 0;

  constructor(events: readonly NostrEvent[], onProgress: PublishOptions["onProgress"]) {
    this.#events = events;
    this.#onProgress = onProgress;
  }

  get isLeft(): boolean {
    return this.#done < this.#events.length;
  }

  take(): NostrEvent | undefined {
    return this.#again.pop() ?? this.#events[this.#next++];
  }

  giveBack(event: NostrEvent, words: string): void {
    const tries = (this.#tries.get(event.id) ?? 0) + 1;
    this.#tries.set(event.id, tries);
    if (tries < MOST_TRIES) this.#again.push(event);
    else this.#settle(event, words);
  }

  answered(event: NostrEvent, accepted: boolean, message: string): void {
    const outcome = classifyOk(accepted, message);
    if (outcome === "rejected" && messagePrefix(message) === "rate-limited") {
      this.heldUntilMs = Date.now() + SLOW_DOWN_MS;
      this.giveBack(event, message);
      return;
    }
    if (outcome === "accepted") this.accepted++;
    this.#settle(event, outcome === "rejected" ? message : null);
  }

  /** What no connection was left for. */
  refuseRest(): void {
    for (let event = this.take(); event !== undefined; event = this.take()) {
      this.#settle(event, this.lastWords);
    }
  }

  #settle({ id }: NostrEvent, refusal: string | null): void {
    if (refusal !== null) this.refused.set(id, printable(refusal));
    this.#onProgress(++this.#done);
  }
}

class Connection {
  readonly #socket: WebSocket;
  readonly #queue: Queue;
  readonly #underWay = new Map<string, NostrEvent>();
  #timer: NodeJS.Timeout | undefined;
  #endedBy: string | null = null;
  readonly ended: Promise<void>;

  constructor(socket: WebSocket, queue: Queue) {
    this.#socket = socket;
    this.#queue = queue;
    socket.on("message", (data) => this.#onMessage(readMessage(data)));
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        clearTimeout(this.#timer);
        const words = this.#endedBy ?? `the connection ended ${describeEnd(code, String(reason))}`;
        queue.lastWords = words;
        for (const event of this.#underWay.values()) queue.giveBack(event, words);
        resolve();
      });
    });
  }

  begin(): void {
    this.#fill();
  }

  end(words: string): void {
    this.#endedBy ??= words;
    hangUp(this.#socket);
  }

  #fill(): void {
    clearTimeout(this.#timer);
    const heldMs = this.#queue.heldUntilMs - Date.now();
    if (heldMs > 0) {
      this.#timer = setTimeout(() => this.#fill(), heldMs);
      return;
    }
    while (this.#underWay.size < MOST_IN_FLIGHT) {
      const event = this.#queue.take();
      if (event === undefined) break;
      this.#underWay.set(event.id, event);
      this.#socket.send(JSON.stringify(["EVENT", event]));
    }
    if (this.#underWay.size > 0) {
      this.#timer = setTimeout(() => this.end(`no OK in ${SILENCE_MS} ms`), SILENCE_MS);
    } else if (this.#queue.isLeft) {
      // Others may give back what they have under way.
      this.#timer = setTimeout(() => this.#fill(), 100);
    } else {
      this.end("all is sent");
    }
  }

  #onMessage([type, id, accepted, message]: readonly unknown[]): void {
    if (type !== "OK" || typeof id !== "string" || typeof accepted !== "boolean") return;
    const event = this.#underWay.get(id);
    if (event === undefined) return;
    this.#underWay.delete(id);
    this.#queue.answered(event, accepted, typeof message === "string" ? message : "");
    this.#fill();
  }
}
