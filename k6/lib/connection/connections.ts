/**
 * The connections of one VU, each counted from its handshake to its end. Who says when a client has one is its
 * holder's business. Every handler is wrapped: what is thrown in one would otherwise close the socket and end
 * the iteration while k6 still exits with 0.
 */
import { WebSocket } from "k6/websockets";
import type { Book } from "../../../src/measure/book.ts";
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
import type { Histogram } from "../../../src/measure/histogram.ts";
import type { Recorder } from "../../../src/measure/recorder.ts";
import { CONNECT_TIMEOUT_MS } from "../../../src/plan/duration.ts";
import type { Clock } from "../clock.ts";
import type { SocketMessage, Use } from "../driver.ts";
import { record } from "../hot.ts";
import { PROOF_MS } from "./backoff.ts";
import { CLOSING, type Client, CONNECTING, createClient, DOWN, OPEN } from "./client.ts";
import { closeName, connectErrorCode } from "./connect-error.ts";
import { Handshakes } from "./handshakes.ts";
import type { Down } from "./holder.ts";
import type { Handlers, OwnSocket, SocketEvent } from "./socket-event.ts";
import type { Target } from "./targets.ts";
import { Tasks } from "./tasks.ts";

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
  /** Its fields are not `#private`, which costs twice as much inside k6: a handshake reads twenty of them. */
  private readonly options: ConnectionOptions;
  private readonly book: Book<"connection">;
  private whenClosed: () => void = () => {};
  private stopping = false;
  /** Sockets that have not come to their end. */
  private unended = 0;
  /** The same for all: in k6 a function takes 0.7 kB, and seven of its own took a tenth of what a connection takes. */
  private readonly handlers: Handlers;
  /** The last error of a socket; k6 tells of its end right behind. */
  private error: { readonly of: OwnSocket; readonly text: string } | null = null;
  private readonly handshakes: Handshakes;
  private readonly proofs = new Tasks(PROOF_MS, ({ state, openedMs }) =>
    state === OPEN ? openedMs : Number.NaN,
  );
  private readonly pings: Tasks;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.book = options.recorder.books.connection;
    const { clock, events } = options;
    const fail = (client: Client) =>
      this.failed(client, "timeout", `no handshake in ${CONNECT_TIMEOUT_MS} ms`);
    this.handshakes = new Handshakes(clock, fail, events.onFault);
    this.pings = new Tasks(options.pingMs, ({ state, pingedMs }) =>
      state === OPEN ? pingedMs : Number.NaN,
    );
    this.clients = options.targets.map(createClient);
    const hear = ({ target }: SocketEvent) => {
      target.client.heardMs = clock.now();
    };
    // Their types know no target.
    this.handlers = {
      onopen: this.guarded("open", ({ target }) => this.opened(target)),
      onping: hear,
      onpong: hear,
      onerror: ({ target, error }: SocketEvent) => {
        this.error = { of: target, text: String(error ?? "") };
      },
      onclose: this.guarded("close", (event) => this.ended(event)),
    } as unknown as Handlers;
  }

  /** Closes all; resolves when each is closed, or never if the relay answers no Close frame. */
  closeAll(): Promise<void> {
    this.stopping = true;
    this.handshakes.stop();
    return new Promise((resolve) => {
      this.whenClosed = resolve;
      for (const client of this.clients) {
        if (client.state === OPEN) this.close(client);
        else if (client.state === CONNECTING) {
          this.failed(client, "unfinished", "the run ended during the handshake");
        }
      }
      if (this.unended === 0) resolve();
    });
  }

  /** Ends a connection that is open. */
  close(client: Client): void {
    client.state = CLOSING;
    client.socket.close();
  }

  /** Counts what is still open, and who is still without: the books of a VU that has come to its end. */
  closeBooks(): void {
    const { book } = this;
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
    for (const client of this.proofs.takeDue(nowMs)) this.prove(client);
    if (this.options.pingMs === 0) return;
    for (const client of this.pings.takeDue(nowMs)) {
      client.socket.ping();
      client.toldMs = nowMs;
      client.pingedMs = nowMs;
      this.pings.add(client);
    }
  }

  /** Begins a handshake, which was counted as due. */
  connect(client: Client, row: number): void {
    const { clock, events } = this.options;
    const { url, params } = client.target;
    const { handlers } = this;
    client.startedMs = clock.now();
    client.row = row;
    this.book.count(row, C_TRIED);
    client.state = CONNECTING;
    const socket = new WebSocket(url, null, params) as OwnSocket;
    client.socket = socket;
    // k6's default is a Blob, whose size is not called `byteLength`.
    socket.binaryType = "arraybuffer";
    socket.client = client;
    this.unended++;
    this.handshakes.add(client);
    // One by one: `Object.assign` takes several times as long.
    socket.onopen = handlers.onopen;
    socket.onping = handlers.onping;
    socket.onpong = handlers.onpong;
    socket.onerror = handlers.onerror;
    socket.onclose = handlers.onclose;
    socket.onmessage = events.listen(client) as unknown as WebSocket["onmessage"];
  }

  /** `handle`, of which nothing gets out: k6 would end the iteration. */
  private guarded(
    where: string,
    handle: (event: SocketEvent) => void,
  ): (event: SocketEvent) => void {
    return (event) => {
      try {
        handle(event);
      } catch (error) {
        this.options.events.onFault(where, error);
      }
    };
  }

  private opened(socket: OwnSocket): void {
    const { book } = this;
    const { clock, events, pingMs } = this.options;
    const { client } = socket;
    // Too late: it is counted as failed.
    if (client.socket !== socket || client.state !== CONNECTING) {
      socket.close();
      return;
    }
    const openedMs = clock.now();
    client.state = OPEN;
    client.isProven = false;
    client.openedMs = openedMs;
    client.heardMs = openedMs;
    client.toldMs = openedMs;
    client.pingedMs = openedMs;
    this.open++;
    if (pingMs > 0) this.pings.add(client);
    const { row, droppedRow } = client;
    book.count(row, C_OPENED);
    if (droppedRow >= 0) book.count(droppedRow, C_RECONNECTED);
    client.droppedRow = -1;
    const connectMs = openedMs - client.startedMs;
    record(book.times.connect[row] as Histogram, connectMs);
    events.onOpen(client, connectMs);
    if (!client.isProven) this.proofs.add(client);
    events.onTried(client);
  }

  private ended(event: SocketEvent): void {
    const { target: socket } = event;
    const { client } = socket;
    const errorText = this.error?.of === socket ? this.error.text : "";
    this.error = null;
    this.unended--;
    if (client.socket === socket) this.closed(client, errorText, event);
    if (this.stopping && this.unended === 0) this.whenClosed();
  }

  private endOpen(client: Client): void {
    client.state = DOWN;
    this.open--;
    if (client.isProven) this.proven--;
  }

  private closed(client: Client, errorText: string, { code, reason }: SocketEvent): void {
    const { recorder, events, atSec } = this.options;
    const book = recorder.books.connection;
    if (client.state === CLOSING) {
      this.endOpen(client);
      book.count(client.row, C_CLOSED_BY_US);
      this.down(client, { how: "closed", isTurnedAway: false });
    } else if (client.state === OPEN) {
      this.endOpen(client);
      book.count(client.row, C_DROPPED);
      client.droppedRow = client.row;
      this.noteEnd(client);
      const name = closeName(code, errorText);
      // Without a frame the reason is Go's own word for it, or none: the relay said nothing.
      if (reason && name !== "no close frame") recorder.said("close", name, atSec(), reason);
      else recorder.error("close", name, atSec(), errorText);
      client.endedBy = name;
      events.onDrop(client);
      if (!client.isProven) client.failures++;
      this.down(client, { how: "dropped", isTurnedAway: !client.isProven });
    } else if (client.state === CONNECTING) {
      this.failed(client, connectErrorCode(errorText), errorText);
    }
  }

  /** What a connection was when the relay ended it. */
  private noteEnd(client: Client): void {
    const { recorder, clock, events } = this.options;
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

  private failed(client: Client, code: string, example: string): void {
    const { recorder, atSec } = this.options;
    client.state = DOWN;
    client.failures++;
    recorder.books.connection.count(client.row, code === "unfinished" ? C_UNFINISHED : C_FAILED);
    recorder.error("connect", code, atSec(), example);
    const isTurnedAway = code === "handshake" || code === "reset";
    this.down(client, { how: "failed", isTurnedAway });
    this.options.events.onTried(client);
  }

  private down(client: Client, down: Down): void {
    if (!this.stopping) this.options.events.onDown(client, down);
  }
}
