/**
 * What stands before a relay, on loopback and in the process of the test: a TCP proxy that takes connections late,
 * refuses, ends or forgets them, as it is told. What it did is in a ledger of its own; handshakes of others than the
 * generator are treated alike and not in it.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** What becomes of a connection; without any of it, it is handed on. */
interface Treatment {
  /** Handed on so long behind its request. */
  readonly lateMs?: number;
  /** Answered with this status instead, or reset. */
  readonly refuse?: number | "reset";
  /** Ended, without a Close frame, so long behind its last byte. */
  readonly idleMs?: number;
  /** Reset as soon as the upgrade was handed back. */
  readonly isCut?: true;
  /** Half-open from the upgrade on: nothing is handed on any more, and nothing ends. */
  readonly isForgotten?: true;
}

/** `place`: among the generator's handshakes, from 0; `open`: its connections from the same address by now. */
type Treat = (visit: { readonly place: number; readonly open: number }) => Treatment;

/** What the opcode of a Close frame makes of its first byte (RFC 6455, 5.2). */
const CLOSE_FRAME = 0x88;

export class TcpProxy {
  readonly ledger = {
    /** Handshakes begun, and those whose upgrade was handed back. */
    attempts: 0,
    opened: 0,
    /** Handshakes turned down, by the name that a true report has for it. */
    refusals: [] as string[],
    /** Connections ended here though both sides wanted them. */
    cuts: 0,
    /** What came on connections that were forgotten. */
    swallowedBytes: 0,
  };
  readonly #relayPort: number;
  readonly #treat: Treat;
  readonly #sockets = new Set<Socket>();
  /** Connections of the generator that are open, with where they came from. */
  readonly #open = new Map<Socket, string>();
  #server: Server = createServer();
  #port = 0;

  constructor(relayUrl: string, treat: Treat) {
    this.#relayPort = Number(new URL(relayUrl).port);
    this.#treat = treat;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#server = createServer((socket) => this.#take(socket));
    this.#server.listen({ host: "127.0.0.1", port: this.#port });
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections at once, and takes nobody for so long. */
  async restart(downMs: number): Promise<void> {
    this.#server.close();
    for (const socket of this.#open.keys()) this.#cut(socket);
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await once(this.#server, "close");
    await wait(downMs);
    await this.start();
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #take(client: Socket): void {
    this.#hold(client);
    client.once("data", (head) => {
      const isLoad = head.includes("k6/");
      const from = String(client.remoteAddress);
      const open = [...this.#open.values()].filter((address) => address === from).length;
      const treatment = this.#treat({ place: this.ledger.attempts, open });
      if (isLoad) this.ledger.attempts++;
      const { refuse, lateMs = 0 } = treatment;
      if (refuse === undefined) {
        client.pause();
        const pass = () => this.#pass(client, head, treatment, isLoad ? from : null);
        setTimeout(pass, lateMs);
        return;
      }
      if (isLoad) this.ledger.refusals.push(refuse === "reset" ? "reset" : "handshake");
      if (refuse === "reset") client.resetAndDestroy();
      else client.end(`HTTP/1.1 ${refuse} Refused\r\nContent-Length: 0\r\n\r\n`);
    });
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // Who resets a connection is done with it.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  /** `from`: of the generator's; `null`: of another's. */
  #pass(client: Socket, head: Buffer, treatment: Treatment, from: string | null): void {
    const relay = connect(this.#relayPort, "127.0.0.1");
    this.#hold(relay);
    relay.write(head);
    relay.once("data", (upgrade) => {
      client.write(upgrade, () => treatment.isCut && this.#cut(client));
      if (from !== null) {
        this.ledger.opened++;
        this.#open.set(client, from);
      }
      client.setTimeout(treatment.idleMs ?? 0, () => this.#cut(client));
      if (treatment.isForgotten) relay.pause();
      else relay.pipe(client);
    });
    client.on("data", (data) => {
      // Who wants to close is cut no more: nobody could say who was first.
      const isClosing = data[0] === CLOSE_FRAME;
      if (isClosing) this.#open.delete(client);
      if (!treatment.isForgotten) relay.write(data);
      else if (isClosing) client.end();
      else this.ledger.swallowedBytes += data.length;
    });
    client.resume();
    relay.on("close", () => client.end());
    client.on("close", () => {
      this.#open.delete(client);
      relay.destroy();
    });
  }

  #cut(client: Socket): void {
    if (!this.#open.delete(client)) return;
    this.ledger.cuts++;
    client.resetAndDestroy();
  }
}
