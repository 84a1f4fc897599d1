/**
 * One peer that subscribes and hardly reads. Nothing is taken from its socket but at the rate that was set, so that the
 * buffers of the system fill, and then those of the relay. It answers no Ping meanwhile: it has not read it.
 */
import type { IncomingMessage } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { WebSocket } from "ws";
import type { Admission } from "../guard/gate.ts";
import { dial, hangUp, readMessage } from "../preflight/dial.ts";

const HANDSHAKE_MS = 10_000;
const EOSE_MS = 10_000;
/** What came is taken when nothing more has come for so long. */
const QUIET_MS = 200;

export interface SlowReader {
  /** Of its own end. */
  readonly port: number;
  /** EVENT frames that it took. */
  readonly frames: number;
  readonly bytes: number;
  /** How its connection ended, once it knows. */
  readonly ended: string | null;
  /** Reads on where it may. */
  tick(nowMs: number): void;
  /** Takes what is there, and hangs up. */
  drain(mostMs: number): Promise<void>;
}

/** Opens one, and has it subscribe; why not where that failed. It reads as usual until all are answered. */
export async function openSlowReader(
  admission: Admission,
  filters: readonly string[],
  bytesPerSec: number,
): Promise<SlowReader | string> {
  const reader = await dial(admission, HANDSHAKE_MS, (socket) => new Reader(socket, bytesPerSec));
  if (typeof reader === "string") return reader;
  return (await reader.subscribe(filters)) ?? reader;
}

class Reader implements SlowReader {
  frames = 0;
  ended: string | null = null;
  port = 0;
  readonly #socket: WebSocket;
  readonly #bytesPerSec: number;
  readonly #waiting = new Set<string>();
  #stream: IncomingMessage["socket"] | null = null;
  #settle: (refused: string | null) => void = () => {};
  /** From when on it reads slowly, and what it had read by then. */
  #slowFromMs = Number.POSITIVE_INFINITY;
  #readBefore = 0;

  constructor(socket: WebSocket, bytesPerSec: number) {
    this.#socket = socket;
    this.#bytesPerSec = bytesPerSec;
    socket.once("upgrade", ({ socket: stream }: IncomingMessage) => {
      this.#stream = stream;
      this.port = stream.localPort ?? 0;
    });
    socket.on("message", (data) => this.#take(String(data)));
    socket.on("close", (code) => {
      this.ended ??= code === 1006 ? "no close frame" : `code ${code}`;
      this.#settle(`the connection ended: ${this.ended}`);
    });
    socket.on("error", () => {});
  }

  get bytes(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  async subscribe(filters: readonly string[]): Promise<string | null> {
    const refused = await new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve("no EOSE"), EOSE_MS);
      this.#settle = (why) => {
        clearTimeout(timer);
        resolve(why);
      };
      filters.forEach((filter, i) => {
        this.#waiting.add(`slow${i}`);
        this.#socket.send(`["REQ","slow${i}",${filter}]`);
      });
    });
    if (refused !== null) {
      hangUp(this.#socket);
      return refused;
    }
    this.#slowFromMs = performance.now();
    this.#readBefore = this.bytes;
    this.#socket.pause();
    return null;
  }

  tick(nowMs: number): void {
    if (this.#mayRead(nowMs)) this.#socket.resume();
  }

  async drain(mostMs: number): Promise<void> {
    const untilMs = performance.now() + mostMs;
    this.#slowFromMs = Number.POSITIVE_INFINITY;
    this.#socket.resume();
    for (let before = -1; this.ended === null && performance.now() < untilMs; ) {
      if (this.bytes === before) break;
      before = this.bytes;
      await wait(QUIET_MS);
    }
    // From here on the end is its own.
    const { ended } = this;
    hangUp(this.#socket);
    this.ended = ended;
    this.#socket.removeAllListeners("close");
  }

  #mayRead(nowMs: number): boolean {
    const allowed = (this.#bytesPerSec * (nowMs - this.#slowFromMs)) / 1_000;
    return this.bytes - this.#readBefore < allowed;
  }

  #take(text: string): void {
    if (text.startsWith('["EVENT"')) this.frames++;
    const isSlow = this.#slowFromMs < Number.POSITIVE_INFINITY;
    if (isSlow && !this.#mayRead(performance.now())) this.#socket.pause();
    if (this.#waiting.size === 0) return;
    const [type, id, words] = readMessage(text);
    if (type === "CLOSED") this.#settle(`CLOSED: ${String(words)}`);
    if (type === "EOSE" && this.#waiting.delete(String(id)) && this.#waiting.size === 0) {
      this.#settle(null);
    }
  }
}
