/**
 * Literal addresses: read strictly, so that no two programs can read the same text differently, and
 * classified by what a dial to them would reach.
 */
import ipaddr from "ipaddr.js";
import {
  type AddressKind,
  type EmbeddedIpv4,
  IPV4_RANGES,
  IPV6_GLOBAL_UNICAST,
  IPV6_RANGES,
  type RangeRow,
} from "./ranges.ts";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface AddressClass {
  readonly kind: AddressKind;
  /** The range and the RFC that defines it, to be shown. */
  readonly name: string;
}

const GLOBAL_UNICAST = ipaddr.parseCIDR(IPV6_GLOBAL_UNICAST);
const PUBLIC: AddressClass = { kind: "public", name: "a public address" };
const V4_TABLE = IPV4_RANGES.map(parseRow);
const V6_TABLE = IPV6_RANGES.map(parseRow);

/**
 * Reads one address; `undefined` if the text isn't exactly one. IPv4: four decimal octets without
 * leading zeros, as Go's `net.ParseIP` wants them (inet_aton's octal, hexadecimal and short forms are
 * refused). IPv6: RFC 4291 §2.2, no brackets, no zone.
 */
export function parseAddress(text: string): Address | undefined {
  const octets = parseOctets(text);
  if (octets !== undefined) return new ipaddr.IPv4(octets);
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(":")) return undefined;
  // ipaddr.js reads `::1.2.3.4` as the mapped address and takes octal octets; hexadecimal groups only
  // leave no such freedom.
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const hex = tail.includes(".") ? withHexTail(text, tail) : text;
  return hex !== undefined && ipaddr.IPv6.isValid(hex) ? ipaddr.IPv6.parse(hex) : undefined;
}

/**
 * The address that Go's dialer uses: an IPv4-mapped IPv6 address is dialled, and held against
 * `blacklistIPs`, as IPv4 (`net.IP.To4`); the kernel does the same for Node.
 */
export function toDialled(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
    ? address.toIPv4Address()
    : address;
}

/**
 * Says what a dial to the address would reach. A mapped address is the IPv4 address inside it. Every
 * other form that carries an IPv4 address is `special`, whatever it carries: a translator or tunnel
 * that isn't ours decides where such packets end.
 */
export function classifyAddress(address: Address): AddressClass {
  const dialled = toDialled(address);
  if (dialled instanceof ipaddr.IPv4) return findRange(dialled, V4_TABLE) ?? PUBLIC;
  const row = findRange(dialled, V6_TABLE);
  if (row?.embedded !== undefined) return { kind: row.kind, name: nameEmbedded(dialled, row) };
  if (row !== undefined) return row;
  return dialled.match(GLOBAL_UNICAST)
    ? PUBLIC
    : { kind: "special", name: "not assigned to anybody (RFC 4291 §2.4)" };
}

function nameEmbedded(address: ipaddr.IPv6, { name, embedded }: TableRow): string {
  const from = embedded?.from ?? 0;
  const bytes = address.toByteArray().slice(from, from + 4);
  const inner = new ipaddr.IPv4(embedded?.inverted ? bytes.map((byte) => 255 - byte) : bytes);
  return `${name} of ${inner}, ${classifyAddress(inner).name}`;
}

interface TableRow extends AddressClass {
  readonly range: [Address, number];
  readonly embedded: EmbeddedIpv4 | undefined;
}

function parseRow([cidr, kind, name, embedded]: RangeRow): TableRow {
  return { range: ipaddr.parseCIDR(cidr), kind, name, embedded };
}

function findRange(address: Address, table: readonly TableRow[]): TableRow | undefined {
  return table.find(({ range }) => address.match(range));
}

function parseOctets(text: string): number[] | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith(".")) return undefined;
  const octets = text.split(".").map(Number);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

function withHexTail(text: string, tail: string): string | undefined {
  const octets = parseOctets(tail);
  if (octets === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return text.slice(0, -tail.length) + groups;
}
