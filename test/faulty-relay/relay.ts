/**
 * A relay that misbehaves as it is told, on loopback and in the process of the test. It verifies and
 * stores nothing; what it does about each event is decided by the test and written to the ledger.
 */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { matchesFilter } from "../../src/nostr/filter.ts";
import type { ClientMessage, Filter, NostrEvent, RelayMessage } from "../../src/nostr/wire.ts";
import { Answering, type Questioned } from "./answering.ts";
import { type Fanned, Fanning } from "./fanning.ts";
import { type Action, accept, type Cut, type Frame } from "./frames.ts";
import { Ledger, type LedgerEvent } from "./ledger.ts";

/** An event as it came, with its place among all events of this relay, from 0. */
export interface Published {
  readonly event: NostrEvent;
  readonly place: number;
  readonly receivedMs: number;
}

/** An answer of HTTP that is no upgrade. */
interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * `open`, at once or later, an HTTP status that refuses, the connection ended instead of an answer, or
 * no answer.
 */
export type Handshake =
  | "open"
  | { readonly afterMs: number }
  | Refusal
  | number
  | "reset"
  | "end"
  | "silent";

export interface Behaviour {
  /** What is done about an event; OK true at once when this is left out. */
  readonly answer?: (published: Published, relay: FaultyRelay) => readonly Action[];
  /** What is sent on each connection as it opens. */
  readonly greet?: () => readonly Action[];
  /** What is done about a REQ or COUNT; see `keeps` and `asked` without it. */
  readonly questions?: Questioned;
  /** By the place of the handshake, from 0. */
  readonly handshake?: (place: number) => Handshake;
  /** Answers REQs with the events for which this holds, whatever was said about them; silent without it. */
  readonly keeps?: (published: Published) => boolean;
  /**
   * Answers the REQ at that place, from 0, so long behind it with so many events and EOSE, whatever it asks for, or ends the
   * connection, of which the place among all that opened is given.
   */
  readonly asked?: (
    place: number,
    connection: number,
  ) => { readonly afterMs: number; readonly events: number } | Cut;
  /** So many connections wait at most to be accepted; 511 by default, as Node has it. */
  readonly backlog?: number;
  /** Hands events on to those who subscribed. */
  readonly fans?: Fanned;
  /** Answers 403 to a handshake with other headers. */
  readonly admits?: (headers: IncomingHttpHeaders, from: string) => boolean;
  /** Ends a connection, without a Close frame, so long behind its last byte: as a proxy does. */
  readonly idleMs?: number;
  /** Sends so many Pings on each connection at once, again and again, and drops one that begins to close. */
  readonly pings?: { readonly each: number; readonly everyMs: number };
  /** What a GET is answered with: NIP-11, other text, or a status; 404 without it. */
  readonly document?: object | string | number;
  /** Leaves Close frames without an answer and the connections open. */
  readonly ignoresClose?: boolean;
}

/** Takes the Close frame of the client and does nothing about it. */
class DeafSocket extends WebSocket {
  override close(): void {}
}

