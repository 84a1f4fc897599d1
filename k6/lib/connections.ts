/**
 * The connections of one VU: opened with bounded concurrency, opened again with growing delay when
 * the relay drops them, and counted each time. Every handler is wrapped: what is thrown in one would
 * otherwise close the socket and end the iteration while k6 still exits with 0.
 */
import { WebSocket } from "k6/websockets";
import type { Recorder } from "../../src/measure/recorder.ts";
import { CONNECT_TIMEOUT_MS } from "../../src/plan/duration.ts";
import type { Clock } from "./clock.ts";
import { connectErrorCode } from "./connect-error.ts";
import { Fifo } from "./fifo.ts";
import type { SocketMessage } from "./publisher.ts";
import type { SetPart } from "./sets.ts";

const CONNECTING = 0;
export const OPEN = 1;
const DOWN = 2;
const CLOSING = 3;

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MOST_MS = 5_000;
/** Stands for a connection that ended without a Close frame (RFC 6455, 7.1.5); it is never sent. */
const CODE_WITHOUT_FRAME = 1_006;

/** Stands where no socket has been opened yet: the state says that it is not to be used. */
const NO_SOCKET = {} as WebSocket;

/** A publish that waits for a place among those in flight. */
export interface Waiting {
  readonly line: string;
  readonly row: number;
  readonly dueMs: number;
  readonly part: SetPart | null;
}

/** A REQ that has had no EOSE. */
export interface Query {
  readonly row: number;
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface Client {
  readonly url: string;
  /** The last one that was opened; to be used in the state `OPEN` only. */
  socket: WebSocket;
  state: number;
  inFlight: number;
  /** The plain OK of a publish in flight → its cell in the flight's columns. */
  readonly pending: Map<string, number>;
  /** The same texts of publishes that are timed out: a late OK may still come. */
  late: Set<string> | null;
  readonly waiting: Fifo<Waiting>;
  /** By subscription id. */
  readonly queries: Map<string, Query>;
  failures: number;
  tried: boolean;
  everOpened: boolean;
}

interface ConnectionEvents {
  /** What a new connection's messages are given to; it must not throw. */
  listen(client: Client): (message: SocketMessage) => void;
  onOpen(client: Client, connectMs: number): void;
  /** The connection of a client that was open is gone. */
  onDrop(client: Client): void;
  onFault(where: string, error: unknown): void;
}

export interface ConnectionOptions {
  readonly urls: readonly string[];
  readonly concurrency: number;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly events: ConnectionEvents;
  /** Seconds since the window's start, for the errors' `firstAtSec`. */
  readonly atSec: () => number;
}

export class Connections {
  readonly clients: readonly Client[];
  open = 0;
  readonly #options: ConnectionOptions;
  #queue: Client[];
  #underWay = 0;
  #firstTries: number;
  #whenTried: () => void = () => {};
  #whenClosed: () => void = () => {};
  #stopping = false;
  #sockets = 0;
  readonly #timers = new Set<number>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.clients = options.urls.map((url) => ({
      url,
      socket: NO_SOCKET,
      state: DOWN,
      inFlight: 0,
      pending: new Map(),
      late: null,
      waiting: new Fifo(),
      queries: new Map(),
      failures: 0,
      tried: false,
      everOpened: false,
    }));
    this.#queue = [...this.clients];
    this.#firstTries = this.clients.length;
  }

  /** Opens all; resolves when each has been tried once. */
  openAll(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenTried = resolve;
      this.#connectNext();
    });
  }

  /** Closes all; resolves when each is closed, or never if the relay answers no Close frame. */
  closeAll(): Promise<void> {
    this.#stopping = true;
    this.#queue = [];
    // An iteration does not end before its last timer.
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    return new Promise((resolve) => {
      this.#whenClosed = resolve;
      for (const client of this.clients) {
        if (client.state === OPEN) {
          client.state = CLOSING;
          client.socket.close();
        } else if (client.state === CONNECTING) {
          this.#failed(client, "unfinished", "the run ended during the handshake");
        }
      }
      if (this.#sockets === 0) resolve();
    });
  }

  /** Connections whose Close frame has not been answered. */
  get unanswered(): number {
    return this.clients.filter((client) => client.state === CLOSING).length;
  }

  #connectNext(): void {
    while (this.#underWay < this.#options.concurrency && !this.#stopping) {
      const client = this.#queue.shift();
      if (!client) return;
      this.#connect(client);
    }
  }

  #connect(client: Client): void {
    const { clock, recorder, events } = this.#options;
    const startedMs = clock.now();
    const again = client.everOpened;
    this.#underWay++;
    this.#sockets++;
    recorder.link.connectAttempted++;
    client.state = CONNECTING;
    // The tag keeps the URL, which may hold a secret path, out of k6's own metrics.
    const socket = new WebSocket(client.url, null, { tags: { name: "relay" } });
    // k6's default is a Blob, whose size is not called `byteLength`.
    socket.binaryType = "arraybuffer";
    client.socket = socket;
    let settled = false;
    let errorText = "";
    const settle = () => {
      if (settled) return;
      settled = true;
      this.#underWay--;
      if (!client.tried) {
        client.tried = true;
        this.#tried();
      }
      this.#connectNext();
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
        client.state = OPEN;
        client.everOpened = true;
        client.failures = 0;
        this.open++;
        recorder.link.connectOpened++;
        if (again) recorder.link.reconnected++;
        const connectMs = clock.now() - startedMs;
        recorder.connect.record(connectMs);
        events.onOpen(client, connectMs);
        settle();
      });
    socket.onmessage = events.listen(client) as unknown as NonNullable<WebSocket["onmessage"]>;
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

  #closed(client: Client, errorText: string, event: unknown): void {
    const { recorder, events, atSec } = this.#options;
    if (client.state === CLOSING) {
      client.state = DOWN;
      this.open--;
    } else if (client.state === OPEN) {
      const { code, reason } = (event ?? {}) as { code?: number; reason?: string };
      client.state = DOWN;
      this.open--;
      recorder.link.dropped++;
      const name = code && code !== CODE_WITHOUT_FRAME ? String(code) : "no close frame";
      recorder.error("close", name, atSec(), reason || errorText);
      events.onDrop(client);
      this.#retry(client);
    } else if (client.state === CONNECTING) {
      this.#failed(client, connectErrorCode(errorText), errorText);
    }
  }

  #failed(client: Client, code: string, example: string): void {
    const { recorder, atSec } = this.#options;
    client.state = DOWN;
    client.failures++;
    recorder.link.connectFailed++;
    recorder.error("connect", code, atSec(), example);
    this.#retry(client);
  }

  #retry(client: Client): void {
    if (this.#stopping) return;
    const delayMs = Math.min(
      BACKOFF_MOST_MS,
      BACKOFF_FIRST_MS * 2 ** Math.min(client.failures, 10),
    );
    this.#later(delayMs, () => {
      this.#queue.push(client);
      this.#connectNext();
    });
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

  #tried(): void {
    this.#firstTries--;
    if (this.#firstTries === 0) this.#whenTried();
  }
}
