import type { WebSocket } from "k6/websockets";
import type { Client } from "./client.ts";

/** What k6 calls a socket's handler with. */
export interface SocketEvent {
  readonly target: OwnSocket;
  readonly error?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** What each connection's socket is given, but for its messages'. */
export type Handlers = Pick<WebSocket, "onopen" | "onping" | "onpong" | "onerror" | "onclose">;

/** A socket of k6's that knows whose it is: to read that costs less than to ask a map. */
export type OwnSocket = WebSocket & { client: Client };
