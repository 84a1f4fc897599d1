/**
 * Relay URLs, read strictly: what two programs could read differently is refused, so that the host
 * which the guard judges is the host that k6 (Go's `net/url` and `net.ParseIP`) and Node (WHATWG URL)
 * dial. Errors never repeat credentials, path or query.
 */
import { ConfigError } from "../errors.ts";
import { parseAddress } from "./address.ts";
import { parseHost } from "./host.ts";

export interface RelayUrl {
  readonly scheme: "ws" | "wss";
  /** Lower case, no brackets, no trailing dot; IPv6 as in RFC 5952. */
  readonly host: string;
  readonly port: number;
  /** Path and query, for dialling only: may hold a secret. */
  readonly path: string;
  /** `host:port`, all of the URL that a report or a log may show. */
  readonly label: string;
}

const EXAMPLE = "give it as `ws://127.0.0.1:7777` or `wss://relay.internal`";

/**
 * Reads one relay URL (NIP-01: `ws` or `wss`; RFC 6455 §3: no fragment). Throws `ConfigError`.
 */
export function parseRelayUrl(text: string): RelayUrl {
  refuseBadCharacters(text);
  const { scheme, rest } = splitScheme(text);
  if (rest.includes("#")) {
    throw new ConfigError("a relay URL must not have a fragment, got `#…`; remove it (RFC 6455)");
  }
  const authority = rest.slice(0, rest.search(/[/?]|$/));
  refuseCredentials(authority);
  const { hostText, portText } = splitPort(authority);
  const host = parseHost(hostText);
  const port = parsePort(portText, scheme);
  const path = rest.slice(authority.length);
  if (/%(?![0-9a-f]{2})/i.test(path)) {
    throw new ConfigError("a `%` in a relay URL's path must be followed by two hex digits");
  }
  return {
    scheme,
    host,
    port,
    path: path.startsWith("/") ? path : `/${path}`,
    label: `${bracket(host)}:${port}`,
  };
}

/** Reads relay URLs separated by commas: at least one, none twice. Throws `ConfigError`. */
export function parseRelayUrls(text: string): readonly RelayUrl[] {
  if (text.trim() === "") throw new ConfigError(`a relay URL is required; ${EXAMPLE}`);
  const urls = text.split(",").map((part) => parseRelayUrl(part.trim()));
  const seen = new Set<string>();
  for (const url of urls) {
    const target = toDialUrl(url);
    if (seen.has(target)) {
      throw new ConfigError(`relay URLs must differ, got \`${url.label}\` twice; remove one`);
    }
    seen.add(target);
  }
  return urls;
}

/** The URL to dial, put together from what was judged: dial this, never the text that came in. */
export function toDialUrl(url: RelayUrl): string {
  return `${url.scheme}://${url.label}${url.path}`;
}

/** Reads the host name of `ALLOW_DEDICATED_RELAY`: a name or an address, no URL. */
export function parseDedicatedHost(text: string): string {
  const address = parseAddress(text);
  if (address !== undefined) return address.toString();
  if (/[/@?#\\]|[^\]]:[0-9]*$/.test(text)) {
    throw new ConfigError(
      "ALLOW_DEDICATED_RELAY must be one host name without scheme, port, path or credentials",
    );
  }
  return parseHost(text);
}

function refuseBadCharacters(text: string): void {
  if (text === "") throw new ConfigError(`a relay URL is required, got an empty one; ${EXAMPLE}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) {
    throw new ConfigError(`a relay URL must not hold control characters; ${EXAMPLE}`);
  }
  if (/\s/.test(text)) throw new ConfigError(`a relay URL must not hold whitespace; ${EXAMPLE}`);
  if (/[^\u0021-\u007e]/.test(text)) {
    throw new ConfigError(
      "a relay URL must be ASCII; give an international name in its `xn--` form (punycode)",
    );
  }
  if (text.includes("\\")) {
    throw new ConfigError("a relay URL must not hold a backslash: browsers read it as `/`");
  }
}

function splitScheme(text: string): { scheme: "ws" | "wss"; rest: string } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?=[^/?#])(.*)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const rest = match?.[2];
  if (rest !== undefined && (scheme === "ws" || scheme === "wss")) return { scheme, rest };
  if (rest !== undefined) {
    const got = scheme !== undefined && scheme.length <= 8 ? `${scheme}://…` : "another scheme";
    throw new ConfigError(`a relay URL must use ws:// or wss://, got \`${got}\`; ${EXAMPLE}`);
  }
  const hint = /^wss?:/i.test(text) ? "exactly two slashes and a host after the scheme" : "use";
  throw new ConfigError(`a relay URL must start with ws:// or wss:// (${hint}); ${EXAMPLE}`);
}

function refuseCredentials(authority: string): void {
  const count = authority.split("@").length - 1;
  if (count > 1) {
    throw new ConfigError(
      "a relay URL must not hold several `@` before its path: programs disagree on the host",
    );
  }
  if (count === 1) {
    throw new ConfigError(
      "a relay URL must not hold credentials (`…@`); for a proxy that asks for them give --header 'Authorization: Basic …' (base64 of user:password)",
    );
  }
}

function splitPort(authority: string): { hostText: string; portText: string | undefined } {
  const match = /^(\[[^[\]]*\]|[^:[\]]*)(?::([^:[\]]*))?$/.exec(authority);
  if (match?.[1] !== undefined) return { hostText: match[1], portText: match[2] };
  if (/[[\]]/.test(authority)) {
    throw new ConfigError(
      "brackets in a relay URL must enclose one IPv6 address, as in `[::1]:7777`",
    );
  }
  throw new ConfigError(
    "an IPv6 address in a relay URL must stand in brackets, as in `[::1]:7777`",
  );
}

function parsePort(text: string | undefined, scheme: "ws" | "wss"): number {
  if (text === undefined) return scheme === "ws" ? 80 : 443;
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  // Not a number: may be the cut-off half of a password, so it isn't repeated.
  const got = /^[0-9]{1,10}$/.test(text) ? `\`${text}\`` : "something else";
  throw new ConfigError(`a relay URL's port must be a decimal number from 1 to 65535, got ${got}`);
}

function bracket(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
