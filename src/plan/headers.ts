/**
 * Headers of a user's own for the handshake: what a relay, or the proxy before it, asks for. Their values
 * may be secrets: a plan's text, a report and a log have their names only.
 */
import { ConfigError } from "../errors.ts";

export interface Header {
  readonly name: string;
  readonly value: string;
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** A header that the handshake, or the request of a document, sets itself. */
const OWN =
  /^(host|connection|upgrade|sec-websocket-.*|accept|accept-encoding|content-.*|transfer-encoding|te|trailer|expect|keep-alive|proxy-connection)$/i;
const MOST_VALUE = 4_096;
/** 198.18.0.0/15 is kept for tests between networks (RFC 2544): nobody's address. */
const TEST_NETWORK = 198 * 2 ** 24 + 18 * 2 ** 16;
const TEST_ADDRESSES = 2 ** 17;

/** Reads headers, one a line, as `Name: value`; the value is never repeated. Throws `ConfigError`. */
export function parseHeaders(text: string, label: string): readonly Header[] {
  const headers = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => parseHeader(line, label));
  const names = headers.map(({ name }) => name.toLowerCase());
  const twice = headers.find(({ name }, i) => names.indexOf(name.toLowerCase()) !== i);
  if (twice === undefined) return headers;
  throw new ConfigError(`${label} must name each header once, got \`${twice.name}\` twice`);
}

/** Reads the name of a header that the handshake leaves free. Throws `ConfigError`. */
export function parseHeaderName(text: string, label: string): string {
  if (!TOKEN.test(text)) {
    throw new ConfigError(
      `${label} must begin with a header's name, as in \`Origin: https://app.example\`; what came is not shown`,
    );
  }
  if (OWN.test(text)) {
    throw new ConfigError(`${label} must not set \`${text}\`: the handshake has its own`);
  }
  return text;
}

/** The address that stands for a client of the run. */
export function clientAddress(client: number): string {
  const address = TEST_NETWORK + ((client + 1) % TEST_ADDRESSES);
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 255).join(".");
}

/** For what the CLI asks itself: an address that no client of a run of up to 100,000 has. */
export const OWN_ADDRESS = clientAddress(TEST_ADDRESSES - 3);

/** The headers of one connection, its own address among them where the relay is told one. */
export function headersOf(
  headers: readonly Header[],
  addressHeader: string | null,
  address: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ...headers.map(({ name, value }) => [name, value]),
    ...(addressHeader === null ? [] : [[addressHeader, address]]),
  ]);
}

function parseHeader(line: string, label: string): Header {
  const colon = line.indexOf(":");
  if (colon < 0) {
    throw new ConfigError(
      `${label} must be \`Name: value\`, as in \`Origin: https://app.example\`; what came is not shown`,
    );
  }
  const name = parseHeaderName(line.slice(0, colon).trim(), label);
  const value = line.slice(colon + 1).trim();
  if (value === "" || value.length > MOST_VALUE || !/^[\t\x20-\x7e]+$/.test(value)) {
    throw new ConfigError(
      `${label} must give \`${name}\` a value of printable ASCII, at most ${MOST_VALUE} characters; what came is not shown`,
    );
  }
  return { name, value };
}
