/**
 * HTTP GET to a relay's own host under the guard's rules: it dials one address that was resolved and
 * judged before, by its number; follows no redirect, uses no proxy, and is bounded in time and size.
 */
import * as http from "node:http";
import * as https from "node:https";
import { rootCertificates } from "node:tls";
import { parseAddress } from "../../guard/address.ts";
import type { RelayUrl } from "../../guard/relay-url.ts";

export interface GetLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface GetRequest {
  readonly url: RelayUrl;
  /** One that the gate gave for `url`. */
  readonly address: string;
  readonly limits: GetLimits;
  readonly port: number;
  readonly path: string;
  readonly accept: string;
  /** Beside our own, which win. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string | undefined;
}

/** `date`: the relay's `Date` header as Unix ms, whatever the status; left out where there is none. */
export type Body = { readonly date?: number } & (
  | { readonly status: "read"; readonly text: string }
  | { readonly status: "absent"; readonly reason: string }
);

/** Gives the body of a 200, or why there is none; never rejects. */
export function pinnedGet(request: GetRequest): Promise<Body> {
  const { url, address, limits, port, path, accept, headers = {}, ca } = request;
  const isTls = url.scheme === "wss";
  const options: https.RequestOptions = {
    // A number, so that nothing is left to be resolved; the name is told to the relay only.
    host: address,
    port,
    path,
    headers: { ...headers, host: hostHeader(url, port), accept, "accept-encoding": "identity" },
    // An agent of its own: none that a proxy setting or a kept-alive socket could have changed.
    agent: false,
    signal: AbortSignal.timeout(limits.timeoutMs),
    ...tlsOptions(url, ca),
  };
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve(absent(describeFailure(error)));
    const sent = (isTls ? https : http).request(options, (response) => {
      const date = Date.parse(response.headers.date ?? "");
      readBody(response, limits.maxBytes).then(
        (body) => resolve(Number.isFinite(date) ? { ...body, date } : body),
        fail,
      );
    });
    sent.on("error", fail);
    sent.end();
  });
}

/** The `Host` header that names the relay, since the address is dialled by its number. */
export function hostHeader(url: RelayUrl, port: number): string {
  const host = url.host.includes(":") ? `[${url.host}]` : url.host;
  return port === (url.scheme === "wss" ? 443 : 80) ? host : `${host}:${port}`;
}

/**
 * RFC 6066: a server name is never an address; the certificate is held against the name, and may be signed by
 * one of `ca` (PEM) as well as by those that Node knows.
 */
export function tlsOptions(
  url: RelayUrl,
  ca?: string,
): {
  readonly servername?: string;
  readonly rejectUnauthorized?: true;
  readonly ca?: string[];
} {
  if (url.scheme !== "wss") return {};
  const isName = parseAddress(url.host) === undefined;
  return {
    rejectUnauthorized: true,
    ...(isName ? { servername: url.host } : {}),
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
  };
}

/** A connection's failure in a few words, without the URL. */
export function describeFailure(error: Error): string {
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time";
  return "code" in error ? String(error.code) : "the connection failed";
}

async function readBody(response: http.IncomingMessage, maxBytes: number): Promise<Body> {
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    response.destroy();
    const isRedirect = status >= 300 && status < 400;
    return absent(isRedirect ? "a redirect, which is not followed" : `HTTP status ${status}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    // Leaving the loop destroys the response and its socket.
    if (bytes > maxBytes) return absent(`more than ${maxBytes} bytes`);
    chunks.push(part);
  }
  return { status: "read", text: Buffer.concat(chunks).toString("utf8") };
}

function absent(reason: string): Body {
  return { status: "absent", reason };
}
