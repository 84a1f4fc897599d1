/**
 * The addresses that connections come from, where they are several. k6 gives each VU one of them (`--local-ips`), and all
 * its connections share it: by the place of the VU's id, and the VU that asks the companion has an id too.
 */
import { ConfigError } from "../errors.ts";
import { type Address, parseAddress } from "../guard/address.ts";
import { clip } from "./options.ts";

export interface LocalIps {
  /** As k6 reads it. */
  readonly text: string;
  readonly addresses: readonly string[];
}

/** Each is a VU of its own. */
const MOST_ADDRESSES = 256;

/** Reads `a`, `a-b` and `a/bits`, several by commas, as k6 does (lib/types/ipblock.go). Throws `ConfigError`. */
export function parseLocalIps(text: string, label: string): LocalIps {
  const blocks = text.split(",").map((one) => parseBlock(one, label));
  const count = blocks.reduce((sum, { last, first }) => sum + last - first + 1, 0);
  if (count > MOST_ADDRESSES) {
    throw new ConfigError(
      `${label} must name at most ${MOST_ADDRESSES} addresses, got \`${count}\`: each is a VU of its own`,
    );
  }
  const addresses = blocks.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => textOf(first + i)),
  );
  if (new Set(addresses).size < addresses.length) {
    throw new ConfigError(`${label} must name each address once, got \`${clip(text)}\``);
  }
  return { text, addresses };
}

/** So many VUs that each has an address for itself, beside the one of the companion's. */
export function vusOf({ addresses }: LocalIps): number {
  return Math.max(1, addresses.length - 1);
}

/** Of one k6. */
interface Sourced {
  readonly clients: number;
  readonly relays: readonly unknown[];
  readonly vus: number;
  readonly localIps: LocalIps | null;
}

/**
 * Connections for which one source needs a port each, at most: those to one relay, or where it is bound to an address
 * those to all of them, as it then takes the port before it knows where it leads.
 */
export function mostOfASource({ clients, relays, vus, localIps }: Sourced): number {
  if (localIps === null) return Math.ceil(clients / Math.max(1, relays.length));
  const vusOfASource = Math.ceil((vus + 1) / localIps.addresses.length);
  return Math.min(clients, Math.ceil(clients / vus) * vusOfASource);
}

interface Block {
  readonly first: number;
  readonly last: number;
}

function parseBlock(text: string, label: string): Block {
  const [, from = "", to, bits] = /^([^-/]+)(?:-([^-/]+)|\/(\d{1,2}))?$/.exec(text.trim()) ?? [];
  const first = numberOf(parseAddress(from));
  const last = to === undefined ? first : numberOf(parseAddress(to));
  if (first === undefined || last === undefined || last < first || Number(bits ?? 0) > 32) {
    throw new ConfigError(
      `${label} must be IPv4 addresses, as \`127.0.0.2-127.0.0.9\`, \`127.0.0.0/29\` or several by commas, got \`${clip(text)}\``,
    );
  }
  return bits === undefined ? { first, last } : networkOf(first, Number(bits));
}

/** Of a network of more than two addresses k6 leaves the first and the last out. */
function networkOf(address: number, bits: number): Block {
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return size > 2
    ? { first: first + 1, last: first + size - 2 }
    : { first, last: first + size - 1 };
}

function numberOf(address: Address | undefined): number | undefined {
  if (address?.kind() !== "ipv4") return undefined;
  return address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}
