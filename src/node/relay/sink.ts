import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { answerHttp, describeRelay } from "./information.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { listen } from "./listen.ts";
import { SinkRows } from "./sink-rows.ts";
import { SinkSession } from "./sink-session.ts";

export interface SinkOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Events as JSON that each REQ is answered with, up to its limits; none by default. */
  readonly rows?: readonly string[];
}

export interface RunningSink {
  readonly url: string;
  readonly port: number;
  /** Events answered since the start. */
  answered(): number;
  close(): Promise<void>;
}

const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const GOING_AWAY = 1001;
const CLOSE_GRACE_MS = 1_000;

/** As its information document says, so that nobody asks it for what it said it took. */
export const SINK_SOFTWARE = "k6-nostr sink";

/**
 * Starts the sink, the null target of calibration: OK to every EVENT, the same rows and EOSE to every
 * REQ, nothing verified or kept; on 127.0.0.1 only. What a generator reaches here is its own bound.
 *
 * Measured with events of 500 B over 100 connections, system calls included: 10 µs of one core an
 * event when each comes in a segment of its own (100,000 events/s), 1.5 µs when 8 come together,
 * 0.4 µs when 64 do. A sink on `ws` took 13, 9 and 10 µs.
 *
 * @throws ConfigError when the port cannot be used
 */
export async function startSink(options: SinkOptions): Promise<RunningSink> {
  const information = {
    ...describeRelay(DEFAULT_LIMITS, false),
    name: SINK_SOFTWARE,
    software: SINK_SOFTWARE,
    description: "Says OK to everything and keeps nothing.",
    supported_nips: [1, 11],
  };
  const server = createServer((request, response) => answerHttp(information, request, response));
  const rows = new SinkRows(options.rows ?? []);
  const sessions = new Map<Duplex, SinkSession>();
  let answered = 0;
  server.on("upgrade", (request, socket, head) => {
    if (!acceptHandshake(request, socket)) return;
    const session = new SinkSession(socket, rows, (events) => {
      answered += events;
    });
    sessions.set(socket, session);
    socket.on("data", (chunk: Buffer) => session.receive(chunk));
    socket.on("end", () => socket.end());
    // A connection that breaks is the client's finding, not the sink's.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sessions.delete(socket));
    if (head.length > 0) session.receive(head);
  });
  const { port, url } = await listen(server, { host: "127.0.0.1", port: options.port });
  let closing: Promise<void> | undefined;
  return {
    url,
    port,
    answered: () => answered,
    close: () => {
      closing ??= stop(server, sessions);
      return closing;
    },
  };
}

function acceptHandshake(request: IncomingMessage, socket: Duplex): boolean {
  const key = request.headers["sec-websocket-key"];
  const isWebSocket = request.headers.upgrade?.toLowerCase() === "websocket";
  if (key === undefined || !isWebSocket || request.headers["sec-websocket-version"] !== "13") {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return false;
  }
  const accept = createHash("sha1").update(`${key}${HANDSHAKE_GUID}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  return true;
}

async function stop(server: Server, sessions: Map<Duplex, SinkSession>): Promise<void> {
  const stopped = once(server, "close");
  server.close();
  for (const session of sessions.values()) session.close(GOING_AWAY);
  const timer = setTimeout(() => {
    for (const socket of sessions.keys()) socket.destroy();
  }, CLOSE_GRACE_MS);
  server.closeAllConnections();
  await stopped;
  clearTimeout(timer);
}
