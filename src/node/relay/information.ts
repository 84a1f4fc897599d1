import type { IncomingMessage, ServerResponse } from "node:http";
import type { RelayLimits } from "./limits.ts";

/** A relay information document (NIP-11) with the members that this relay can vouch for. */
export interface RelayInformation {
  readonly name: string;
  readonly description: string;
  readonly supported_nips: readonly number[];
  readonly software: string;
  readonly limitation: Partial<RelayLimits> & {
    readonly auth_required: boolean;
    readonly payment_required: boolean;
    readonly restricted_writes: boolean;
  };
}

/** The embedded relay's document; NIP-42 is listed only where a challenge is sent. */
export function describeRelay(limits: RelayLimits, authRequired: boolean): RelayInformation {
  return {
    name: "k6-nostr embedded relay",
    description: "A relay on loopback for trying load tests out. It keeps what it is sent.",
    supported_nips: authRequired
      ? [1, 9, 11, 40, 42, 45, 50, 67, 70]
      : [1, 9, 11, 40, 45, 50, 67, 70],
    software: "k6-nostr",
    limitation: {
      ...limits,
      auth_required: authRequired,
      payment_required: false,
      restricted_writes: authRequired,
    },
  };
}

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "GET, HEAD, OPTIONS",
};

/** Answers a plain HTTP request: with the document when it is asked for, else with a line of text. */
export function answerHttp(
  information: RelayInformation,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.method === "OPTIONS") {
    response.writeHead(204, CORS).end();
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { ...CORS, allow: "GET, HEAD, OPTIONS" }).end();
  } else if (request.headers.accept?.includes("application/nostr+json") === true) {
    response
      .writeHead(200, { ...CORS, "content-type": "application/nostr+json" })
      .end(JSON.stringify(information));
  } else {
    response
      .writeHead(200, { ...CORS, "content-type": "text/plain; charset=utf-8" })
      .end("A Nostr relay: connect with a WebSocket.\n");
  }
}
