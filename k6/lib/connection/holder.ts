/** Who says when the clients of a VU have connections. */
import type { Client } from "./client.ts";

/** How a client came to have no connection. */
export interface Down {
  /** The handshake failed, the relay ended the connection, or we did. */
  readonly how: "failed" | "dropped" | "closed";
  /** The relay, or what is before it, answered and would not have the client. */
  readonly isTurnedAway: boolean;
}

export interface Holder {
  /** A handshake has its end, either way. */
  onTried(client: Client): void;
  /** Not called any more once the run closes its connections. */
  onDown(client: Client, down: Down): void;
}
