/** A WebSocket handshake with an admitted relay, and what it answers to events that are published. */
import { WebSocket } from "ws";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import { describeFailure, hostHeader, tlsOptions } from "../guard/pinned-get.ts";
import { printable } from "./information.ts";

const HANDSHAKE_MS = 5_000;
const ANSWER_MS = 5_000;
const MOST_FRAME_BYTES = 1_048_576;

export interface ProbeAnswer {
  readonly event: NostrEvent;
  /** `null`: no OK in time. */
  readonly accepted: boolean | null;
  readonly message: string;
}

export type Probe =
  | { readonly status: "reached"; readonly answers: readonly ProbeAnswer[] }
  | { readonly status: "unreached"; readonly reason: string };

/**
 * Connects to the first admitted address by its number, publishes `events` one after the other, closes.
 * Never rejects; ends in bounded time.
 */
export async function probeRelay(
  { url, addresses, headers = {} }: Admission,
  events: readonly NostrEvent[],
): Promise<Probe> {
  const [address] = addresses;
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
  const failure = await opened(socket);
  if (failure !== null) return { status: "unreached", reason: failure };
  try {
    const answers: ProbeAnswer[] = [];
    for (const event of events) answers.push(await publish(socket, event));
    return { status: "reached", answers };
  } finally {
    socket.close();
    // A relay that leaves the Close frame unanswered must not hold this process up.
    setTimeout(() => socket.terminate(), 1_000).unref();
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

function publish(socket: WebSocket, event: NostrEvent): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const end = (accepted: boolean | null, message: string) => {
      clearTimeout(timer);
      socket.off("message", onMessage);
      socket.off("close", onClose);
      resolve({ event, accepted, message: printable(message) });
    };
    const onClose = () => end(null, "the connection ended");
    const onMessage = (data: unknown) => {
      const ok = readOk(String(data), event.id);
      if (ok !== null) end(ok.accepted, ok.message);
    };
    const timer = setTimeout(() => end(null, "no OK in time"), ANSWER_MS);
    socket.on("message", onMessage);
    socket.on("close", onClose);
    if (socket.readyState !== WebSocket.OPEN) return onClose();
    socket.send(JSON.stringify(["EVENT", event]));
  });
}

function readOk(text: string, id: string): { accepted: boolean; message: string } | null {
  try {
    const [type, of, accepted, message]: readonly unknown[] = JSON.parse(text);
    if (type !== "OK" || of !== id || typeof accepted !== "boolean") return null;
    return { accepted, message: typeof message === "string" ? message : "" };
  } catch {
    // Not a frame of the protocol: the run itself counts those.
    return null;
  }
}

function describe(error: Error): string {
  return /handshake has timed out/.test(error.message)
    ? "no answer to the handshake in time"
    : describeFailure(error);
}
