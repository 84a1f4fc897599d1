/** A WebSocket handshake with an admitted relay, at the first of its addresses, by its number. */
import { WebSocket } from "ws";
import type { Admission } from "../guard/gate.ts";
import { describeFailure, hostHeader, tlsOptions } from "../guard/pinned-get.ts";

const MOST_FRAME_BYTES = 1_048_576;

/**
 * What `listen` makes of a socket that is open then, or why there is none. `listen` is called from the start: what a
 * relay says at once must find a listener.
 */
export async function dial<T>(
  { url, addresses, headers = {}, ca }: Admission,
  handshakeMs: number,
  listen: (socket: WebSocket) => T,
  { deflates = false }: { readonly deflates?: boolean } = {},
): Promise<T | string> {
  const [address] = addresses;
  const host = address.includes(":") ? `[${address}]` : address;
  const socket = new WebSocket(`${url.scheme}://${host}:${url.port}${url.path}`, {
    headers: { ...headers, host: hostHeader(url, url.port) },
    agent: false,
    followRedirects: false,
    handshakeTimeout: handshakeMs,
    perMessageDeflate: deflates,
    maxPayload: MOST_FRAME_BYTES,
    ...tlsOptions(url, ca),
  });
  const listener = listen(socket);
  const failure = await new Promise<string | null>((resolve) => {
    socket.once("open", () => resolve(null));
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      resolve(`the handshake was answered with HTTP status ${response.statusCode}`);
    });
    socket.on("error", (error) => resolve(describe(error)));
  });
  return failure ?? listener;
}

/** Ends a connection; a relay that leaves the Close frame unanswered must not hold this process up. */
export function hangUp(socket: WebSocket): void {
  socket.close();
  setTimeout(() => socket.terminate(), 1_000).unref();
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The members of a frame; none for what is no frame of the protocol: the run itself counts those. */
export function readMessage(data: unknown): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(String(data));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

export function describeEnd(code: number, reason: string): string {
  if (code === 1006) return "without a Close frame";
  return reason === "" ? `with code ${code}` : `with code ${code} and \`${reason}\``;
}

function describe(error: Error): string {
  return /handshake has timed out/.test(error.message)
    ? "no answer to the handshake in time"
    : describeFailure(error);
}
