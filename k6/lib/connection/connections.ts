/**
 * The connections of one VU, each counted from its handshake to its end. Who says when a client has one is its
 * holder's business. Every handler is wrapped: what is thrown in one would otherwise close the socket and end
 * the iteration while k6 still exits with 0.
 */
import { WebSocket } from "k6/websockets";
import {
  C_CLOSED_BY_US,
  C_DROPPED,
  C_FAILED,
  C_OPEN_AT_END,
  C_OPENED,
  C_RECONNECTED,
  C_STILL_DOWN,
  C_TRIED,
  C_UNFINISHED,
} from "../../../src/measure/classes/connection.ts";
import type { Recorder } from "../../../src/measure/recorder.ts";
import { CONNECT_TIMEOUT_MS } from "../../../src/plan/duration.ts";
import type { Clock } from "../clock.ts";
import type { SocketMessage, Use } from "../driver.ts";
import { PROOF_MS } from "./backoff.ts";
import { CLOSING, type Client, CONNECTING, createClient, DOWN, OPEN } from "./client.ts";
import { connectErrorCode } from "./connect-error.ts";
import type { Down } from "./holder.ts";
import type { Target } from "./targets.ts";
import { Tasks } from "./tasks.ts";

/** Stands for a connection that ended without a Close frame (RFC 6455, 7.1.5); it is never sent. */
const CODE_WITHOUT_FRAME = 1_006;

interface ConnectionEvents {
  /** What a new connection's messages are given to; it must not throw. */
  listen(client: Client): (message: SocketMessage) => void;
  onOpen(client: Client, connectMs: number): void;
  /** The relay ended the connection of a client. */
  onDrop(client: Client): void;
  /** A handshake has its end, either way. */
  onTried(client: Client): void;
  /** A client has no connection any more, or got none. */
  onDown(client: Client, down: Down): void;
  /** What the leading driver had of a connection that ends. */
  useOf(client: Client): Use;
  /** No driver has anything under way on it. */
  isIdle(client: Client): boolean;
  onFault(where: string, error: unknown): void;
}

export interface ConnectionOptions {
  readonly targets: readonly Target[];
  /** Each connection is pinged so often; 0: never. */
  readonly pingMs: number;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly events: ConnectionEvents;
  /** Seconds since the window's start, for the errors' `firstAtSec`. */
  readonly atSec: () => number;
}

