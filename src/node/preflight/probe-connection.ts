/** One WebSocket connection of preflight: an event out, what the relay says of it in. */
import { WebSocket } from "ws";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { describeFailure, hostHeader, tlsOptions } from "../guard/pinned-get.ts";
import { printable } from "./information.ts";

const HANDSHAKE_MS = 5_000;
/** Behind a NOTICE an OK is waited for no longer than this. */
const BEHIND_NOTICE_MS = 1_000;
const MOST_FRAME_BYTES = 1_048_576;

/** `form`: an OK with the event's id, one without (NIP-01 wants it), or a NOTICE and no OK. */
export type Said =
  | { readonly status: "accepted"; readonly text: string }
  | {
      readonly status: "refused";
      readonly text: string;
      readonly form: "ok" | "unnamed" | "notice";
    }
  | { readonly status: "ended"; readonly text: string }
  | { readonly status: "silent" };

export interface ProbeConnection {
  readonly address: string;
  /** Admitted addresses that were tried before, with why they are not used. */
  readonly passed: readonly string[];
  /** It sent an AUTH challenge (NIP-42). */
  readonly challenged: boolean;
  readonly isOpen: boolean;
  publish(event: NostrEvent, mostMs: number): Promise<Said>;
  close(): void;
}

/** Opens a connection to one admitted address, dialled by its number; a text says why there is none. */
export async function openProbe(
  admission: Admission,
  address: string,
  passed: readonly string[] = [],
): Promise<ProbeConnection | string> {
  const { url, headers = {} } = admission;
  const host = address.includes(":") ? `[${address}]` : address;
  const socket = new WebSocket(`${url.scheme}://${host}:${url.port}${url.path}`, {
    headers: { ...headers, host: hostHeader(url, url.port) },
    agent: false,
    followRedirects: false,
    handshakeTimeout: HANDSHAKE_MS,
    perMessageDeflate: false,
    maxPayload: MOST_FRAME_BYTES,
    ...tlsOptions(url),
  });
  const talk = new Talk(socket, address, passed);
  const failure = await opened(socket);
  return failure ?? talk;
}

class Talk implements ProbeConnection {
  readonly address: string;
  readonly passed: readonly string[];
  challenged = false;
  readonly #socket: WebSocket;
  readonly #sent = new Set<string>();
  #awaited: string | null = null;
  #notice: string | null = null;
  #end: string | null = null;
  #settle: (said: Said) => void = () => {};
  #hurry: () => void = () => {};

  constructor(socket: WebSocket, address: string, passed: readonly string[]) {
    this.#socket = socket;
    this.address = address;
    this.passed = passed;
    socket.on("message", (data) => this.#take(String(data)));
    // A frame that breaks the protocol, or a reset: the close says all that matters.
    socket.on("error", () => {});
    socket.on("close", (code, reason) => {
      this.#end = printable(describeEnd(code, String(reason)));
      this.#settle({ status: "ended", text: this.#end });
    });
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  publish(event: NostrEvent, mostMs: number): Promise<Said> {
    if (this.#end !== null) return Promise.resolve({ status: "ended", text: this.#end });
    this.#sent.add(event.id);
    this.#awaited = event.id;
    this.#notice = null;
    return new Promise<Said>((resolve) => {
      const giveUp = () => {
        const text = this.#notice;
        this.#settle(
          text === null ? { status: "silent" } : { status: "refused", text, form: "notice" },
        );
      };
      let timer = setTimeout(giveUp, mostMs);
      this.#hurry = () => {
        clearTimeout(timer);
        timer = setTimeout(giveUp, Math.min(mostMs, BEHIND_NOTICE_MS));
      };
      this.#settle = (said) => {
        clearTimeout(timer);
        this.#awaited = null;
        this.#settle = () => {};
        this.#hurry = () => {};
        resolve(said);
      };
      this.#socket.send(JSON.stringify(["EVENT", event]));
    });
  }

  close(): void {
    this.#socket.close();
    // A relay that leaves the Close frame unanswered must not hold this process up.
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #take(data: string): void {
    const [type, first, second, third] = parseMessage(data);
    const text = printable(typeof third === "string" ? third : "");
    if (type === "AUTH") this.challenged = true;
    else if (type === "NOTICE" && this.#awaited !== null) {
      this.#notice ??= printable(typeof first === "string" ? first : "");
      this.#hurry();
    } else if (type === "OK" && typeof second === "boolean" && this.#awaited !== null) {
      const isNamed = first === this.#awaited;
      // An answer to an event before that came late.
      if (!isNamed && typeof first === "string" && this.#sent.has(first)) return;
      if (second) this.#settle({ status: "accepted", text });
      else this.#settle({ status: "refused", text, form: isNamed ? "ok" : "unnamed" });
    }
  }
}

function opened(socket: WebSocket): Promise<string | null> {
  return new Promise((resolve) => {
    socket.once("open", () => resolve(null));
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      resolve(`the handshake was answered with HTTP status ${response.statusCode}`);
    });
    socket.on("error", (error) => resolve(describe(error)));
  });
}

function describe(error: Error): string {
  return /handshake has timed out/.test(error.message)
    ? "no answer to the handshake in time"
    : describeFailure(error);
}

/** The code of a Close frame with its reason; 1006 stands for no frame (RFC 6455, 7.1.5). */
function describeEnd(code: number, reason: string): string {
  if (code === 1_006) return "without a Close frame";
  return `with code ${code}${reason === "" ? "" : ` (${reason})`}`;
}

function parseMessage(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    // Not a frame of the protocol: the run itself counts those.
    return [];
  }
}
