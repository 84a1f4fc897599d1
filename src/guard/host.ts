/**
 * The host of a relay URL: a strict literal address or a host name (RFC 1123 §2.1, RFC 1035 §2.3.4).
 * Spellings that inet_aton, Go and WHATWG URL read differently are refused as ambiguous.
 */
import { ConfigError } from "../errors.ts";
import { parseAddress } from "./address.ts";

/**
 * Gives the normalised host: lower case, no brackets, one trailing dot removed, IPv6 as in RFC 5952.
 * Throws `ConfigError`.
 */
export function parseHost(text: string): string {
  if (text === "") throw new ConfigError("a relay URL must name a host, got an empty one");
  if (text.startsWith("[")) return parseBracketed(text);
  if (text.includes("%")) {
    throw new ConfigError(
      "a relay's host must not be percent-encoded: programs decode it differently",
    );
  }
  if (!/^[a-z0-9._-]+$/i.test(text)) {
    throw new ConfigError(
      "a relay's host may hold letters, digits, `.`, `-` and, in a single label, `_` only",
    );
  }
  const lower = text.toLowerCase();
  const name = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  return endsInNumber(name) ? parseIpv4(name, lower) : parseName(name);
}

function parseBracketed(text: string): string {
  const inner = text.slice(1, -1);
  if (inner.includes("%")) {
    throw new ConfigError(
      "an IPv6 zone (`%…`) in a relay URL is refused: it means another network on every machine",
    );
  }
  const address = inner.includes(":") ? parseAddress(inner) : undefined;
  if (address === undefined || !text.endsWith("]")) {
    throw new ConfigError(
      "brackets in a relay URL must enclose one IPv6 address, as in `[::1]:7777`",
    );
  }
  return address.toString();
}

/** WHATWG URL's "ends in a number checker": such a host is an IPv4 address or an error. */
function endsInNumber(name: string): boolean {
  return /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(name);
}

function parseIpv4(name: string, spelled: string): string {
  // Without the dot Go looks such a host up as a name, WHATWG URL reads an address.
  if (parseAddress(name) === undefined || name !== spelled) {
    throw new ConfigError(
      `an IPv4 address must be four decimal numbers from 0 to 255 without leading zeros, got \`${spelled}\`; ` +
        "it is ambiguous: programs read octal, hexadecimal and short forms differently",
    );
  }
  return name;
}

function parseName(name: string): string {
  const labels = name.split(".");
  if (name.length > 253) {
    throw new ConfigError(`a host name has at most 253 characters, got ${name.length} (RFC 1035)`);
  }
  for (const label of labels) {
    if (label === "") throw new ConfigError("a host name must not hold an empty label (`..`)");
    if (label.length > 63) {
      throw new ConfigError(
        `a label of a host name has at most 63 characters, got ${label.length} (RFC 1035)`,
      );
    }
    if (label.startsWith("-") || label.endsWith("-")) {
      throw new ConfigError("a label of a host name must not begin or end with `-` (RFC 1123)");
    }
  }
  if (labels.length > 1 && name.includes("_")) {
    throw new ConfigError("an underscore is accepted in a single-label service name only");
  }
  return name;
}