export class Connections {
  readonly clients: readonly Client[];
  open = 0;
  /** Of those that are open. */
  proven = 0;
  readonly #options: ConnectionOptions;
  #whenClosed: () => void = () => {};
  #stopping = false;
  #sockets = 0;
  readonly #timers = new Set<number>();
  readonly #proofs = new Tasks(PROOF_MS);
  readonly #pings: Tasks;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#pings = new Tasks(options.pingMs);
    this.clients = options.targets.map(createClient);
  }

  /** Closes all; resolves when each is closed, or never if the relay answers no Close frame. */
  closeAll(): Promise<void> {
    this.#stopping = true;
    // An iteration does not end before its last timer.
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    return new Promise((resolve) => {
      this.#whenClosed = resolve;
      for (const client of this.clients) {
        if (client.state === OPEN) this.close(client);
        else if (client.state === CONNECTING) {
          this.#failed(client, "unfinished", "the run ended during the handshake");
        }
      }
      if (this.#sockets === 0) resolve();
    });
  }

  /** Ends a connection that is open. */
  close(client: Client): void {
    client.state = CLOSING;
    client.socket.close();
  }

  /** Counts what is still open, and who is still without: the books of a VU that has come to its end. */
  closeBooks(): void {
    const book = this.#options.recorder.books.connection;
    for (const client of this.clients) {
      if (client.state === CLOSING) book.count(client.row, C_OPEN_AT_END);
      if (client.droppedRow >= 0) book.count(client.droppedRow, C_STILL_DOWN);
    }
  }

  /** Connections whose Close frame has not been answered. */
  get unanswered(): number {
    return this.clients.filter((client) => client.state === CLOSING).length;
  }

  /** A connection is worth keeping: it had an answer, or lived long enough. */
  prove(client: Client): void {
    if (client.isProven || client.state !== OPEN) return;
    client.isProven = true;
    client.failures = 0;
    this.proven++;
  }

  /** Does what is due: proofs by age, and pings. */
  work(nowMs: number): void {
    for (const client of this.#proofs.takeDue(nowMs)) this.prove(client);
    if (this.#options.pingMs === 0) return;
    for (const client of this.#pings.takeDue(nowMs)) {
      client.socket.ping();
      client.toldMs = nowMs;
      this.#pings.add(client, nowMs);
    }
  }

  /** Begins a handshake, which was counted as due. */
  connect(client: Client, row: number): void {
    const { clock, recorder, events } = this.#options;
    const startedMs = clock.now();
    const book = recorder.books.connection;
    this.#sockets++;
    client.row = row;
    book.count(row, C_TRIED);
    client.state = CONNECTING;
    const socket = new WebSocket(client.url, null, client.params);
    // k6's default is a Blob, whose size is not called `byteLength`.
    socket.binaryType = "arraybuffer";
    client.socket = socket;
    let settled = false;
    let errorText = "";
    const settle = () => {
      if (settled) return;
      settled = true;
      events.onTried(client);
    };
    const guarded = (where: string, handle: () => void) => {
      try {
        handle();
      } catch (error) {
        events.onFault(where, error);
      }
    };
    const timer = this.#later(CONNECT_TIMEOUT_MS, () => {
      guarded("connect timeout", () => {
        if (settled) return;
        this.#failed(client, "timeout", `no handshake in ${CONNECT_TIMEOUT_MS} ms`);
        settle();
      });
    });
    socket.onopen = () =>
      guarded("open", () => {
        this.#cancel(timer);
        if (settled || this.#stopping) {
          socket.close();
          settle();
          return;
        }
        this.#begin(client);
        book.count(client.row, C_OPENED);
        if (client.droppedRow >= 0) book.count(client.droppedRow, C_RECONNECTED);
        client.droppedRow = -1;
        const connectMs = client.openedMs - startedMs;
        book.times.connect[client.row]?.record(connectMs);
        events.onOpen(client, connectMs);
        settle();
      });
    socket.onmessage = events.listen(client) as unknown as NonNullable<WebSocket["onmessage"]>;
    const hear = () => {
      client.heardMs = clock.now();
    };
    socket.onping = hear;
    socket.onpong = hear;
    socket.onerror = (event) => {
      errorText = String((event as unknown as { error?: unknown }).error ?? "");
    };
    socket.onclose = (event?: unknown) =>
      guarded("close", () => {
        this.#cancel(timer);
        this.#sockets--;
        if (client.socket === socket) this.#closed(client, errorText, event);
        settle();
        if (this.#stopping && this.#sockets === 0) this.#whenClosed();
      });
  }

  #begin(client: Client): void {
    const { clock, pingMs } = this.#options;
    const openedMs = clock.now();
    Object.assign(client, { state: OPEN, isProven: false });
    Object.assign(client, { openedMs, heardMs: openedMs, toldMs: openedMs });
    this.open++;
    this.#proofs.add(client, openedMs);
    if (pingMs > 0) this.#pings.add(client, openedMs);
  }

  #end(client: Client): void {
    client.state = DOWN;
    this.open--;
    if (client.isProven) this.proven--;
  }

  #closed(client: Client, errorText: string, event: unknown): void {
    const { recorder, events, atSec } = this.#options;
    const book = recorder.books.connection;
    if (client.state === CLOSING) {
      this.#end(client);
      book.count(client.row, C_CLOSED_BY_US);
      this.#down(client, { how: "closed", isTurnedAway: false });
    } else if (client.state === OPEN) {
      const { code, reason } = (event ?? {}) as { code?: number; reason?: string };
      this.#end(client);
      book.count(client.row, C_DROPPED);
      client.droppedRow = client.row;
      this.#noteEnd(client);
      const name = code && code !== CODE_WITHOUT_FRAME ? String(code) : "no close frame";
      if (reason) recorder.said("close", name, atSec(), reason);
      else recorder.error("close", name, atSec(), errorText);
      client.endedBy = name;
      events.onDrop(client);
      if (!client.isProven) client.failures++;
      this.#down(client, { how: "dropped", isTurnedAway: !client.isProven });
    } else if (client.state === CONNECTING) {
      this.#failed(client, connectErrorCode(errorText), errorText);
    }
  }

  /** What a connection was when the relay ended it. */
  #noteEnd(client: Client): void {
    const { recorder, clock, events } = this.#options;
    const nowMs = clock.now();
    const { open, answers, answeredMs } = events.useOf(client);
    recorder.end({
      atMs: nowMs,
      lifeMs: nowMs - client.openedMs,
      answers,
      quietMs: events.isIdle(client) ? nowMs - Math.max(answeredMs, client.heardMs) : null,
      unusedMs: nowMs - Math.max(answeredMs, client.toldMs),
    });
    if (client.isProven) return;
    recorder.link.unproven++;
    if (open > 0) recorder.link.endedOnPublish++;
  }

  #failed(client: Client, code: string, example: string): void {
    const { recorder, atSec } = this.#options;
    client.state = DOWN;
    client.failures++;
    recorder.books.connection.count(client.row, code === "unfinished" ? C_UNFINISHED : C_FAILED);
    recorder.error("connect", code, atSec(), example);
    const isTurnedAway = code === "handshake" || code === "reset";
    this.#down(client, { how: "failed", isTurnedAway });
  }

  #down(client: Client, down: Down): void {
    if (!this.#stopping) this.#options.events.onDown(client, down);
  }

  #later(ms: number, action: () => void): number {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: number): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}
