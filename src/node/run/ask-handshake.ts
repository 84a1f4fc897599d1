/**
 * One handshake with an admitted relay, to see what HTTP says of it, and how long each part takes: k6 calls every refusal
 * a bad handshake, and has one time for all. A redirect is told and never followed.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { RelayUrl } from "../../guard/relay-url.ts";
import type { Admission } from "../guard/gate.ts";
import { describeFailure, hostHeader, tlsOptions } from "../guard/pinned-get.ts";

const HANDSHAKE_MS = 5_000;
const BODY_MS = 2_000;
const MOST_BODY_BYTES = 2_048;
const MOST_TEXT = 120;

export interface HandshakeAnswer {
  /** Of HTTP; 101: the connection was opened; `null`: there was no answer of HTTP. */
  readonly status: number | null;
  readonly text: string;
  /** What the answer says that it comes from (RFC 9110, 10.2.4); left out where it says nothing. */
  readonly by?: string;
  /** Its text is of that too: many proxies put their name on what they only pass on. */
  readonly isOwn?: true;
  /** What the answer passed on its way (RFC 9110, 7.6.3). */
  readonly via?: string;
}

/** What a handshake's time went into, ms. */
export interface HandshakeParts {
  /** From the first packet until the connection of TCP stood: the network, and a queue of the relay's kernel. */
  readonly tcp: number;
  /** `null` without TLS. */
  readonly tls: number | null;
  /** From the request until the upgrade was answered. */
  readonly upgrade: number;
}

export interface Asked {
  readonly answer: HandshakeAnswer;
  /** Of a handshake that led to a connection. */
  readonly parts: HandshakeParts | null;
}

/** Asks the pinned address by its number; never rejects, ends in bounded time, leaves nothing open. */
export function askHandshake({ url, addresses, headers = {}, ca }: Admission): Promise<Asked> {
  const [address] = addresses;
  const host = address.includes(":") ? `[${address}]` : address;
  const isTls = url.scheme === "wss";
  const startMs = performance.now();
  let connectedMs: number | null = null;
  let securedMs: number | null = null;
  const finishRequest = (request: ClientRequest) => {
    request.once("socket", (raw) => {
      raw.once("connect", () => {
        connectedMs = performance.now();
      });
      raw.once("secureConnect", () => {
        securedMs = performance.now();
      });
    });
    request.end();
  };
  const partsOf = (openMs: number): HandshakeParts | null => {
    if (connectedMs === null || (isTls && securedMs === null)) return null;
    const readyMs = securedMs ?? connectedMs;
    return {
      tcp: connectedMs - startMs,
      tls: isTls ? readyMs - connectedMs : null,
      upgrade: openMs - readyMs,
    };
  };
  const socket = new WebSocket(`${url.scheme}://${host}:${url.port}${url.path}`, {
    headers: { ...headers, host: hostHeader(url, url.port) },
    agent: false,
    followRedirects: false,
    handshakeTimeout: HANDSHAKE_MS,
    perMessageDeflate: false,
    finishRequest,
    ...tlsOptions(url, ca),
  });
  return new Promise((resolve) => {
    socket.once("open", () => {
      resolve({ answer: { status: 101, text: "" }, parts: partsOf(performance.now()) });
      socket.close();
      // A relay that leaves the Close frame unanswered must not keep the connection.
      setTimeout(() => socket.terminate(), 500).unref();
    });
    socket.on("unexpected-response", (request, response) => {
      void readRefusal(response, url, Object.values(headers)).then((answer) => {
        request.destroy();
        resolve({ answer, parts: null });
      });
    });
    socket.on("error", (error) =>
      resolve({ answer: { status: null, text: describeFailure(error) }, parts: null }),
    );
  });
}

async function readRefusal(
  response: IncomingMessage,
  url: RelayUrl,
  secrets: readonly string[],
): Promise<HandshakeAnswer> {
  const { statusCode = 0, statusMessage = "", headers } = response;
  if (statusCode >= 300 && statusCode < 400) {
    return { status: statusCode, text: describeRedirect(headers.location ?? "", url) };
  }
  const isPage = /html/i.test(headers["content-type"] ?? "");
  const body = await readStart(response);
  // What was sent along is nobody's to read in a report.
  const hide = (words: string) => secrets.reduce((all, one) => all.replaceAll(one, "…"), words);
  const said = isPage ? [statusMessage] : [statusMessage, body];
  const text = printable(said.filter((part) => part.trim() !== "").join(": "));
  const by = printable(String(headers.server ?? ""));
  const via = printable(String(headers.via ?? ""));
  return {
    status: statusCode,
    text: hide(text),
    ...(by === "" ? {} : { by: hide(by) }),
    ...(isOwn(by, body) ? { isOwn: true } : {}),
    ...(via === "" ? {} : { via: hide(via) }),
  };
}

/** Proxies name themselves on their own pages; to who wants no page, Cloudflare says `error code: 1015`. */
function isOwn(by: string, body: string): boolean {
  const [name = ""] = by.toLowerCase().split("/");
  if (name === "cloudflare" && /^error code: \d+/.test(body)) return true;
  return name !== "" && body.toLowerCase().includes(name);
}

/** Where a redirect leads, without what may be secret: the path that was asked for, and any query. */
export function describeRedirect(location: string, url: RelayUrl): string {
  const scheme = url.scheme === "wss" ? "https" : "http";
  const asked = `${scheme}://${url.label}`;
  if (location === "" || !URL.canParse(location, asked)) return "it says not where to";
  const { protocol, host, hostname, port, pathname } = new URL(location, asked);
  if (!["http:", "https:", "ws:", "wss:"].includes(protocol)) return `to ${protocol}`;
  const isTls = protocol === "https:" || protocol === "wss:";
  const place = port === "" ? `${hostname}:${isTls ? 443 : 80}` : host;
  const [own = "/"] = url.path.split("?");
  const target = `${isTls ? "wss" : "ws"}://${place}`;
  if (pathname === own) return own === "/" ? `${target}/` : `${target} with the same path`;
  if (pathname === `${own}/`) return `${target} with the same path and a slash at its end`;
  return own === "/" ? printable(`${target}${pathname}`) : `${target} with another path`;
}

async function readStart(response: IncomingMessage): Promise<string> {
  let text = "";
  const timer = setTimeout(() => response.destroy(), BODY_MS);
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length >= MOST_BODY_BYTES) break;
    }
  } catch {
    // The status is known; what was read of the rest is enough.
  } finally {
    clearTimeout(timer);
  }
  return text;
}

function printable(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim()
    .slice(0, MOST_TEXT);
}