function refusalText({ status, headers = {}, body = "" }: Refusal): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n`;
  return `HTTP/1.1 ${status} Refused\r\n${lines.join("")}${length}\r\n${body}`;
}

export class FaultyRelay {
  readonly ledger = new Ledger();
  readonly #kept: NostrEvent[] = [];
  readonly #answering: Answering | null;
  readonly #fanning: Fanning | null;
  #asked = 0;
  readonly #behaviour: Behaviour;
  readonly #webSockets: WebSocketServer;
  /** Connections that are about to be cut. */
  readonly #ending = new Set<WebSocket>();
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;
  #whenTaken: () => void = () => {};
  /** Resolves when the first client has come. */
  readonly firstTaken = new Promise<void>((resolve) => {
    this.#whenTaken = resolve;
  });

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
    const { questions } = behaviour;
    this.#answering = questions ? new Answering(questions, this.ledger.queries) : null;
    this.#fanning = behaviour.fans ? new Fanning(behaviour.fans) : null;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      WebSocket: behaviour.ignoresClose ? DeafSocket : WebSocket,
    });
    this.#server = this.#makeServer();
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#server = this.#makeServer();
    const { backlog = 511 } = this.#behaviour;
    this.#server.listen({ host: "127.0.0.1", port: this.#port, backlog });
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async startAgainAfter(ms: number): Promise<void> {
    await wait(ms);
    await this.start();
  }

  /** Ends all connections at once, as when the process dies, and refuses new ones until `start`. */
  async vanish(): Promise<void> {
    this.#server.close();
    for (const client of this.#webSockets.clients) {
      if (client.readyState === WebSocket.OPEN) this.ledger.cuts.push("no close frame");
    }
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await once(this.#server, "close");
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) {
      this.#server.close();
      await once(this.#server, "close");
    }
  }

  #makeServer(): Server {
    const server = createServer((_, response) => this.#describe(response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A client that resets its connection is none of the relay's business.
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => {
      // Looks at the port, and requests for the document, are no handshakes.
      const handshake = this.#behaviour.handshake?.(this.ledger.taken) ?? "open";
      this.ledger.taken++;
      this.#whenTaken();
      const open = () =>
        this.#webSockets.handleUpgrade(request, socket, head, (client) =>
          this.#welcome(client, socket as Socket, isGenerator(request.headers)),
        );
      const isAdmitted =
        this.#behaviour.admits?.(request.headers, (socket as Socket).remoteAddress ?? "") ?? true;
      if (!isAdmitted) this.#refuse(socket as Socket, 403);
      else if (handshake === "open") open();
      else if (typeof handshake === "object" && "afterMs" in handshake)
        setTimeout(open, handshake.afterMs);
      else this.#refuse(socket as Socket, handshake);
    });
    return server;
  }

  #describe(response: ServerResponse): void {
    const { document = 404 } = this.#behaviour;
    if (typeof document === "number") response.writeHead(document, { location: "/" }).end();
    else response.end(typeof document === "string" ? document : JSON.stringify(document));
  }

  #refuse(socket: Socket, how: Refusal | number | "reset" | "end" | "silent"): void {
    if (how === "silent") return;
    const isAnswer = typeof how !== "string";
    this.ledger.refusals.push(isAnswer ? "handshake" : "reset");
    if (how === "reset") socket.resetAndDestroy();
    else if (how === "end") socket.end();
    else socket.end(refusalText(typeof how === "number" ? { status: how } : how));
  }

  #welcome(client: WebSocket, socket: Socket, isLoad: boolean): void {
    const connection = this.ledger.opened++;
    const act = (actions: readonly Action[], event: LedgerEvent | null) => {
      for (const action of actions) {
        if (action.do === "cut") this.#cut(client, socket, action.how);
        else if (action.afterMs <= 0) this.#send(client, action, { event, connection });
        else setTimeout(() => this.#send(client, action, { event, connection }), action.afterMs);
      }
    };
    let readMs = 0;
    // Before the parser of `ws` sees the bytes: the time of an event is when it was read.
    socket.prependListener("data", () => {
      readMs = performance.now();
    });
    client.on("error", () => {});
    client.on("close", () => this.ledger.queries.drop(connection, performance.now()));
    this.#endIdle(client, socket);
    this.#flood(client, socket);
    client.on("message", (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      if (this.#answering) {
        act(this.#answering.receive(message, { connection, isLoad, atMs: readMs }), null);
      } else if (message[0] === "REQ") {
        const [, subscription, ...filters] = message;
        if (this.#fanning) this.#fanning.subscribe(client, subscription, filters);
        else if (this.#behaviour.asked) this.#tell(client, subscription, act, connection);
        else this.#replay(client, subscription, filters);
      }
      if (message[0] !== "EVENT") return;
      const [, event] = message;
      const place = this.ledger.events.length;
      const entry = {
        id: event.id,
        kind: event.kind,
        connection,
        receivedMs: readMs,
        answers: [],
      };
      this.ledger.events.push(entry);
      const published = { event, place, receivedMs: readMs };
      if (this.#behaviour.keeps?.(published)) this.#kept.push(event);
      const answer = this.#behaviour.answer ?? (() => [accept(event.id)]);
      const give = () => act(answer(published, this), entry);
      if (this.#fanning) this.#fanning.publish(event, give);
      else give();
    });
    act(this.#behaviour.greet?.() ?? [], null);
  }

  #endIdle(client: WebSocket, socket: Socket): void {
    const { idleMs } = this.#behaviour;
    if (idleMs === undefined) return;
    socket.setTimeout(idleMs, () => {
      if (client.readyState !== WebSocket.OPEN) return;
      this.ledger.cuts.push("no close frame");
      socket.destroy();
    });
  }

  #flood(client: WebSocket, socket: Socket): void {
    const { pings } = this.#behaviour;
    if (pings === undefined) return;
    const flood = () => {
      for (let n = 0; n < pings.each && client.readyState === WebSocket.OPEN; n++) client.ping();
      if (client.readyState === WebSocket.CLOSING) socket.destroy();
    };
    const timer = setInterval(flood, pings.everyMs);
    client.on("close", () => clearInterval(timer));
    flood();
  }

  #tell(
    client: WebSocket,
    subscription: string,
    act: (actions: readonly Action[], event: null) => void,
    connection: number,
  ): void {
    const told = this.#behaviour.asked?.(this.#asked++, connection);
    if (told === undefined) return;
    if ("do" in told) {
      act([told], null);
      return;
    }
    const send = (message: readonly unknown[]) => client.send(JSON.stringify(message));
    setTimeout(() => {
      // A connection that is about to be cut gets nothing any more.
      if (this.#ending.has(client)) return;
      // Nobody reads what is in them.
      for (let n = 0; n < told.events; n++) send(["EVENT", subscription, {}]);
      send(["EOSE", subscription]);
    }, told.afterMs);
  }

  /** Not in the ledger, which is about publishes. */
  #replay(client: WebSocket, subscription: string, filters: readonly Filter[]): void {
    if (!this.#behaviour.keeps) return;
    const send = (message: RelayMessage) => client.send(JSON.stringify(message));
    for (const event of this.#kept) {
      const isAsked = filters.some((filter) => matchesFilter(filter, event));
      if (isAsked) send(["EVENT", subscription, event]);
    }
    send(["EOSE", subscription]);
  }

  #send(
    client: WebSocket,
    frame: Frame,
    { event, connection }: { readonly event: LedgerEvent | null; readonly connection: number },
  ): void {
    if (client.readyState !== WebSocket.OPEN || this.#ending.has(client)) return;
    const { data } = frame;
    const raw = typeof data === "string" || Buffer.isBuffer(data) ? data : JSON.stringify(data);
    this.ledger.note(frame, connection, performance.now());
    client.send(raw);
    // By now the bytes are with the system.
    event?.answers.push({ frame, sentMs: performance.now() });
  }

  /**
   * At once nothing is sent any more; the end comes when the client's pong says that it has read all that was:
   * a reset throws away what is under way, and then nobody knows whose answers were lost.
   */
  #cut(client: WebSocket, socket: Socket, how: "reset" | "end" | number): void {
    if (client.readyState !== WebSocket.OPEN || this.#ending.has(client)) return;
    this.#ending.add(client);
    this.ledger.cuts.push(typeof how === "number" ? String(how) : "no close frame");
    client.once("pong", () => {
      if (how === "reset") socket.resetAndDestroy();
      else if (how === "end") socket.end();
      else client.close(how);
    });
    client.ping();
  }
}

/** k6 says what it is; what prepares a run, or audits it, does not. */
function isGenerator({ "user-agent": agent = "" }: IncomingHttpHeaders): boolean {
  return agent.includes("k6/");
}

export async function startFaultyRelay(behaviour: Behaviour): Promise<FaultyRelay> {
  const relay = new FaultyRelay(behaviour);
  await relay.start();
  return relay;
}
