import type { WebSocket } from "k6/websockets";

/** What k6 calls a socket's handler with. */
export interface SocketEvent {
  readonly target: WebSocket;
  readonly error?: unknown;
  readonly code?: number;
  readonly reason?: string;
}
